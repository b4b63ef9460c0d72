"""Errors of the API as problem details (RFC 9457).

400: the request itself is wrong, and will be at any other moment too. 409: it would be right if other things
were different: a name is taken, a limit is reached, a pair was decided. Rules say so by the code of their
ValidationError (`tenants.rules.conflicts`).
"""

from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied as DjangoPermissionDenied
from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.core.exceptions import ValidationError as DjangoValidationError
from django.db import DatabaseError, DataError, IntegrityError
from django.db.models import ProtectedError
from django.http import Http404
from rest_framework import serializers
from rest_framework.exceptions import APIException, NotFound, ParseError, PermissionDenied, ValidationError
from rest_framework.permissions import SAFE_METHODS
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response
from rest_framework.views import exception_handler

from facetrack.core.images import RETRY_SECONDS, Busy
from tenants.isolation.backend.statements import AGAIN_SECONDS, ClientGone, PoolExhausted, StatementStopped
from tenants.isolation.quotas import CODE as QUOTA_EXCEEDED
from tenants.isolation.quotas import QuotaExceeded
from tenants.limits.slots import SlotsFull as NoSlot
from tenants.rest.faults import InvalidParameters, errors_of, faults_of
from tenants.rules.conflicts import is_conflict
from tenants.web.views import NO_CONNECTION, NO_VALUE, TOOK_TOO_LONG

PROBLEM_TYPE = "application/problem+json"


class FaultSerializer(serializers.Serializer[Any]):
    """One fault of a request: what is wrong with which value."""

    pointer = serializers.CharField(
        required=False,
        help_text="The value in the body as a JSON pointer (RFC 6901), such as /name or /zones/0; empty for "
        "the whole body. Absent for a parameter.",
    )
    parameter = serializers.CharField(
        required=False, help_text="The parameter of the address. Absent for a value of the body."
    )
    code = serializers.CharField(
        help_text="What is wrong, for programs: required, null, blank, invalid, invalid_choice, max_length, "
        "min_value, max_value, does_not_exist, unique, unknown, read_only, repeated and others."
    )
    detail = serializers.CharField(help_text="What is wrong and what to do, for people.")


class ProblemSerializer(serializers.Serializer[Any]):
    """Why a request was refused, as problem details (RFC 9457)."""

    type = serializers.CharField(help_text="Always about:blank: `code` tells problems apart.")
    title = serializers.CharField(help_text="The meaning of the status.")
    status = serializers.IntegerField(help_text="The status of the answer.")
    detail = serializers.CharField(help_text="What happened and what to do, for people.")
    code = serializers.CharField(
        help_text="What happened, for programs: invalid (400), not_authenticated (401), permission_denied or "
        "scope_missing (403), not_found (404), conflict, quota_exceeded or unreachable (409), throttled "
        "(429) and others."
    )
    faults = FaultSerializer(
        many=True, required=False, help_text="All faults that were found, each with its place and a code."
    )
    errors = serializers.DictField(  # type: ignore[assignment]  # shadows what only a bound serializer uses
        child=serializers.ListField(child=serializers.CharField()),
        required=False,
        help_text="The texts of `faults` by field or parameter; non_field_errors for the whole request.",
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


class RuleConflict(ValidationError):
    """Rules refuse the request as long as other things are as they are; a fault may name a field."""

    status_code = HTTPStatus.CONFLICT


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
        problem |= _explained(error, in_address=_is_of_the_address(error, context))
    else:
        problem["detail"] = str(response.data["detail"])
        problem["code"] = str(getattr(getattr(error, "detail", None), "code", "error"))
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
            return _ruled(ValidationError(serializers.as_serializer_error(error)))
        case ValidationError():
            return _ruled(error)
        case Http404():
            return NotFound(*error.args)
        case DjangoPermissionDenied():
            return PermissionDenied(*error.args)
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


def _ruled(error: ValidationError) -> ValidationError:
    """As a conflict if all its faults are: where a value is wrong as well, the request comes again anyway."""
    codes = [fault["code"] for fault in faults_of(error.detail, "pointer")]
    if type(error) is ValidationError and codes and all(map(is_conflict, codes)):
        return RuleConflict(error.detail)
    return error


def _explained(error: ValidationError, *, in_address: bool) -> dict[str, Any]:
    faults = faults_of(error.detail, "parameter" if in_address else "pointer")
    found = {"faults": faults, "errors": errors_of(error.detail)}
    if isinstance(error, RuleConflict):
        return {
            "detail": " ".join(fault["detail"] for fault in faults),
            "code": Conflict.default_code,
            **found,
        }
    told = "Some values were refused; `faults` says which and why."
    return {"detail": told, "code": ValidationError.default_code, **found}


def _is_of_the_address(error: Exception, context: dict[str, Any]) -> bool:
    request = context.get("request")
    return isinstance(error, InvalidParameters) or (request is not None and request.method in SAFE_METHODS)
