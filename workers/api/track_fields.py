"""The fields of a track's record in requests, made from its one declaration (`visits.track_facts`)."""

from typing import Any, cast

import msgspec
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from visits.track_codec import FIELDS, TrackField


class RecordField(serializers.Field[Any, Any, Any, Any]):
    """One field of the record: the codec reads its value, and its text says what was expected."""

    def __init__(self, of: TrackField, **options: Any) -> None:
        self.of = of
        super().__init__(**options)

    def to_internal_value(self, data: Any) -> Any:
        try:
            return self.of.value_of(data)
        except ValueError as error:
            raise serializers.ValidationError(str(error)) from None


def record_field(name: str, *, required: bool | None = None) -> RecordField:
    """`required` if that is not what the record's own declaration says."""
    of = FIELDS[name]
    options: dict[str, Any] = {"allow_null": of.nullable and not required}
    if not required and of.default is not msgspec.NODEFAULT:
        options["default"] = of.default
    field = RecordField(of, **options)
    extend_schema_field(of.schema())(cast(Any, field))
    return field
