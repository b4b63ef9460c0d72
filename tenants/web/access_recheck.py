"""Whether a right that was given still stands: asked again and again for what outlives its request.

Live pictures, event streams, exports and websockets all ask here. What the caller has shown (a session, a
token, a key) is checked as if it came with a new request, by a connection that is given back at once.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum
from uuid import UUID

from asgiref.sync import sync_to_async
from django.contrib.auth import get_user
from django.db import DatabaseError, InterfaceError
from django.http import HttpRequest
from django.utils import timezone

from facetrack.core.waiting import give_back
from tenants.access.rights import Access, granted, member_access
from tenants.accounts import second_factor
from tenants.credentials.queries import key_access_now, token_access
from tenants.credentials.refusal import CredentialRefused
from tenants.credentials.tokens import AccessToken, read
from tenants.isolation.context import inside, installation
from tenants.isolation.sessions import SessionStore
from tenants.limits.slots import Slot
from tenants.models import Tenant
from tenants.queries import is_public, tenant_for_host

log = logging.getLogger(__name__)

RECHECK_SECONDS = 5.0
"""Seconds between two checks. A stream without a right ends this much later, plus the check's own time."""
UNSURE_SECONDS = 10.0
"""A stream also ends if no check succeeds for this long, as when the database is unavailable."""


class Ended(IntEnum):
    """Why a right is gone; the close codes of websockets."""

    NOT_LOGGED_IN = 4401
    FORBIDDEN = 4403
    NO_TENANT = 4404
    CHANGED = 4409
    """It is another one by now: a client that connects again gets that."""


@dataclass(frozen=True, slots=True)
class PresentedCredential:
    """What a caller showed on a host: a session's key, the text of a token, or the id of an API key."""

    host: str
    tenant: UUID
    session: str | None = field(default=None, repr=False)
    token: str = field(default="", repr=False)
    key: UUID | None = None


def shown_by(request: HttpRequest) -> PresentedCredential:
    """What an admitted request came with. Raises PermissionDenied for a stranger's."""
    access = granted(request)
    host, tenant = access.tenant.domain_url, access.tenant.pk
    if access.way == "key":
        return PresentedCredential(host, tenant, key=access.key)
    if access.way == "token":
        return PresentedCredential(
            host, tenant, token=request.headers["Authorization"].partition(" ")[2].strip()
        )
    return PresentedCredential(host, tenant, session=request.session.session_key)


def access_now(shown: PresentedCredential) -> Access | Ended:
    """What it opens by now, or why nothing. Raises DatabaseError while that cannot be asked."""
    try:
        with installation():
            tenant = tenant_for_host(shown.host)
        if tenant is None or is_public(tenant) or tenant.pk != shown.tenant:
            return Ended.NO_TENANT
        with inside(tenant):
            return _access(shown, tenant)
    finally:
        give_back()


def _access(shown: PresentedCredential, tenant: Tenant) -> Access | Ended:
    try:
        if shown.key is not None:
            return key_access_now(shown.key, tenant, timezone.now())
        if shown.token:
            return token_access(read(AccessToken, shown.token, tenant), tenant, timezone.now())[1]
    except CredentialRefused as refusal:
        return Ended.FORBIDDEN if refusal.reason in ("member", "factor") else Ended.NOT_LOGGED_IN
    request = HttpRequest()
    request.session = SessionStore(shown.session)
    user = get_user(request)
    if not user.is_authenticated:
        return Ended.NOT_LOGGED_IN
    if second_factor.missing(user, tenant):
        return Ended.FORBIDDEN
    return member_access(user, tenant) or Ended.FORBIDDEN


class AccessRecheck:
    """The right of one stream or socket, and the slot of a stream, which is renewed with each look.

    `permission` is what it takes, if more than being a member; `further` is asked inside the tenant.
    """

    def __init__(
        self,
        shown: PresentedCredential,
        access: Access,
        slot: Slot | None = None,
        *,
        permission: str | None = None,
        further: Callable[[Access], bool] | None = None,
    ) -> None:
        self._shown, self.access, self._slot = shown, access, slot
        self._permission, self._further = permission, further
        self._looked = self._sure = time.monotonic()

    @property
    def seconds_left(self) -> float:
        """Until the next look is due."""
        return max(0.0, self._looked + RECHECK_SECONDS - time.monotonic())

    async def look(self) -> Ended | None:
        """Why it ends; None where it goes on. Nothing is to be sent meanwhile."""
        return await sync_to_async(self._look)()

    async def end(self) -> None:
        if self._slot is not None:
            await sync_to_async(self._slot.release)()

    def _look(self) -> Ended | None:
        if self._slot is not None:
            self._slot.renew()
        try:
            ended = self._compared(access_now(self._shown))
            self._sure = time.monotonic()
        except (DatabaseError, InterfaceError):
            ended = Ended.CHANGED if time.monotonic() - self._sure > UNSURE_SECONDS else None
        self._looked = time.monotonic()
        if ended:
            log.info("a stream or socket of %s ends: %s", self._shown.host, ended.name)
        return ended

    def _compared(self, now: Access | Ended) -> Ended | None:
        if isinstance(now, Ended):
            return now
        if self._permission is not None and not now.may(self._permission):
            return Ended.FORBIDDEN
        was = self.access
        if (now.role, now.sites, now.scopes) != (was.role, was.sites, was.scopes):
            return Ended.CHANGED
        if self._further is not None:
            with inside(now.tenant):
                return None if self._further(now) else Ended.CHANGED
        return None
