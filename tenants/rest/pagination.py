"""Cursor pagination by key: pages stay right while rows arrive, and a deep page costs what the first does."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from django.core.exceptions import ValidationError as DjangoValidationError
from django.core.signing import BadSignature, Signer
from django.db.models import Q, QuerySet
from django.utils.timezone import is_naive
from rest_framework.exceptions import ErrorDetail
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from tenants.filters.fields import in_utc
from tenants.queries import tenant_of
from tenants.rest.faults import InvalidParameters

PAGE_SIZE, MAX_PAGE_SIZE = 50, 200
CURSOR: dict[str, Any] = {
    "name": "cursor",
    "in": "query",
    "required": False,
    "description": "From the `next` or `previous` address of an answer, with the same filters.",
    "schema": {"type": "string"},
}
SIZE: dict[str, Any] = {
    "name": "page_size",
    "in": "query",
    "required": False,
    "description": "Rows in one page.",
    "schema": {"type": "integer", "minimum": 1, "maximum": MAX_PAGE_SIZE, "default": PAGE_SIZE},
}


@dataclass(frozen=True, slots=True)
class Position:
    """Between two rows: behind the one with this value and tie-breaker, or, backwards, before it."""

    value: Any
    tie: Any
    backwards: bool


class TimePagination(BasePagination):
    """Newest first by `field`, then by `tie`; `field` must never change once a row is saved.

    `?page_size=` from 1 to 200. Raises InvalidParameters for an invalid cursor or page size. A cursor is good
    for the list and the filters that it comes from.
    """

    field = "created_at"
    tie = "id"
    parameters = frozenset({"cursor", "page_size"})

    def faults(self, queryset: QuerySet[Any], request: Request) -> dict[str, list[ErrorDetail]]:
        """What is wrong with the cursor and the page size, by parameter."""
        self.request = request
        found: dict[str, list[ErrorDetail]] = {}
        for read in (partial(size_of, request), partial(self._position, queryset)):
            try:
                read()
            except InvalidParameters as refusal:
                found |= refusal.detail
        return found

    def paginate_queryset(  # type: ignore[override]  # the ORM's querysets only
        self, queryset: QuerySet[Any], request: Request, view: object = None
    ) -> list[Any]:
        self.request = request
        size = size_of(request)
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
            "description": "One page of a list, newest first.",
            "required": ["next", "previous", "results"],
            "properties": {
                "next": link | {"description": "The address of the next page; null on the last one."},
                "previous": link | {"description": "The address of the page before; null on the first one."},
                "results": schema | {"description": "The rows of this page."},
            },
        }

    def get_schema_operation_parameters(self, view: object) -> list[dict[str, Any]]:
        return [dict(CURSOR), dict(SIZE)]

    def _position(self, queryset: QuerySet[Any]) -> Position | None:
        text = self.request.query_params.get("cursor")
        if text is None:
            return None
        try:
            signed = urlsafe_b64decode(text.encode("ascii")).decode("ascii")
            direction, value, key = cursor_signer(self.request).unsign(signed).split("|")
            if direction not in ("n", "p"):
                raise ValueError
            parsed = queryset.model._meta.get_field(self.field).to_python(value)
            if parsed is None or (isinstance(parsed, datetime) and is_naive(parsed)):
                raise ValueError
            if isinstance(parsed, datetime):
                parsed = in_utc(parsed)
            tie = queryset.model._meta.get_field(self.tie).to_python(key)
            return Position(parsed, tie, direction == "p")
        except (ValueError, BadSignature, DjangoValidationError):
            message = (
                "This is not a cursor of this list with these filters. Begin without one, then follow `next`."
            )
            raise InvalidParameters({"cursor": [message]}) from None

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
        place = f"{'p' if backwards else 'n'}|{text}|{getattr(row, self.tie)}"
        cursor = urlsafe_b64encode(cursor_signer(self.request).sign(place).encode()).decode()
        return str(replace_query_param(self.request.build_absolute_uri(), "cursor", cursor))


def size_of(request: Request) -> int:
    """The number of rows that the request wants in a page. Raises InvalidParameters."""
    text = request.query_params.get("page_size")
    if text is None:
        return PAGE_SIZE
    if not (text.isascii() and text.isdigit() and len(text) < 9 and 1 <= int(text) <= MAX_PAGE_SIZE):
        raise InvalidParameters({"page_size": [f"Give a number from 1 to {MAX_PAGE_SIZE}."]})
    return int(text)


def cursor_signer(request: Request) -> Signer:
    """Signs the cursors of one list of one tenant with its filters: the cursor of another list is none."""
    filters = sorted(
        (name, value)
        for name, values in request.query_params.lists()
        if name not in TimePagination.parameters
        for value in values
    )
    return Signer(sep="|", salt=json.dumps([str(tenant_of(request).pk), request.path, filters]))


class StartPagination(TimePagination):
    """Newest first by `started_at`."""

    field = "started_at"


class NumberPagination(TimePagination):
    """Newest first by `number`."""

    field = "number"


class ChainPagination(NumberPagination):
    """Newest first by `number`, which is all that a cursor tells of a row."""

    tie = "number"
