"""Who acts in a request, and what it is refused."""

from collections.abc import Callable
from contextlib import nullcontext
from uuid import UUID

from django.http import HttpRequest, HttpResponse

from tenants.access.actor import REASON_LENGTH, RequestActor, acting, because
from tenants.audit.activity import note, noting_refusals
from tenants.models import Verb

_REFUSED_BY = {401: Verb.CREDENTIAL_REFUSED, 403: Verb.PERMISSION_DENIED, 404: Verb.NOT_FOUND}


class ActivityMiddleware:
    """Whatever a request writes is its user's, and what it is refused is noted.

    Programs give a reason for what they do in the header X-Reason.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        visit = RequestActor(request)
        why = request.headers.get("X-Reason", "").strip()[:REASON_LENGTH]
        with acting(visit), because(why) if why else nullcontext(), noting_refusals() as refusals:
            response = self.get_response(request)
            if not refusals:
                self._note_refusal(request, response.status_code)
        response["X-Request-ID"] = visit.id
        return response

    def _note_refusal(self, request: HttpRequest, status: int) -> None:
        """By the name of the address, never its text: that may be a signed link."""
        verb = _REFUSED_BY.get(status)
        match, details = request.resolver_match, {"method": request.method}
        route = (match and match.view_name) or "unknown"
        ids = [str(value) for value in match.kwargs.values() if isinstance(value, UUID)] if match else []
        wanted = ids[-1] if ids else ""
        shown = "HTTP_AUTHORIZATION" in request.META or request.method == "POST"
        if verb is None or (status == 401 and not shown) or (status == 404 and not wanted):
            return
        note(verb, kind="request", id=wanted, label=route, details=details)
