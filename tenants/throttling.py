"""How often somebody may ask: each caller, each tenant as a whole, and addresses that show no login."""

from collections.abc import Callable
from dataclasses import dataclass
from time import time
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse

from tenants.access import access_of
from tenants.addresses import client_address
from tenants.views import too_many

WINDOW_SECONDS = 60
UNCOUNTED = ("/api/", "/static/", "/pictures/")
"""The API counts for itself; a page of a list alone shows fifty pictures."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """How many requests a minute somebody has. The cache's keys carry the tenant, so `name` need not."""

    scope: str
    name: str
    rate: int

    def seconds_to_wait(self) -> int:
        """Count a request; 0 where it is within the rate, else after how many seconds to try again."""
        if not settings.FACETRACK_THROTTLE:
            return 0
        window, past = divmod(int(time()), WINDOW_SECONDS)
        key = f"throttle.{self.scope}.{self.name}.{window}"
        try:
            asked = cache.incr(key)
        except ValueError:  # the first of this minute, or the cache forgot
            asked = 1 if cache.add(key, 1, WINDOW_SECONDS) else cache.incr(key)
        return 0 if asked <= self.rate else WINDOW_SECONDS - past


def of_caller(request: Any) -> Allowance:
    """A key, a user, or without either an address."""
    access = access_of(request)
    if access is not None and access.key is not None:
        rate = settings.FACETRACK_RATE_WORKER if access.worker else settings.FACETRACK_RATE_CALLER
        return Allowance("key", str(access.key), rate)
    if request.user and request.user.is_authenticated:
        return Allowance("user", str(request.user.pk), settings.FACETRACK_RATE_CALLER)
    return Allowance("address", client_address(request), settings.FACETRACK_RATE_ANONYMOUS)


def of_tenant() -> Allowance:
    """All callers of a tenant together, so that one customer cannot take the others' share."""
    return Allowance("tenant", "all", settings.FACETRACK_RATE_TENANT)


class ThrottleMiddleware:
    """Pages: for people who are logged in all requests count, for strangers what they send."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        counted = request.user.is_authenticated or request.method == "POST"
        if settings.FACETRACK_THROTTLE and counted and not request.path_info.startswith(UNCOUNTED):
            wait = of_caller(request).seconds_to_wait() or of_tenant().seconds_to_wait()
            if wait:
                return too_many(request, wait)
        return self.get_response(request)
