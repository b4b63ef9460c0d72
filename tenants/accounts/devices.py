"""Devices and addresses where an account has logged in before: guessing elsewhere does not lock it out there.

A browser keeps a signed cookie for each account that logged in with it ("device cookies", OWASP). It opens
nothing by itself: failures of such a browser are counted for themselves. Addresses are remembered as well,
for programs, which keep no cookies.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import salted_hmac

from tenants.access.addresses import counted_address
from tenants.limits.attempts import Counted, Limit
from tenants.queries import tenant_of

KEPT = timedelta(days=180)
ADDRESS_KEPT = timedelta(days=30)
MAX_DEVICES = 8
"""Accounts of a browser that are looked at."""

_SALT = "tenants.devices"
_SIGNER = signing.TimestampSigner(salt=_SALT)
_PREFIX = "__Host-device-" if settings.BEHIND_TLS else "device-"
_ATTRIBUTE = "_facetrack_devices"
_SEEN = Limit(1_000_000, ADDRESS_KEPT, extends=True)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an attempt to log in comes from: a device, or a network; `known` where the account was before."""

    name: str
    known: bool

    @property
    def circle(self) -> str:
        """With whom it shares an account-wide limit: all that are not known have one together."""
        return self.name if self.known else "elsewhere"


def origin_of(request: HttpRequest, account: str) -> Origin:
    """Of an attempt at `account` (`tenants.accounts.lockout.counted_name`)."""
    if device := _device(request, _cookie(account)):
        return Origin(f"device/{device}", known=True)
    return Origin(f"address/{counted_address(request)}", known=_address(request, account).any())


def remember(request: HttpRequest, account: str) -> None:
    """The account has proved itself here. `set_cookies` tells the browser."""
    _address(request, account).count()
    name = _cookie(account)
    device = _device(request, name) or secrets.token_urlsafe(12)
    noted: dict[str, str] = request.__dict__.setdefault(_ATTRIBUTE, {})
    noted[name] = _SIGNER.sign(f"{name}/{device}")


def set_cookies(request: HttpRequest, response: HttpResponse) -> None:
    """Give a browser what `remember` noted for it; programs that use the API keep no cookies."""
    noted: dict[str, str] = getattr(request, _ATTRIBUTE, {})
    if request.path.startswith("/api/"):
        return
    for name, value in noted.items():
        response.set_cookie(
            name,
            value,
            max_age=KEPT,
            secure=settings.BEHIND_TLS,
            httponly=True,
            samesite="Lax",
        )


def known_device(request: HttpRequest) -> str:
    """A device with which a user has logged in on this host; empty for any other. Makes no query."""
    return device_in(request.COOKIES)


def device_in(cookies: Mapping[str, str]) -> str:
    """As `known_device`, of a request's cookies."""
    names = [name for name in cookies if name.startswith(_PREFIX)][:MAX_DEVICES]
    return next((device for name in names if (device := _signed(cookies, name))), "")


def _device(request: HttpRequest, name: str) -> str:
    return _signed(request.COOKIES, name)


def _signed(cookies: Mapping[str, str], name: str) -> str:
    try:
        text = _SIGNER.unsign(cookies.get(name, ""), max_age=KEPT)
    except signing.BadSignature:
        return ""
    of, _, device = text.rpartition("/")
    return device if of == name else ""


def _cookie(account: str) -> str:
    """Of an account's name in the tenant, so that it does not count at another one's host."""
    return _PREFIX + salted_hmac(_SALT, account, algorithm="sha256").hexdigest()[:16]


def _address(request: Any, account: str) -> Counted:
    return Counted(tenant_of(request), f"known/{account}/{counted_address(request)}", _SEEN)
