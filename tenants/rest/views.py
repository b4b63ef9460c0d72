"""The base classes of all API views."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from functools import wraps
from typing import Any, ClassVar, TypeVar, cast
from uuid import UUID

from django.core.exceptions import ValidationError as DjangoValidationError
from django.db import transaction
from django.db.models import Model, QuerySet
from django.utils.functional import cached_property
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, MethodNotAllowed, NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet

from facetrack.core.rows import hold
from facetrack.core.versions import version
from tenants.access.actor import REASON_LENGTH
from tenants.access.rights import Access, granted
from tenants.models import User
from tenants.rest.conditions import ETAG, etag, require_match
from tenants.rest.faults import REPEATED, UNKNOWN, InvalidParameters
from tenants.rest.pagination import TimePagination
from tenants.rest.parsers import StrictJSONParser
from tenants.rest.problems import LengthRequired, TooLarge
from tenants.rest.schema import ApiSchema

_Row = TypeVar("_Row", bound=Model)

BODY_LIMIT = 100_000
"""Bytes of a body without a picture."""


class ApiView(APIView):
    """JSON in, JSON or a problem out. Invalid methods and bodies are refused first."""

    schema = ApiSchema()
    parser_classes = [StrictJSONParser]
    metadata_class = None
    http_method_names = ["get", "post", "patch", "delete", "head"]
    body_limit = BODY_LIMIT
    verb: str | None = None
    permission: str | None = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        if request.method not in self.allowed_methods:
            raise MethodNotAllowed(request.method or "")
        self._refuse_body(request)
        super().initial(request, *args, **kwargs)
        refuse_repeated(request)

    def _refuse_body(self, request: Request) -> None:
        """DRF reads a body of any length, and takes one without a length for none at all."""
        length = request.META.get("CONTENT_LENGTH") or "0"
        if "HTTP_TRANSFER_ENCODING" in request.META and length == "0":
            raise LengthRequired
        if length.isdigit() and (len(length) > 15 or int(length) > self.body_limit):
            raise TooLarge(f"The body has more than {self.body_limit:,} bytes. Send less at once.")


def refuse_repeated(request: Request) -> None:
    """Raises InvalidParameters: of two values, one program would take the first and another the last."""
    repeated = [name for name, values in request.query_params.lists() if len(values) > 1]
    if repeated:
        told = ErrorDetail(
            "This parameter is given twice. Give one value; for each other value, ask again.", REPEATED
        )
        raise InvalidParameters({name: [told] for name in repeated})


def unknown_parameters(request: Request, known: AbstractSet[str]) -> dict[str, list[ErrorDetail]]:
    """The faults of parameters that an address does not have."""
    told = ErrorDetail(f"Unknown parameter. This address accepts {', '.join(sorted(known))}.", UNKNOWN)
    return {name: [told] for name in sorted(set(request.query_params) - known)}


class RowsViewSet(ApiView, GenericViewSet[_Row]):
    """A list in pages and single rows. Subclasses name the two queries: `get_queryset` and `get_row`.

    An answer that is one row has its ETag; `If-Match` is honoured where a row is read, changed or deleted.
    """

    lookup_value_converter = "uuid"
    versioned_fields: ClassVar[Iterable[str] | None] = None
    """What the ETag covers; None: all columns that the serializer shows."""
    bodiless: ClassVar[Iterable[str]] = ()
    answers: ClassVar[Mapping[str, Mapping[int, Any]]] = {}

    @cached_property
    def access(self) -> Access:
        """What the caller may do here: given to every query."""
        return granted(self.request)

    def get_row(self, pk: UUID) -> _Row:
        """Raises Http404."""
        raise NotImplementedError

    def list(self, request: Request, **parents: UUID) -> Response:
        rows = self.get_queryset()
        self._refuse_parameters(request, rows)
        page = self.paginate_queryset(self.filter_queryset(rows))
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    def retrieve(self, request: Request, pk: UUID, **parents: UUID) -> Response:
        row = self.get_row(pk)
        self._require_match(row)
        return self.answer(row)

    def answer(self, row: _Row, status: int = 200) -> Response:
        return Response(self.get_serializer(row).data, status, headers={ETAG: etag(self.version_of(row))})

    @contextmanager
    def held(self, pk: UUID) -> Iterator[_Row]:
        """The row in a transaction. No other transaction changes it until the block ends.

        Two requests that change one row come one after the other, and each sees what the other wrote. Raises
        Http404, PreconditionFailed and ParseError (see `tenants.rest.conditions`).
        """
        with transaction.atomic():
            self.hold(pk)
            row = self.get_row(pk)
            self._require_match(row)
            yield row

    def hold(self, pk: UUID) -> None:
        """Lock the row."""
        hold(self.get_queryset().model, pk)

    def version_of(self, row: _Row) -> str:
        return version(self.versioned(row), of=row.pk)

    def versioned(self, row: _Row) -> dict[str, Any]:
        """What the ETag covers."""
        names = self._columns_shown(row) if self.versioned_fields is None else self.versioned_fields
        columns: Any = {column.name: column.attname for column in row._meta.concrete_fields}
        return {name: getattr(row, columns[name]) for name in names}

    def _columns_shown(self, row: _Row) -> set[str]:
        serializer: Any = self.get_serializer(row)
        sources = {str(field.source) for field in serializer.fields.values()}
        return sources & {column.name for column in row._meta.concrete_fields}

    def _require_match(self, row: _Row) -> None:
        require_match(self.request, self.version_of(row), str(row._meta.verbose_name))

    def accepted(self, request: Request, row: _Row | None = None) -> dict[str, Any]:
        """The validated values of the body; for `row` only those to change. Raises ValidationError."""
        serializer = self.get_serializer(row, data=request.data, partial=row is not None)
        serializer.is_valid(raise_exception=True)
        return dict(serializer.validated_data)

    def _refuse_parameters(self, request: Request, rows: QuerySet[_Row]) -> None:
        """Raises InvalidParameters with all that is wrong with filters, cursor and page size."""
        filterset = getattr(self, "filterset_class", None)
        known = TimePagination.parameters | set(filterset.base_filters if filterset else ())
        faults: dict[str, Any] = unknown_parameters(request, known)
        if filterset is not None:
            given = filterset(request.query_params, queryset=rows, request=request)
            if not given.is_valid():
                faults |= serializers.as_serializer_error(DjangoValidationError(given.errors.as_data()))
        if isinstance(self.paginator, TimePagination):
            faults |= self.paginator.faults(rows, request)
        if faults:
            raise InvalidParameters(faults)


REASON = OpenApiParameter(
    "X-Reason",
    str,
    OpenApiParameter.HEADER,
    required=True,
    description=f"Why it is deleted; kept in the activity log. At most {REASON_LENGTH} characters.",
)


def with_reason(destroy: Callable[..., Response]) -> Callable[..., Response]:
    """For a DELETE: refused (400) without a reason in the header X-Reason, as the pages ask for one."""

    @wraps(destroy)
    def asked(view: Any, request: Request, *args: Any, **kwargs: Any) -> Response:
        if not request.headers.get("X-Reason", "").strip():
            message = f"Say why, in the header X-Reason: 1 to {REASON_LENGTH} characters."
            raise InvalidParameters({"X-Reason": [ErrorDetail(message, "required")]})
        return destroy(view, request, *args, **kwargs)

    return cast(Callable[..., Response], extend_schema(parameters=[REASON])(asked))


class NowhereView(ApiView):
    """Answers every unknown address with a problem (404)."""

    schema = None  # type: ignore[assignment]
    authentication_classes = []
    permission_classes = []

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        raise NotFound(
            "There is nothing at this address. Addresses end with a slash; ids are UUIDs in lower case."
        )


def member(request: Request) -> User | None:
    """The user who passed RolePermission; None where an API key did."""
    return request.user if isinstance(request.user, User) else None
