"""The API's throttles: DRF asks them after it knows who calls. Their answer is 429 with `Retry-After`."""

from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from tenants.web.throttling import seconds_to_wait


class Throttle(BaseThrottle):
    """The caller, and the tenant's callers together; strangers by address."""

    alone = False
    waiting = 0

    def allow_request(self, request: Request, view: object) -> bool:
        self.waiting = seconds_to_wait(request, alone=self.alone)
        return not self.waiting

    def wait(self) -> float | None:
        return self.waiting or None


class CallerThrottle(Throttle):
    """The caller alone."""

    alone = True
