"""When and how the logged-in user proved who they are: by a password or a code, and at what time.

A session keeps it, and takes it along to another customer's host. Nothing but a password or a code that was
given makes it newer.
"""

import time
from dataclasses import dataclass
from typing import Any

from allauth.account.internal.flows.login import (
    AUTHENTICATION_METHODS_SESSION_KEY as METHODS,
)
from allauth.account.internal.flows.login import get_authentication_records
from allauth.account.internal.userkit import user_id_to_str
from allauth.core.exceptions import ReauthenticationRequired
from django.conf import settings
from django.http import HttpRequest

from tenants.access.rights import access_of
from tenants.models import User

BEGAN = "began"
"""Key of the session: when its user gave the password (and the code) that it began with; in seconds."""
METHODS_OF = "account_authentication_methods_user"
"""Whose `METHODS` a session has, for allauth."""
PROVING = frozenset({"password", "mfa"})
RECENT_SECONDS = 300
MAX_METHODS = 20


@dataclass(frozen=True, slots=True)
class Proof:
    """What a session knows: when its user logged in, and what they gave since, as allauth notes it."""

    began: float
    methods: tuple[dict[str, Any], ...] = ()

    @property
    def seconds_left(self) -> float:
        """For how long a session that began with it may still last."""
        return self.began + settings.FACETRACK_SESSION_SECONDS - time.time()

    def as_json(self) -> dict[str, Any]:
        return {"began": self.began, "methods": list(self.methods)}

    @classmethod
    def of_json(cls, values: dict[str, Any]) -> "Proof":
        """A time in the future counts as this moment. Raises KeyError, TypeError or ValueError."""
        return cls(min(float(values["began"]), time.time()), tuple(dict(one) for one in values["methods"]))


def proof_of(request: HttpRequest, user: User) -> Proof:
    """The proof of the request's session, in which `user` is logged in."""
    methods = get_authentication_records(request, user)[-MAX_METHODS:]
    return Proof(float(request.session.get(BEGAN, 0)), tuple(methods))


def carry(request: HttpRequest, user: User, proof: Proof) -> None:
    """Let the login that follows in this request begin with a proof that was given elsewhere, as it is.

    What a former session in this browser knew is dropped.
    """
    request.session.flush()
    request.session[METHODS] = list(proof.methods)
    request.session[METHODS_OF] = user_id_to_str(user)
    request._facetrack_proof = proof  # type: ignore[attr-defined]


def carried(request: Any) -> Proof | None:
    """The proof that was carried into the login of this request; None where it was given here."""
    found: Proof | None = getattr(request, "_facetrack_proof", None)
    return found


def seconds_since_proof(request: HttpRequest) -> float:
    """How many seconds ago the sender of the request gave a password or a code; infinite for a key."""
    access = access_of(request)
    if access is not None and access.way in ("token", "key", "machine"):
        return _since(access.proved_at)
    if not isinstance(user := getattr(request.user, "_wrapped", request.user), User):
        return float("inf")
    proof = proof_of(request, user)
    given = [float(one["at"]) for one in proof.methods if one.get("method") in PROVING]
    return _since(max([proof.began, *given]))


def recently_proved(request: HttpRequest) -> bool:
    return 0 <= seconds_since_proof(request) <= RECENT_SECONDS


def require_recent_proof(request: HttpRequest) -> None:
    """Before what only the owner of the account should do. Raises ReauthenticationRequired, which leads pages
    to where the password or a code is asked for, and back."""
    if not recently_proved(request):
        raise ReauthenticationRequired


def _since(at: float) -> float:
    return time.time() - at
