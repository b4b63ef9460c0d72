"""Websockets: the tenant by host and who is logged in there, which Django's middleware does not see."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

from channels.db import database_sync_to_async
from django.conf import settings

from tenants.access.rights import Access
from tenants.isolation.backend.statements import PoolExhausted
from tenants.isolation.context import installation
from tenants.limits.socket_limits import TOO_MANY, LimitedConsumer
from tenants.models import Tenant
from tenants.queries import is_public, tenant_for_host
from tenants.web.access_recheck import AccessRecheck, Ended, PresentedCredential, access_now
from tenants.web.crowds import TRY_AGAIN_LATER

log = logging.getLogger(__name__)

Scope = dict[str, Any]
App = Callable[[Scope, Callable[..., Any], Callable[..., Any]], Awaitable[None]]


class TenantFromHost:
    """ASGI middleware: `scope["host"]` is the Host header's, `scope["tenant"]` its customer or None.

    A handshake for which no connection to the database is free is refused; pages try again by themselves.
    """

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Callable[..., Any], send: Callable[..., Any]) -> None:
        try:
            await self._pass(scope, receive, send)
        except PoolExhausted:
            log.error("A websocket was refused: no connection to the database was free")
            await send({"type": "websocket.close", "code": TRY_AGAIN_LATER})

    async def _pass(self, scope: Scope, receive: Callable[..., Any], send: Callable[..., Any]) -> None:
        host = dict(scope["headers"]).get(b"host", b"").decode("latin-1").rsplit(":", 1)[0]
        tenant = await database_sync_to_async(_tenant_at)(host)
        scope["host"], scope["tenant"] = host, None if tenant is None or is_public(tenant) else tenant
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
    """The groups whose events the caller may receive."""
    if access.sites is None:
        return frozenset({group_of(access.tenant)})
    return frozenset(group_of(access.tenant, site) for site in access.sites)


class MemberConsumer(LimitedConsumer):
    """A websocket that only members of the host's tenant can open; others learn why by the close code.

    It closes within seconds of the end of its right, with or without events.
    """

    async def __call__(self, *args: Any, **kwargs: Any) -> None:
        self.groups_joined: frozenset[str] = frozenset()
        self.standing: AccessRecheck | None = None
        self.watch: asyncio.Task[None] | None = None
        self.looking = asyncio.Lock()
        try:
            await super().__call__(*args, **kwargs)
        finally:
            await self._leave()

    async def connect(self) -> None:
        standing = await database_sync_to_async(self._admitted)()
        if isinstance(standing, AccessRecheck) and not self.take_place(standing.access):
            standing = TOO_MANY
        if isinstance(standing, AccessRecheck):
            self.standing = standing
            # Joined before the page knows: it then asks for news, and what comes later is hinted at.
            self.groups_joined = groups_of(standing.access)
            for group in self.groups_joined:
                await self.channel_layer.group_add(group, self.channel_name)
            self.watch = asyncio.create_task(self._watch())
            await self.accept()
        else:
            await self.accept()  # a refused handshake would hide the close code from browsers
            await self.close(int(standing))

    async def still_admitted(self) -> bool:
        """Whether what is about to be passed on may be. Closes the socket where it may not."""
        async with self.looking:
            if self.standing is None:
                return False
            if self.standing.seconds_left:
                return True
            ended = await self.standing.look()
            if ended:
                self.standing = None
                await self.close(int(ended))  # Daphne takes nothing but a plain number
            return not ended

    def _admitted(self) -> AccessRecheck | int:
        """The right to the socket, or the code to close with."""
        if (tenant := self.scope.get("tenant")) is None:
            return Ended.NO_TENANT
        session = self.scope.get("cookies", {}).get(settings.SESSION_COOKIE_NAME)
        shown = PresentedCredential(self.scope["host"], tenant.pk, session)
        access = access_now(shown)
        return access if isinstance(access, Ended) else AccessRecheck(shown, access)

    async def _watch(self) -> None:
        while self.standing is not None:
            await asyncio.sleep(max(0.01, self.standing.seconds_left))
            await self.still_admitted()

    async def _leave(self) -> None:
        if self.watch is not None:
            self.watch.cancel()
        for group in self.groups_joined:
            await self.channel_layer.group_discard(group, self.channel_name)
