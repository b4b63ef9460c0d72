"""Pictures behind short-lived addresses, and what errors look like."""

import sys
from http import HTTPStatus

from django.db import DataError
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.log import log_response
from django.views.decorators.cache import cache_control

from facetrack.core import objects
from facetrack.core.thumbnails import open_small
from tenants.isolation.backend.statements import AGAIN_SECONDS, ClientGone, PoolExhausted, StatementStopped
from tenants.queries import active_tenant

TOOK_TOO_LONG = (
    "The database query exceeded its time limit, and nothing was changed. Ask for less at once, such as "
    "fewer days, one camera or one person; or try again in a moment."
)
NO_CONNECTION = (
    "All connections to the database are in use, or the database does not answer. Wait for "
    f"{AGAIN_SECONDS} seconds, then try again. If you were saving something, look first whether it was saved."
)
NO_VALUE = "A value in it is beyond what can be stored, such as a date or a number: correct it and try again."


@cache_control(private=True, max_age=240)
def picture(request: HttpRequest, token: str) -> FileResponse:
    """A picture of the host's tenant. The signed address is the permission, as it is with S3.

    It was made minutes ago for a caller who may see the picture, and API clients, which have no
    session, show it in an <img> like a page does.
    """
    try:
        tenant = active_tenant().pk
        bucket, key, small = objects.named_by(tenant, token)
        opened = open_small if small else objects.open_object
        return FileResponse(opened(tenant, key, bucket=bucket), content_type="image/jpeg")
    except (objects.ForeignObject, FileNotFoundError):
        raise Http404("This picture is gone or its address has expired. Reload the page.") from None


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _problem(request, 400, "That request could not be understood", "Go back and try again.")


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _problem(request, 403, "You may not do that here", str(exception) or "Ask an administrator.")


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    own_words = str(exception) if exception.args and isinstance(exception.args[0], str) else ""
    return _problem(
        request, 404, "Nothing here", own_words or "Check the address, or begin at the start page."
    )


def server_error(request: HttpRequest) -> HttpResponse:
    """The page for an unhandled exception. Django calls this while it handles it."""
    match sys.exc_info()[1]:
        case ClientGone():
            return gone()
        case PoolExhausted():
            return _database_busy(request)
        case StatementStopped():
            response = _problem(request, 503, "That took too long", TOOK_TOO_LONG)
            return _told(request, response, "A statement took too long and was stopped")
        case DataError():
            return _problem(request, 400, "That request could not be understood", NO_VALUE)
    return _problem(request, 500, "That went wrong on our side", "It has been noted. Try again in a moment.")


def gone() -> HttpResponse:
    """For a client that has left: neither shown nor logged."""
    response = HttpResponse(status=503)
    response._has_been_logged = True  # type: ignore[attr-defined]  # Django's own way to say so
    return response


def too_many(request: HttpRequest, wait: int, detail: str = "", status: int = 429) -> HttpResponse:
    """For a caller who asks too often, or has too much open; `wait` is in seconds."""
    detail = detail or f"Wait for {wait} seconds, then try again."
    response = _problem(request, status, "Too many requests", detail)
    response.headers["Retry-After"] = str(wait)
    return response


def _database_busy(request: HttpRequest) -> HttpResponse:
    response = _problem(request, 503, "The database is busy", NO_CONNECTION)
    response.headers["Retry-After"] = str(AGAIN_SECONDS)
    return _told(request, response, "No connection to the database was free")


def _told(request: HttpRequest, response: HttpResponse, what: str) -> HttpResponse:
    """One line of the log says so: under load there are many, and a traceback would tell no more."""
    log_response("%s: %s", what, request.path, response=response, request=request)
    return response


def too_large(request: HttpRequest) -> HttpResponse:
    return _problem(request, 413, "That is too large", "Send fewer or smaller pictures at once.")


CODES = {403: "permission_denied", 404: "not_found", 413: "too_large"}
"""The codes that the API's own views give to these."""


def _problem(request: HttpRequest, status: int, title: str, detail: str) -> HttpResponse:
    if request.path.startswith("/api/"):
        phrase = HTTPStatus(status).phrase  # what RFC 9457 wants with about:blank
        code = CODES.get(status, phrase.lower().replace(" ", "_"))
        body = {"type": "about:blank", "title": phrase, "status": status, "detail": detail, "code": code}
        return JsonResponse(body, status=status, content_type="application/problem+json")
    return render(
        request, "problem.html", {"status": status, "title": title, "detail": detail}, status=status
    )
