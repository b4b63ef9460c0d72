"""How often callers may ask: each caller, each tenant's callers together, and strangers by address.

What strangers do never counts for those who are logged in.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from time import time
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse

from tenants.access.addresses import counted_address
from tenants.access.rights import access_of
from tenants.accounts.devices import known_device
from tenants.limits.slots import SlotsFull
from tenants.web.views import too_many

WINDOW_SECONDS = 60
SAFE_METHODS = ("GET", "HEAD")
UNCOUNTED = ("/api/", "/static/", "/pictures/")
"""The API counts for itself; a page of a list alone shows fifty pictures."""
LOGIN_PATHS = ("/login/", "/admin/login/", "/password/", "/invitation/", "/switch/arrive/", "/api/v1/auth/")
"""Login endpoints. Strangers share no rate there, so that a flood from one keeps no other out."""


@dataclass(frozen=True, slots=True)
class RateLimit:
    """How many requests a minute a caller has. The cache's keys carry the tenant, so `name` need not."""

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


def seconds_to_wait(request: Any, *, alone: bool = False) -> int:
    """Count a request for its sender; 0 where it may be answered, else when to try again.

    What a caller's own allowance refuses is not counted for the tenant, so that one caller does not use up
    the others' share. With `alone` nothing is counted for the tenant.
    """
    for allowance in islice(of_request(request), 1 if alone else None):
        if wait := allowance.seconds_to_wait():
            return wait
    return 0


def of_request(request: Any) -> Iterator[RateLimit]:
    """The allowances that a request counts for, the caller's own first."""
    access = access_of(request)
    if access is not None and access.key is not None:
        rate = settings.FACETRACK_RATE_WORKER if access.worker else settings.FACETRACK_RATE_CALLER
        yield RateLimit("key", str(access.key), rate)
    elif request.user and request.user.is_authenticated:
        yield RateLimit("user", str(request.user.pk), settings.FACETRACK_RATE_CALLER)
    else:
        yield of_stranger(request)
        if not request.path_info.startswith(LOGIN_PATHS):
            yield RateLimit("strangers", "all", settings.FACETRACK_RATE_STRANGERS)
        return
    yield RateLimit("tenant", "all", settings.FACETRACK_RATE_TENANT)


def of_stranger(request: HttpRequest) -> RateLimit:
    """A browser that a user has logged in with before, else an address: an IPv6 one by its network."""
    rate = settings.FACETRACK_RATE_ANONYMOUS
    if device := known_device(request):
        return RateLimit("device", device, rate)
    return RateLimit("address", counted_address(request), rate)


def of_refused(request: HttpRequest) -> RateLimit:
    """Invalid tokens and keys, by address: valid ones are not slowed down by them."""
    return RateLimit("refused", counted_address(request), settings.FACETRACK_RATE_ANONYMOUS)


class ThrottleMiddleware:
    """Pages: for people who are logged in all requests count, for strangers what they send."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        counted = request.user.is_authenticated or request.method not in SAFE_METHODS
        if not settings.FACETRACK_THROTTLE or request.path_info.startswith(UNCOUNTED) or not counted:
            return self.get_response(request)
        wait = seconds_to_wait(request)
        return too_many(request, wait) if wait else self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Of pages; the API has its own words for it."""
        if not isinstance(error, SlotsFull):
            return None
        return too_many(request, error.seconds, str(error), error.status)
