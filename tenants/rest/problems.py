"""Errors of the API as problem details (RFC 9457): `type`, `title`, `status`, `detail`, `errors`."""

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

from django.core.exceptions import (
    NON_FIELD_ERRORS,
    RequestDataTooBig,
    SuspiciousOperation,
)
from django.core.exceptions import ValidationError as DjangoValidationError
from django.db import DatabaseError, DataError, IntegrityError
from django.db.models import ProtectedError
from rest_framework import serializers
from rest_framework.exceptions import APIException, ParseError, ValidationError
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response
from rest_framework.settings import api_settings
from rest_framework.views import exception_handler

from facetrack.core.images import RETRY_SECONDS, Busy
from tenants.isolation.backend.statements import AGAIN_SECONDS, ClientGone, PoolExhausted, StatementStopped
from tenants.isolation.quotas import CODE as QUOTA_EXCEEDED
from tenants.isolation.quotas import QuotaExceeded
from tenants.limits.slots import SlotsFull as NoSlot
from tenants.web.views import NO_CONNECTION, NO_VALUE, TOOK_TOO_LONG

PROBLEM_TYPE = "application/problem+json"


class ProblemSerializer(serializers.Serializer[Any]):
    """The shape of every error answer, for the schema."""

    type = serializers.CharField(help_text="about:blank")
    title = serializers.CharField(help_text="what the status means")
    status = serializers.IntegerField()
    detail = serializers.CharField(help_text="what happened and what to do")
    code = serializers.CharField(
        required=False,
        help_text="for programs: quota_exceeded where the organisation has reached a limit (409)",
    )
    errors = serializers.DictField(  # type: ignore[assignment]  # shadows what only a bound serializer uses
        child=serializers.ListField(child=serializers.CharField()),
        required=False,
        help_text="the errors by field or parameter; non_field_errors for the whole request",
    )


class TooLarge(APIException):
    status_code = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    default_code = "too_large"


class LengthRequired(APIException):
    status_code = HTTPStatus.LENGTH_REQUIRED
    default_detail = "Send the body with a Content-Length, not in chunks."
    default_code = "length_required"


class TookTooLong(APIException):
    status_code = HTTPStatus.SERVICE_UNAVAILABLE
    default_detail = TOOK_TOO_LONG
    default_code = "took_too_long"


class DatabaseBusy(APIException):
    """`wait` becomes the answer's Retry-After."""

    status_code = HTTPStatus.SERVICE_UNAVAILABLE
    default_detail = NO_CONNECTION
    default_code = "database_busy"
    wait = AGAIN_SECONDS


class ServerBusy(APIException):
    """The limit of open streams or waiting requests is reached; `wait` becomes the answer's Retry-After."""

    default_code = "crowded"

    def __init__(self, full: NoSlot) -> None:
        super().__init__(str(full))
        self.status_code, self.wait = full.status, full.seconds


class NoPlace(APIException):
    """`wait` becomes the answer's Retry-After."""

    status_code = HTTPStatus.SERVICE_UNAVAILABLE
    default_code = "busy"
    wait = RETRY_SECONDS


class Conflict(APIException):
    status_code = HTTPStatus.CONFLICT
    default_code = "conflict"


class PreconditionFailed(APIException):
    """`If-Match` names no version that the object has now."""

    status_code = HTTPStatus.PRECONDITION_FAILED
    default_code = "precondition_failed"


class QuotaConflict(Conflict):
    """The organisation has reached a limit; `/usage/` lists all limits."""

    default_code = QUOTA_EXCEEDED


@contextmanager
def as_conflict() -> Iterator[None]:
    """A rule refuses a request without a body: no value is wrong, so it is a conflict (409)."""
    try:
        yield
    except DjangoValidationError as refusal:
        raise Conflict(" ".join(refusal.messages)) from None


def problem_response(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's exception handler. None for a bug of ours: Django then answers 500 and logs it."""
    if isinstance(error, ClientGone):
        return None  # not one that the caller sees
    error = _of_api(error)
    response = exception_handler(error, context)
    if response is None:
        return None
    problem: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(response.status_code).phrase,
        "status": response.status_code,
    }
    if isinstance(error, ValidationError):
        problem["detail"] = "Some values were refused; `errors` says which and why."
        problem["errors"] = _errors(error.detail)
    else:
        problem["detail"] = str(response.data["detail"])
    if isinstance(error, QuotaConflict):
        problem["code"] = QUOTA_EXCEEDED
    response.data = problem
    response.content_type = PROBLEM_TYPE
    if request := context.get("request"):  # a page of HTML or YAML still answers its problems as JSON
        request.accepted_renderer = JSONRenderer()
        request.accepted_media_type = JSONRenderer.media_type
    return response


def _of_api(error: Exception) -> Exception:
    """What the floors below raise, as the API's own exceptions."""
    match error:
        case QuotaExceeded():
            return QuotaConflict(" ".join(error.messages))
        case DjangoValidationError():  # a rule of the models refused
            return ValidationError(serializers.as_serializer_error(error))
        case NoSlot():
            return ServerBusy(error)
        case Busy():
            return NoPlace(str(error))
        case RequestDataTooBig():
            return TooLarge("The request is too large.")
        case SuspiciousOperation():  # too many fields, files or headers
            return ParseError("The request could not be understood.")
        case ProtectedError():
            kinds = sorted({str(row._meta.verbose_name_plural) for row in error.protected_objects})
            return Conflict(f"This cannot be deleted: {' and '.join(kinds)} still belong to it.")
        case PoolExhausted():
            return DatabaseBusy()
        case StatementStopped():
            return TookTooLong()
        case DataError():
            return ParseError(NO_VALUE)
        case DatabaseError() if type(error) in (IntegrityError, DatabaseError):
            # Only races get here, all was validated before; the second is a change of a row that is gone.
            return Conflict(
                "Another user changed this at the same moment. Load it again and repeat your change."
            )
    return error


def _errors(detail: Any) -> dict[str, list[str]]:
    """DRF's tree of messages, flat: one list a field."""
    whole = api_settings.NON_FIELD_ERRORS_KEY
    if not isinstance(detail, dict):
        return {whole: _messages(detail)}
    return {
        whole if field == NON_FIELD_ERRORS else str(field): _messages(found)
        for field, found in detail.items()
    }


def _messages(found: Any) -> list[str]:
    if isinstance(found, dict):
        return [message for part in found.values() for message in _messages(part)]
    if isinstance(found, list):
        return [message for part in found for message in _messages(part)]
    return [str(found)]
