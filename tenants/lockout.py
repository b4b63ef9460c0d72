"""Too many wrong passwords or codes for one account from one address: nothing is tried for a while.

django-axes counts, in the cache that all processes share. Pages, admin and API come through here, because
all of them ask `django.contrib.auth.authenticate`.
"""

import time
from collections.abc import Mapping
from typing import Any, cast

from axes.handlers.cache import AxesCacheHandler
from axes.helpers import get_client_cache_keys
from axes.utils import reset
from django.conf import settings
from django.contrib.auth.signals import user_login_failed
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from tenants.addresses import client_address
from tenants.models import User
from tenants.proofs import carried
from tenants.queries import tenant_of


class LockoutHandler(AxesCacheHandler):  # type: ignore[misc]
    """Counts failures, and notes until when nothing is tried: the cache does not tell how old a key is."""

    def user_login_failed(
        self, sender: object, credentials: dict[str, Any], request: Any = None, **kwargs: Any
    ) -> None:
        super().user_login_failed(sender, credentials, request, **kwargs)
        if request is not None and request.axes_locked_out:
            seconds = settings.AXES_COOLOFF_TIME.total_seconds()
            cache.add(_until(request, credentials), time.time() + seconds, timeout=int(seconds))

    def user_logged_in(self, sender: object, request: Any, user: Any, **kwargs: Any) -> None:
        # A login that came through no host was not counted either, and one that goes on from another host
        # has proved nothing here.
        if hasattr(request, "tenant") and carried(request) is None:
            super().user_logged_in(sender, request, user, **kwargs)


def counted_name(request: HttpRequest, credentials: Mapping[str, Any] | None) -> str:
    """What failures are counted for: the tenant and the e-mail, whichever way it is spelt.

    PostgreSQL compares e-mails in capitals, and some letters have the capital of another one.
    """
    given = credentials or request.POST
    email = given.get("username") or given.get("email") or ""
    return f"{tenant_of(request).pk}/{str(email).strip().upper().lower()}"


def seconds_left(request: Any, email: str) -> int:
    """For how long nothing is tried any more for this e-mail from the request's address; 0 where it is."""
    credentials = {"username": email}
    if cast(int, LockoutHandler().get_failures(request, credentials)) < settings.AXES_FAILURE_LIMIT:
        return 0
    until = cache.get(_until(request, credentials), time.time() + settings.AXES_COOLOFF_TIME.total_seconds())
    return max(1, round(float(until) - time.time()))


def count_failure(request: Any, user: User) -> None:
    """A wrong code counts like a wrong password, and whoever listens to those hears of it."""
    credentials = {"username": user.email, "code": "********"}
    user_login_failed.send(sender=__name__, credentials=credentials, request=request)


def lift(request: HttpRequest, user: User) -> None:
    """Let somebody try again at once, who has proved in another way who they are."""
    credentials = {"username": user.email}
    reset(ip=client_address(request), username=counted_name(request, credentials))
    cache.delete(_until(request, credentials))


def refusal(
    request: HttpRequest, response: HttpResponse | None = None, credentials: dict[str, Any] | None = None
) -> HttpResponse:
    """The page that says how long to wait; the API has said it already, as problem details."""
    if response is not None and request.path.startswith("/api/"):
        return response
    given = credentials or {}
    seconds = seconds_left(request, given.get("username") or given.get("email") or "")
    minutes = -(-seconds // 60)
    context = {"wait": "a minute" if minutes <= 1 else f"{minutes} minutes"}
    answer = render(request, "account/locked.html", context, status=429)
    answer["Retry-After"] = str(seconds)
    return answer


def _until(request: Any, credentials: dict[str, Any]) -> str:
    return f"{get_client_cache_keys(request, credentials)[0]}.until"
