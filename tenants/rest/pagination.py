"""Cursor pagination by key: pages stay right while rows arrive, and a deep page costs what the first does."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError as DjangoValidationError
from django.db.models import Q, QuerySet
from django.utils.timezone import is_naive
from rest_framework.exceptions import ValidationError
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from tenants.filters.fields import in_utc


@dataclass(frozen=True, slots=True)
class Position:
    """Between two rows: behind the one with this value and tie-breaker, or, backwards, before it."""

    value: Any
    tie: Any
    backwards: bool


class TimePagination(BasePagination):
    """Newest first by `field`, then by `tie`; `field` must never change once a row is saved.

    `?page_size=` from 1 to 200. Raises ValidationError for an invalid cursor or page size.
    """

    field = "created_at"
    tie = "id"
    page_size = 50
    max_page_size = 200
    parameters = frozenset({"cursor", "page_size"})

    def paginate_queryset(  # type: ignore[override]  # the ORM's querysets only
        self, queryset: QuerySet[Any], request: Request, view: object = None
    ) -> list[Any]:
        self.request = request
        size = self._page_size()
        position = self._position(queryset)
        backwards = position is not None and position.backwards
        if position:
            queryset = queryset.filter(self._beyond(position))
        order = (self.field, self.tie) if backwards else (f"-{self.field}", f"-{self.tie}")
        rows = list(queryset.order_by(*order)[: size + 1])
        more, rows = len(rows) > size, rows[:size]
        if backwards:
            rows.reverse()
        self.rows = rows
        self.has_next, self.has_previous = (True, more) if backwards else (more, position is not None)
        return rows

    def get_paginated_response(self, data: Any) -> Response:
        next_link = self._link(self.rows[-1], backwards=False) if self.has_next and self.rows else None
        previous = self._link(self.rows[0], backwards=True) if self.has_previous and self.rows else None
        return Response({"next": next_link, "previous": previous, "results": data})

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        link = {"type": "string", "format": "uri", "nullable": True}
        return {
            "type": "object",
            "required": ["next", "previous", "results"],
            "properties": {"next": link, "previous": link, "results": schema},
        }

    def get_schema_operation_parameters(self, view: object) -> list[dict[str, Any]]:
        size = {"type": "integer", "minimum": 1, "maximum": self.max_page_size, "default": self.page_size}
        return [
            {
                "name": "cursor",
                "in": "query",
                "required": False,
                "description": "From the `next` or `previous` address of an answer.",
                "schema": {"type": "string"},
            },
            {"name": "page_size", "in": "query", "required": False, "schema": size},
        ]

    def _page_size(self) -> int:
        text = self.request.query_params.get("page_size")
        if text is None:
            return self.page_size
        if not (text.isascii() and text.isdigit() and len(text) < 9 and 1 <= int(text) <= self.max_page_size):
            raise ValidationError({"page_size": [f"Give a number from 1 to {self.max_page_size}."]})
        return int(text)

    def _position(self, queryset: QuerySet[Any]) -> Position | None:
        text = self.request.query_params.get("cursor")
        if text is None:
            return None
        try:
            direction, value, key = urlsafe_b64decode(text.encode("ascii")).decode("ascii").split("|")
            if direction not in ("n", "p"):
                raise ValueError
            parsed = queryset.model._meta.get_field(self.field).to_python(value)
            if parsed is None or (isinstance(parsed, datetime) and is_naive(parsed)):
                raise ValueError
            if isinstance(parsed, datetime):
                parsed = in_utc(parsed)
            tie = queryset.model._meta.get_field(self.tie).to_python(key)
            return Position(parsed, tie, direction == "p")
        except (ValueError, DjangoValidationError):
            message = "This is not a cursor of this list. Begin without one, then follow `next`."
            raise ValidationError({"cursor": [message]}) from None

    def _beyond(self, position: Position) -> Q:
        side = "gt" if position.backwards else "lt"
        same = Q(**{self.field: position.value, f"{self.tie}__{side}": position.tie})
        # The first term is implied by the second; it is what lets PostgreSQL begin inside the index.
        return Q(**{f"{self.field}__{side}e": position.value}) & (
            Q(**{f"{self.field}__{side}": position.value}) | same
        )

    def _link(self, row: Any, *, backwards: bool) -> str:
        value = getattr(row, self.field)
        text = value.isoformat() if isinstance(value, datetime) else str(value)
        cursor = urlsafe_b64encode(
            f"{'p' if backwards else 'n'}|{text}|{getattr(row, self.tie)}".encode()
        ).decode()
        return str(replace_query_param(self.request.build_absolute_uri(), "cursor", cursor))


class StartPagination(TimePagination):
    """Newest first by `started_at`."""

    field = "started_at"


class NumberPagination(TimePagination):
    """Newest first by `number`."""

    field = "number"


class ChainPagination(NumberPagination):
    """Newest first by `number`, which is all that a cursor tells of a row."""

    tie = "number"
