"""Who acts in a tenant, as what, and on which of its sites: what pages, admin, API and sockets ask."""

from dataclasses import dataclass
from typing import Any, Literal, cast
from uuid import UUID

from django.http import HttpRequest

from tenants.models import Tenant, User
from tenants.queries import is_public, role_of, tenant_of
from tenants.rules import Role, may

Way = Literal["session", "token", "key", "support"]


@dataclass(frozen=True, slots=True)
class Access:
    """What somebody may do in one tenant, for the length of one request or socket.

    `sites` are the sites whose people and cameras they see; None means all of the tenant's.
    `user` is None where an API key acts; `key` is then its id.
    """

    tenant: Tenant
    role: Role
    sites: frozenset[UUID] | None = None
    user: User | None = None
    key: UUID | None = None
    way: Way = "session"

    def may(self, permission: str) -> bool:
        """Whether the role has Django's permission `app.verb_model`, e.g. `cameras.change_camera`."""
        return may(self.role, permission)


def access_of(request: HttpRequest) -> Access | None:
    """What the request's user, token or key may do in the host's tenant; None for a stranger.

    Asked of the database once a request.
    """
    cached: tuple[object, Access | None] | None = getattr(request, "_facetrack_access", None)
    user = getattr(request, "user", None)
    key = getattr(user, "pk", None)
    if cached is None or cached[0] != key:
        cached = (key, member_access(user, tenant_of(request)))
        request._facetrack_access = cached  # type: ignore[attr-defined]
    return cached[1]


def admit(request: HttpRequest, access: Access) -> None:
    """Note what a token or key that was checked may do; `access_of` answers it from now on."""
    request._facetrack_access = (getattr(access.user, "pk", None), access)  # type: ignore[attr-defined]


def member_access(user: object, tenant: Tenant) -> Access | None:
    """What a logged-in user may do in `tenant`; None for a stranger, an anonymous or a deactivated one."""
    role = role_of(user, tenant)
    return None if role is None else Access(tenant=tenant, role=role, user=cast(Any, user))


def may_enter(user: User, tenant: Tenant) -> bool:
    """Whether somebody logs in on the host of `tenant`: a member there, who runs things on the public one."""
    if is_public(tenant):
        return user.is_active and user.is_staff
    return member_access(user, tenant) is not None
