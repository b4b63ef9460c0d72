"""Websockets: the tenant by host and the user's role, which django-tenants' middleware does not see."""

from collections.abc import Awaitable, Callable
from typing import Any

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncJsonWebsocketConsumer

from tenants import second_factor
from tenants.models import Tenant
from tenants.queries import is_public, role_of, tenant_for_host

Scope = dict[str, Any]
App = Callable[[Scope, Callable[..., Any], Callable[..., Any]], Awaitable[None]]

NOT_LOGGED_IN, FORBIDDEN, NO_TENANT = 4401, 4403, 4404


class TenantFromHost:
    """ASGI middleware: `scope["tenant"]` is the customer of the Host header, or None."""

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Callable[..., Any], send: Callable[..., Any]) -> None:
        host = dict(scope["headers"]).get(b"host", b"").decode("latin-1").rsplit(":", 1)[0]
        tenant = await database_sync_to_async(tenant_for_host)(host)
        scope["tenant"] = None if tenant is None or is_public(tenant) else tenant
        await self.app(scope, receive, send)


def group_of(tenant: Tenant) -> str:
    """The channel group of a tenant's live events. Raises TypeError without one."""
    if not isinstance(tenant, Tenant):
        raise TypeError(f"a channel group belongs to a tenant, not to {tenant!r}")
    return f"live.{tenant.pk.hex}"


class MemberConsumer(AsyncJsonWebsocketConsumer):  # type: ignore[misc]
    """A websocket that only members of the host's tenant can open; others learn why by the close code."""

    async def connect(self) -> None:
        tenant, user = self.scope.get("tenant"), self.scope["user"]
        refusal = None
        if tenant is None:
            refusal = NO_TENANT
        elif not user.is_authenticated:
            refusal = NOT_LOGGED_IN
        elif not await database_sync_to_async(_may_listen)(user, tenant):
            refusal = FORBIDDEN
        await self.accept()  # a refused handshake would hide the close code from browsers
        if refusal:
            await self.close(refusal)
            return
        self.tenant = tenant
        await self.channel_layer.group_add(group_of(tenant), self.channel_name)

    async def disconnect(self, code: int) -> None:
        if hasattr(self, "tenant"):
            await self.channel_layer.group_discard(group_of(self.tenant), self.channel_name)


def _may_listen(user: Any, tenant: Tenant) -> bool:
    known = user._wrapped if hasattr(user, "_wrapped") else user
    return role_of(known, tenant) is not None and not second_factor.missing(known, tenant)
