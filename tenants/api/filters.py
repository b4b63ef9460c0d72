"""Filters of lists that refuse what they do not understand."""

from typing import Any

from django_filters import rest_framework as filters
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field

SEARCH_LENGTH = 100


@extend_schema_field(OpenApiTypes.BOOL)
class YesNoFilter(filters.TypedChoiceFilter):  # type: ignore[misc]
    """`true` or `false`; django-filter's own takes any other word for neither, and so for everything."""

    def __init__(self, **settings: Any) -> None:
        choices = [("true", "yes"), ("false", "no")]
        super().__init__(choices=choices, coerce=lambda value: value == "true", **settings)


class TextFilter(filters.CharFilter):  # type: ignore[misc]
    """A piece of text to search for."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(max_length=SEARCH_LENGTH, **settings)
