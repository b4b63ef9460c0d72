"""Serializers and fields that all parts of the API share."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from copy import copy
from datetime import datetime
from functools import partial
from typing import Any, ClassVar, TypeVar

from django.core.exceptions import ValidationError as DjangoValidationError
from django.db import models
from django.db.models import Model
from django.utils.timezone import is_naive
from rest_framework import serializers

from facetrack.core.text import tidy_lines
from facetrack.core.text.fields import (
    LineEmailField,
    LineField,
    LinesField,
    tidied,
    validate_line,
)
from tenants.filters.fields import WITHOUT_ZONE
from tenants.rest.faults import refused_names

_Row = TypeVar("_Row", bound=Model)


class LineText(serializers.CharField):
    """One line, tidied before its length is counted."""

    def to_internal_value(self, data: Any) -> str:
        return self._not_blank(tidied(super().to_internal_value(data)))

    def _not_blank(self, text: str) -> str:
        if not text and not self.allow_blank:
            self.fail("blank")
        return text


class LineOfBody(LineText):
    """For a body that is no row: a row's field brings the check with it."""

    default_validators = [validate_line]


class LinesText(LineText):
    """Text of several lines."""

    def to_internal_value(self, data: Any) -> str:
        return self._not_blank(tidy_lines(serializers.CharField.to_internal_value(self, data)))


class LineEmail(serializers.EmailField):
    def to_internal_value(self, data: Any) -> str:
        return str(tidied(super().to_internal_value(data)))


class MomentOfBody(serializers.DateTimeField):
    """A moment in ISO 8601 with its offset from UTC; without one it is refused, whatever zone is meant."""

    def enforce_timezone(self, value: datetime) -> datetime:
        if is_naive(value):
            raise serializers.ValidationError(WITHOUT_ZONE, code="without_zone")
        return super().enforce_timezone(value)


class StrictSerializer(serializers.ModelSerializer[_Row]):
    """Refuses unknown and read-only fields, and tells all faults of a body at once.

    A model's own rules are asked about what is left when some fields are faulty: a client corrects
    a body once, and not once for each rule.
    """

    faults_follow: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    """Field to the other fields that its rule reads: while one of those is faulty, the rule is not asked."""

    serializer_field_mapping: ClassVar[Any] = {
        **serializers.ModelSerializer.serializer_field_mapping,
        models.DateTimeField: MomentOfBody,
        LineField: LineText,
        LinesField: LinesText,
        LineEmailField: LineEmail,
    }

    def to_internal_value(self, data: Any) -> Any:
        return _whole(self, data, super().to_internal_value, self._rules)

    def rules(self, values: dict[str, Any]) -> None:
        """What the row's model says of these values. Raises Django's ValidationError."""
        row: Model = copy(self.instance) if isinstance(self.instance, Model) else self.Meta.model()  # type: ignore[misc]
        for name, value in values.items():
            setattr(row, name, value)
        others = {column.name for column in row._meta.fields} - set(values)
        faults: dict[str, list[DjangoValidationError]] = {}
        for check in (partial(row.clean_fields, exclude=others), row.clean, row.validate_constraints):
            try:
                check()
            except DjangoValidationError as refusal:
                faults = refusal.update_error_dict(faults)
        if faults:
            raise DjangoValidationError(faults)

    def _rules(self, values: dict[str, Any], faulty: set[str]) -> dict[str, Any]:
        """Faults of writable fields that are sound by themselves."""
        try:
            self.rules(values)
        except DjangoValidationError as refusal:
            told = serializers.as_serializer_error(refusal)
            unsure = {name for name, others in self.faults_follow.items() if faulty & set(others)}
            asked = {name for name, field in self.fields.items() if not field.read_only} - faulty - unsure
            return {name: messages for name, messages in told.items() if name in asked}
        return {}


class StrictBody(serializers.Serializer[Any]):
    """The same for values that are not rows."""

    def to_internal_value(self, data: Any) -> Any:
        return _whole(self, data, super().to_internal_value)


def _whole(
    serializer: serializers.Serializer[Any],
    data: Any,
    read: Callable[[Any], Any],
    rules: Callable[[dict[str, Any], set[str]], dict[str, Any]] | None = None,
) -> Any:
    """The values of a body. Raises ValidationError with all its faults, those of its names among them."""
    faults: dict[str, Any] = dict(refused_names(data, serializer.fields))
    try:
        values = read(data)
    except serializers.ValidationError as refusal:
        if not isinstance(data, Mapping) or not isinstance(refusal.detail, dict):
            raise
        faults |= refusal.detail
    if not faults:
        return values
    if rules is not None:
        faults |= rules(_sound(serializer, data, faults), set(faults))
    raise serializers.ValidationError(faults)


def _sound(serializer: serializers.Serializer[Any], data: Any, faults: Mapping[str, Any]) -> dict[str, Any]:
    """The values of the fields without a fault, by the attribute of the row that each is for."""
    found = {}
    for field in serializer._writable_fields:
        if field.field_name in data and field.field_name not in faults:
            with suppress(serializers.SkipField):
                found[str(field.source)] = field.run_validation(field.get_value(data))
    return found


class PictureField(serializers.URLField):
    """A short-lived address of a picture, which `address` makes of the value; null where there is none."""

    def __init__(self, address: Callable[[Any], str], **settings: Any) -> None:
        self.address = address
        super().__init__(
            read_only=True,
            allow_null=True,
            help_text="Valid for a few minutes. Request it again instead of storing it.",
            **settings,
        )

    def to_representation(self, value: Any) -> str | None:  # type: ignore[override]
        address = self.address(value)
        return self.context["request"].build_absolute_uri(address) if address else None
