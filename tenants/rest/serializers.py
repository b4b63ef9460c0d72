"""Serializers and fields that all parts of the API share."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from django.db.models import Model
from rest_framework import serializers

_Row = TypeVar("_Row", bound=Model)


class StrictSerializer(serializers.ModelSerializer[_Row]):
    """Refuses unknown fields: a misspelt field must not be ignored silently."""

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
