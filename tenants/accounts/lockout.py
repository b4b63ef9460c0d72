"""Too many wrong passwords or codes for one account: nothing is tried for a while.

Two limits, both counted in PostgreSQL (`tenants.attempts`). The quick one is of an account and a device or
address. The slow one is of an account and everywhere it has never logged in from, so that guessing from many
addresses ends too; devices and addresses that the account has logged in from (`tenants.devices`) have one
each, so that an attacker cannot lock the owner out. Pages, admin and API come through here, because all ask
`django.contrib.auth.authenticate`, which django-axes guards.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from axes.handlers.base import AbstractAxesHandler, AxesBaseHandler
from axes.middleware import AxesMiddleware
from axes.signals import user_locked_out
from django.conf import settings
from django.contrib.auth.signals import user_login_failed
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from tenants.accounts.devices import Origin, origin_of, remember, set_cookies
from tenants.accounts.proofs import carried
from tenants.limits.attempts import Counted, Limit
from tenants.models import User
from tenants.queries import tenant_of

SLOW_PERIOD = timedelta(days=1)
_PENDING = "_facetrack_attempt"


class LockoutMiddleware(AxesMiddleware):  # type: ignore[misc]
    """Answers requests that are locked out, and gives known browsers their cookie.

    Synchronous: where axes' own is not, it loses the answer on its way to `refusal`.
    """

    async_capable = False

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response: HttpResponse = super().__call__(request)
        set_cookies(request, response)
        return response


class LockoutHandler(AxesBaseHandler, AbstractAxesHandler):  # type: ignore[misc]
    """What axes asks and tells.

    An attempt counts before the password is looked at, and is taken back when it was right: of many guesses
    at the same moment no more are tried than of guesses in a row.
    """

    def is_allowed(self, request: Any, credentials: dict[str, Any] | None = None) -> bool:
        attempt = Attempt(request, counted_name(request, credentials))
        setattr(request, _PENDING, attempt)
        return attempt.begin()

    def user_login_failed(
        self, sender: object, credentials: dict[str, Any], request: Any = None, **kwargs: Any
    ) -> None:
        if request is None:
            return
        if not request.axes_locked_out:
            attempt = request.__dict__.pop(_PENDING, None) or _counted(request, credentials)
            if not attempt.seconds_left():
                return
            request.axes_locked_out = True
        request.axes_credentials = credentials
        user_locked_out.send(
            "axes", request=request, username=_email(credentials), ip_address=request.axes_ip_address
        )

    def user_logged_in(self, sender: object, request: Any, user: Any, **kwargs: Any) -> None:
        # A login that came through no host was not counted either, and one that goes on from another host
        # has proved nothing here.
        if hasattr(request, "tenant") and carried(request) is None:
            lift(request, user)

    def user_logged_out(self, sender: object, request: Any, user: Any, **kwargs: Any) -> None:
        """Nothing is counted."""

    def get_failures(self, request: Any, credentials: dict[str, Any] | None = None) -> int:
        raise NotImplementedError("an attempt is counted when it begins: ask is_allowed")


class Attempt:
    """One try at an account's password or code, from where the request comes."""

    def __init__(self, request: HttpRequest, account: str) -> None:
        tenant, self.origin = tenant_of(request), origin_of(request, account)
        self.quick = Counted(tenant, f"quick/{account}/{self.origin.name}", _quick())
        self.slow = Counted(tenant, f"slow/{account}/{self.origin.circle}", _slow())

    def begin(self) -> bool:
        """Count it; whether it may be made."""
        return all(limit.count() <= limit.limit.attempts for limit in (self.quick, self.slow))

    def take_back(self) -> None:
        self.quick.take_back()
        self.slow.take_back()

    def seconds_left(self) -> int:
        return max(self.quick.seconds_left(), self.slow.seconds_left())


def was_right(request: Any) -> None:
    """The password that `authenticate` looks at is right: it was no guess."""
    if attempt := request.__dict__.pop(_PENDING, None):
        attempt.take_back()


def counted_name(request: HttpRequest, credentials: Mapping[str, Any] | None) -> str:
    """What failures are counted for: the tenant and the e-mail, whichever way it is spelt.

    PostgreSQL compares e-mails in capitals, and some letters have the capital of another one.
    """
    given = credentials or request.POST
    email = given.get("username") or given.get("email") or ""
    return f"{tenant_of(request).pk}/{str(email).strip().upper().lower()}"


def seconds_left(request: Any, email: str) -> int:
    """For how long no login is tried for this e-mail from where the request comes; 0 without a lockout."""
    return Attempt(request, counted_name(request, {"username": email})).seconds_left()


def code_limit(request: Any, user: User) -> Counted:
    """Codes of an account from where the request comes; from everywhere that is not known together."""
    origin: Origin = origin_of(request, counted_name(request, {"username": user.email}))
    return Counted(tenant_of(request), f"code/{user.pk}/{origin.circle}", _quick())


def count_failure(request: Any, user: User) -> None:
    """A wrong code counts like a wrong password, and sends the same signal."""
    credentials = {"username": user.email, "code": "********"}
    user_login_failed.send(sender=__name__, credentials=credentials, request=request)


def lift(request: HttpRequest, user: User) -> None:
    """Let a user who has proved who they are try again at once, and know them here from now on."""
    account = counted_name(request, {"username": user.email})
    Attempt(request, account).quick.forget()
    remember(request, account)


def refusal(
    request: HttpRequest, response: HttpResponse | None = None, credentials: dict[str, Any] | None = None
) -> HttpResponse:
    """The page that says how long to wait; the API has said it already, as problem details."""
    if response is not None and request.path.startswith("/api/"):
        return response
    seconds = seconds_left(request, _email(credentials or {}))
    answer = render(request, "account/locked.html", {"wait": in_words(seconds)}, status=429)
    answer["Retry-After"] = str(seconds)
    return answer


def in_words(seconds: int) -> str:
    """About how long a wait is, never less: `a minute`, `15 minutes`, `7 hours`."""
    minutes = -(-seconds // 60)
    if minutes <= 1:
        return "a minute"
    return f"{minutes} minutes" if minutes <= 120 else f"{-(-minutes // 60)} hours"


def _email(credentials: Mapping[str, Any]) -> str:
    return str(credentials.get("username") or credentials.get("email") or "")


def _counted(request: Any, credentials: Mapping[str, Any]) -> Attempt:
    attempt = Attempt(request, counted_name(request, credentials))
    attempt.begin()
    return attempt


def _quick() -> Limit:
    return Limit(settings.AXES_FAILURE_LIMIT, settings.AXES_COOLOFF_TIME, extends=True)


def _slow() -> Limit:
    return Limit(settings.FACETRACK_ACCOUNT_FAILURES, SLOW_PERIOD)
