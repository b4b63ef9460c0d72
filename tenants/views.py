"""Pictures behind short-lived addresses, and what errors look like."""

from http import HTTPStatus

from django.http import FileResponse, Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.cache import cache_control

from facetrack.lib import objects
from tenants.queries import active_tenant


@cache_control(private=True, max_age=240)
def picture(request: HttpRequest, token: str) -> FileResponse:
    """A picture of the host's tenant. The signed address is the permission, as it is with S3.

    It was made minutes ago for somebody who may see the picture, and API clients, which have no
    session, show it in an <img> like a page does.
    """
    try:
        return FileResponse(objects.opened(active_tenant().pk, token), content_type="image/jpeg")
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
    return _problem(request, 500, "That went wrong on our side", "It has been noted. Try again in a moment.")


def too_many(request: HttpRequest, wait: int) -> HttpResponse:
    """Somebody asks too often; `wait` is in seconds."""
    response = _problem(request, 429, "Too many requests", f"Wait for {wait} seconds, then try again.")
    response.headers["Retry-After"] = str(wait)
    return response


def too_large(request: HttpRequest) -> HttpResponse:
    return _problem(request, 413, "That is too large", "Send fewer or smaller pictures at once.")


def _problem(request: HttpRequest, status: int, title: str, detail: str) -> HttpResponse:
    if request.path.startswith("/api/"):
        phrase = HTTPStatus(status).phrase  # what RFC 9457 wants with about:blank
        body = {"type": "about:blank", "title": phrase, "status": status, "detail": detail}
        return JsonResponse(body, status=status, content_type="application/problem+json")
    return render(
        request, "problem.html", {"status": status, "title": title, "detail": detail}, status=status
    )
