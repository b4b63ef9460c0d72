"""Websockets: the tenant by host and who is logged in there, which Django's middleware does not see."""

import time
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

from channels.db import database_sync_to_async
from django.conf import settings
from django.contrib.auth import get_user
from django.http import HttpRequest

from tenants import second_factor
from tenants.access import Access, member_access
from tenants.context import inside, installation
from tenants.models import Tenant
from tenants.queries import is_public, tenant_for_host
from tenants.sessions import SessionStore
from tenants.socket_limits import TOO_MANY, LimitedConsumer

Scope = dict[str, Any]
App = Callable[[Scope, Callable[..., Any], Callable[..., Any]], Awaitable[None]]

NOT_LOGGED_IN, FORBIDDEN, NO_TENANT = 4401, 4403, 4404
CHANGED = 4409
"""The rights have changed: the page connects anew and gets what is right now."""
RECHECK_SECONDS = 10.0


class TenantFromHost:
    """ASGI middleware: `scope["tenant"]` is the customer of the Host header, or None."""

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Callable[..., Any], send: Callable[..., Any]) -> None:
        host = dict(scope["headers"]).get(b"host", b"").decode("latin-1").rsplit(":", 1)[0]
        tenant = await database_sync_to_async(_tenant_at)(host)
        scope["tenant"] = None if tenant is None or is_public(tenant) else tenant
        await self.app(scope, receive, send)


def _tenant_at(host: str) -> Tenant | None:
    with installation():
        return tenant_for_host(host)


def group_of(tenant: Tenant, site: UUID | None = None) -> str:
    """The channel group of live events: a tenant's, or one site's. Raises TypeError without a tenant."""
    if not isinstance(tenant, Tenant):
        raise TypeError(f"a channel group belongs to a tenant, not to {tenant!r}")
    return f"live.{tenant.pk.hex}" if site is None else f"live.{tenant.pk.hex}.{site.hex}"


def groups_of(access: Access) -> frozenset[str]:
    """The groups whose events somebody may hear of."""
    if access.sites is None:
        return frozenset({group_of(access.tenant)})
    return frozenset(group_of(access.tenant, site) for site in access.sites)


class MemberConsumer(LimitedConsumer):
    """A websocket that only members of the host's tenant can open; others learn why by the close code."""

    async def connect(self) -> None:
        self.groups_joined: frozenset[str] = frozenset()
        self.checked_at: float = 0.0
        access = NO_TENANT if self.scope.get("tenant") is None else await self._access()
        if isinstance(access, Access) and not self.take_place(access):
            access = TOO_MANY
        if isinstance(access, Access):
            # Joined before the page knows: it then asks for news, and what comes later is hinted at.
            await self._join(access)
            await self.accept()
        else:
            await self.accept()  # a refused handshake would hide the close code from browsers
            await self.close(access)

    async def still_admitted(self) -> bool:
        """Whether what is about to be passed on may be: asked anew once in a while, as sockets live long.

        Closes the socket of somebody who has logged out, is no member any more, or of other sites.
        """
        if time.monotonic() - self.checked_at < RECHECK_SECONDS:
            return True
        access = await self._access()
        if isinstance(access, Access) and groups_of(access) == self.groups_joined:
            self.checked_at = time.monotonic()
            return True
        await self.close(CHANGED if isinstance(access, Access) else access)
        return False

    async def disconnect(self, code: int) -> None:
        for group in self.groups_joined:
            await self.channel_layer.group_discard(group, self.channel_name)

    async def _access(self) -> Access | int:
        """What the socket's session may do, or the code to close with."""
        key = self.scope.get("cookies", {}).get(settings.SESSION_COOKIE_NAME)
        found: Access | int = await database_sync_to_async(access_by_session)(key, self.scope["tenant"])
        return found

    async def _join(self, access: Access) -> None:
        self.checked_at = time.monotonic()
        self.groups_joined = groups_of(access)
        for group in self.groups_joined:
            await self.channel_layer.group_add(group, self.channel_name)


def access_by_session(key: str | None, tenant: Tenant) -> Access | int:
    """What a session may do in `tenant` by now, or the code that says why it may do nothing."""
    with inside(tenant):
        request = HttpRequest()
        request.session = SessionStore(key)
        user = get_user(request)
        if not user.is_authenticated:
            return NOT_LOGGED_IN
        if second_factor.missing(user, tenant):
            return FORBIDDEN
        return member_access(user, tenant) or FORBIDDEN
