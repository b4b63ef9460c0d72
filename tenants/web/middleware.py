"""Finds the tenant of a request, and checks that its user still has access."""

from collections.abc import Callable

from django.conf import settings
from django.contrib.auth import logout
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django_htmx.http import HttpResponseClientRedirect
from django_tenants.middleware.main import TenantMainMiddleware

from facetrack.core.waiting import give_back
from tenants.access.actor import RequestActor, acting
from tenants.access.rights import access_of
from tenants.accounts import second_factor
from tenants.accounts.session_limits import move_on
from tenants.audit.activity import note
from tenants.isolation.context import installation
from tenants.limits.turns import serves
from tenants.models import User, Verb
from tenants.queries import is_public, tenant_of
from tenants.web.views import too_large

OPEN_PATHS = (
    "/login/",
    "/logout/",
    "/password/",
    "/static/",
    "/.well-known/",
    "/admin/login/",
    "/admin/jsi18n/",
    "/switch/arrive/",
    "/invitation/",
)
SET_UP_PATHS = (*OPEN_PATHS, "/account/second-factor/", "/account/confirm/", "/account/recovery-codes/")


class TenantMiddleware(TenantMainMiddleware):  # type: ignore[misc]
    """django-tenants' own, with an answer that names no host it knows.

    What is still to come of an answer, a stream or a file, comes without a connection of the database.
    """

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        give_back()
        if hasattr(request, "tenant"):
            serves(request.get_host().rsplit(":", 1)[0].lower())
        return response

    def no_tenant_found(self, request: HttpRequest, hostname: str) -> HttpResponse:
        with acting(RequestActor(request)), installation():
            note(Verb.NOT_FOUND, kind="host", label=hostname)
        raise Http404(
            "No customer is served at this address. Check its spelling, or ask the person who gave it to you."
        )


class BodyLimitMiddleware:
    """A form with more bytes than its files may have together is refused before any of it is parsed.

    Django itself bounds the fields of a form and the number of its files, not what the files weigh.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        length = request.META.get("CONTENT_LENGTH") or "0"
        max_length = (settings.DATA_UPLOAD_MAX_NUMBER_FILES + 1) * settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        if not (length.isascii() and length.isdigit()) or len(length) > 15 or int(length) > max_length:
            return too_large(request)
        return self.get_response(request)


class MembershipMiddleware:
    """A logged-in user who is not a member of the tenant gets 403 on every page."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        tenant = tenant_of(request)
        outsider = not is_public(tenant) and request.user.is_authenticated and access_of(request) is None
        if outsider and not request.path.startswith(OPEN_PATHS):
            raise PermissionDenied(_why_not(request.user))
        return self.get_response(request)


def _why_not(user: object) -> str:
    if isinstance(user, User) and user.is_staff:
        return (
            "You are an operator, and cannot see this customer's data. An administrator of this customer can "
            "grant you support access for a few hours, under Members."
        )
    return "You are logged in, but not a member of this organisation. Ask an administrator to invite you."


class SessionLimitMiddleware:
    """Ends a session after some time without a request, and some hours after the login in any case."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.user.is_authenticated and not move_on(request):
            logout(request)
        return self.get_response(request)


class SecondFactorMiddleware:
    """Where a second factor is required, a user without one can only set it up."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        user = request.user
        if not isinstance(user, User) or not second_factor.missing(user, tenant_of(request)):
            return self.get_response(request)
        if request.path.startswith(SET_UP_PATHS):
            return self.get_response(request)
        if request.path.startswith("/api/"):
            raise PermissionDenied(
                "A second factor is required here. Set it up first, at /account/second-factor/ in a browser."
            )
        if request.htmx:  # type: ignore[attr-defined]
            return HttpResponseClientRedirect("/account/second-factor/")
        return redirect("mfa_activate_totp")
