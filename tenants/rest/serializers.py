"""Serializers and fields that all parts of the API share."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, ClassVar, TypeVar

from django.db import models
from django.db.models import Model
from django.utils.timezone import is_naive
from rest_framework import serializers

from facetrack.core.text import tidy_lines
from facetrack.core.text_fields import (
    LineEmailField,
    LineField,
    LinesField,
    tidied,
    validate_line,
)
from tenants.filters.fields import WITHOUT_ZONE

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
    """Refuses unknown fields: a misspelt field must not be ignored silently."""

    serializer_field_mapping: ClassVar[Any] = {
        **serializers.ModelSerializer.serializer_field_mapping,
        models.DateTimeField: MomentOfBody,
        LineField: LineText,
        LinesField: LinesText,
        LineEmailField: LineEmail,
    }

    def to_internal_value(self, data: Any) -> Any:
        _refuse_unknown(data, self.fields)
        return super().to_internal_value(data)


class StrictBody(serializers.Serializer[Any]):
    """The same for values that are not rows."""

    def to_internal_value(self, data: Any) -> Any:
        _refuse_unknown(data, self.fields)
        return super().to_internal_value(data)


def _refuse_unknown(data: Any, fields: Mapping[str, Any]) -> None:
    if isinstance(data, Mapping) and (unknown := [str(name) for name in data if name not in fields]):
        raise serializers.ValidationError({name: ["There is no such field."] for name in unknown})


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
