"""Fields of models and forms for what people type: kept in one form, and refused with the reason.

A model's field tidies wherever a value comes in: forms, serializers, `full_clean`, lookups, and at the latest
`save`. So rows are found by text that was typed another way.
"""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db import models

from facetrack.core.text import line_problem, lines_problem, tidy_line, tidy_lines


def validate_line(text: str) -> None:
    """Raises ValidationError."""
    if problem := line_problem(text):
        raise ValidationError(problem, code="invisible")


def validate_lines(text: str) -> None:
    """Raises ValidationError."""
    if problem := lines_problem(text):
        raise ValidationError(problem, code="invisible")


class LineInput(forms.CharField):
    """One line."""

    default_validators = [validate_line]

    def to_python(self, value: Any) -> Any:
        return tidied(super().to_python(value))


class LinesInput(forms.CharField):
    """Text of several lines."""

    default_validators = [validate_lines]

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value)
        return tidy_lines(text) if isinstance(text, str) else text


class LineField(models.CharField[str, str]):
    """One line. To a migration it is a CharField: only Python knows the difference."""

    default_validators = [validate_line]

    def to_python(self, value: Any) -> Any:
        return tidied(super().to_python(value))

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        return _tidied_attribute(self, model_instance)

    def formfield(self, **kwargs: Any) -> Any:
        return super().formfield(**{"form_class": LineInput, **kwargs})

    def deconstruct(self) -> Any:
        name, _, args, kwargs = super().deconstruct()
        return name, "django.db.models.CharField", args, kwargs


class LinesField(models.TextField[str, str]):
    """Text of several lines. To a migration it is a TextField."""

    default_validators = [validate_lines]

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value)
        return tidy_lines(text) if isinstance(text, str) else text

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        return _tidied_attribute(self, model_instance)

    def formfield(self, **kwargs: Any) -> Any:
        return super().formfield(**{"form_class": LinesInput, **kwargs})

    def deconstruct(self) -> Any:
        name, _, args, kwargs = super().deconstruct()
        return name, "django.db.models.TextField", args, kwargs


class LineEmailField(models.EmailField[str, str]):
    """An e-mail address. To a migration it is an EmailField."""

    def to_python(self, value: Any) -> Any:
        return tidied(super().to_python(value))

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        return _tidied_attribute(self, model_instance)

    def deconstruct(self) -> Any:
        name, _, args, kwargs = super().deconstruct()
        return name, "django.db.models.EmailField", args, kwargs


def tidied(text: Any) -> Any:
    return tidy_line(text) if isinstance(text, str) else text


def _tidied_attribute(field: Any, row: models.Model) -> Any:
    """The row has then what is stored. Expressions stay as they are."""
    value = getattr(row, field.attname)
    if isinstance(value, str):
        value = field.to_python(value)
        setattr(row, field.attname, value)
    return value
