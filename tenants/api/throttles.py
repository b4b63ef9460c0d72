"""The API's throttles: DRF asks them after it knows who calls. Their answer is 429 with `Retry-After`."""

from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from tenants.throttling import Allowance, of_caller, of_tenant


class _Throttle(BaseThrottle):
    waiting = 0

    def allow_request(self, request: Request, view: object) -> bool:
        self.waiting = self.allowance(request).seconds_to_wait()
        return not self.waiting

    def wait(self) -> float | None:
        return self.waiting or None

    def allowance(self, request: Request) -> Allowance:
        raise NotImplementedError


class CallerThrottle(_Throttle):
    """A user or a key; whoever shows neither, by address."""

    def allowance(self, request: Request) -> Allowance:
        return of_caller(request)


class TenantThrottle(_Throttle):
    """A tenant as a whole."""

    def allowance(self, request: Request) -> Allowance:
        return of_tenant()
