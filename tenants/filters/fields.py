"""Filters of lists. They refuse values that they cannot use."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.utils.dateparse import parse_datetime
from django.utils.timezone import is_naive
from django_filters import rest_framework as filters
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field

from facetrack.core.text.fields import LineInput

SEARCH_LENGTH = 100
WITHOUT_ZONE = (
    "This time has no offset from UTC. Write one, such as 2026-03-29T08:00:00Z or 2026-03-29T08:00:00+02:00 "
    "(in an address, encode the plus sign)."
)


@extend_schema_field(OpenApiTypes.BOOL)
class YesNoFilter(filters.TypedChoiceFilter):  # type: ignore[misc]
    """`true` or `false`. django-filter's own accepts any other word and then filters nothing."""

    def __init__(self, **settings: Any) -> None:
        choices = [("true", "yes"), ("false", "no")]
        super().__init__(choices=choices, coerce=lambda value: value == "true", **settings)


class MomentField(filters.IsoDateTimeFilter.field_class):  # type: ignore[misc]
    def to_python(self, value: Any) -> datetime | None:
        if isinstance(value, str) and _is_without_zone(value):
            raise ValidationError(WITHOUT_ZONE, code="without_zone")
        moment: datetime | None = super().to_python(value)
        return None if moment is None else in_utc(moment)


@extend_schema_field(OpenApiTypes.DATETIME)
class MomentFilter(filters.IsoDateTimeFilter):  # type: ignore[misc]
    """A moment in ISO 8601, whatever its offset from UTC."""

    field_class = MomentField


def _is_without_zone(text: str) -> bool:
    try:
        moment = parse_datetime(text.strip())
    except ValueError:
        return False
    return moment is not None and is_naive(moment)


def in_utc(moment: datetime) -> datetime:
    """The same moment as PostgreSQL takes it, which knows no offset of 16 hours; ISO 8601 does."""
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        return datetime.min.replace(tzinfo=UTC) if moment.year == 1 else datetime.max.replace(tzinfo=UTC)


class TextFilter(filters.CharFilter):  # type: ignore[misc]
    """A piece of text to search for."""

    field_class = LineInput

    def __init__(self, **settings: Any) -> None:
        super().__init__(max_length=SEARCH_LENGTH, **settings)


class SearchFilter(TextFilter):
    """The rows that `condition` gives for a piece of text."""

    def __init__(self, condition: Callable[[str], Q], **settings: Any) -> None:
        super().__init__(**settings)
        self.condition = condition

    def filter(self, rows: QuerySet[Any], text: str) -> QuerySet[Any]:
        return rows.filter(self.condition(text)) if text else rows
