"""Who acts in a tenant, as what, and on which of its sites: what pages, admin, API and sockets ask."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.utils import timezone

from tenants.models import Membership, Tenant, User
from tenants.queries import active_tenant, is_public, live_support, membership_of, tenant_of
from tenants.rules import Role, may
from tenants.rules.keys import in_scope

Way = Literal["session", "token", "key", "support", "machine"]


@dataclass(frozen=True, slots=True)
class Access:
    """What a caller may do in one tenant, for the length of one request or socket.

    `sites` are the sites whose people and cameras they see; None means all of the tenant's.
    `user` is None where an API key or a machine acts; `key` is then the key's id, and `scopes` are what the
    key was given of the rights of its role. `worker` is the only worker that a worker's key may act as.
    """

    tenant: Tenant
    role: Role
    sites: frozenset[UUID] | None = None
    user: User | None = None
    key: UUID | None = None
    scopes: frozenset[str] | None = None
    worker: str = ""
    way: Way = "session"
    until: datetime | None = None
    """When support access ends by itself."""
    proved_at: float = 0.0
    """When the holder of a token logged in for it, in seconds since 1970. A session keeps this itself."""

    def may(self, permission: str) -> bool:
        """Whether role and scopes allow it, e.g. `cameras.change_camera` or `tenants.manage_members`."""
        return may(self.role, permission) and (self.scopes is None or in_scope(self.scopes, permission))

    def sees(self, site: UUID) -> bool:
        return self.sites is None or site in self.sites


def whole_tenant() -> Access:
    """The access of workers, jobs and commands to the active tenant: everything. Never for a request."""
    return Access(tenant=active_tenant(), role=Role.WORKER, way="machine")


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
        _remember(user, cached[1])
    return cached[1]


def granted(request: HttpRequest) -> Access:
    """As `access_of`, for pages of members only. Raises PermissionDenied for a stranger."""
    access = access_of(request)
    if access is None:
        raise PermissionDenied("Log in first.")
    return access


def admit(request: HttpRequest, access: Access) -> None:
    """Note what a token or key that was checked may do; `access_of` answers it from now on."""
    actor = access.key if access.user is None else access.user.pk
    request._facetrack_access = (actor, access)  # type: ignore[attr-defined]
    _remember(access.user, access)


def member_access(user: object, tenant: Tenant) -> Access | None:
    """What a logged-in user may do in `tenant`; None for a stranger, an anonymous or a deactivated one.

    Operators are members of no tenant: only unexpired support access lets them look.
    """
    user = getattr(user, "_wrapped", user)  # a request's user is lazy
    if not isinstance(user, User) or not user.is_active:
        return None
    if user.is_staff:
        support = live_support(user, tenant, timezone.now())
        if support is None:
            return None
        return Access(tenant=tenant, role=Role.VIEWER, user=user, way="support", until=support.expires_at)
    membership = membership_of(user, tenant)
    return None if membership is None else of_membership(membership, user=user, tenant=tenant)


def of_membership(membership: Membership, *, user: User, tenant: Tenant, way: Way = "session") -> Access:
    """What a member may do: the one place that reads a membership, for sessions and tokens alike."""
    role = Role(membership.role)
    sites = frozenset(membership.sites) if role is Role.SITE_MANAGER else None
    return Access(tenant=tenant, role=role, sites=sites, user=user, way=way)


def remembered(user: Any, tenant: Tenant) -> Access | None:
    """As `member_access`, without asking again what this request already knows of its user."""
    known: Access | None = getattr(user, "_facetrack_access", None)
    if known is None or known.tenant.pk != tenant.pk:
        known = member_access(user, tenant)
        _remember(user, known)
    return known


def _remember(user: Any, access: Access | None) -> None:
    """For the permission backend, which Django gives the user and no request."""
    if access is not None and access.user is not None:
        user._facetrack_access = access


def may_enter(user: User, tenant: Tenant) -> bool:
    """Whether `user` may log in on the host of `tenant`: its members there, operators on the public one."""
    if is_public(tenant):
        return user.is_active and user.is_staff
    return member_access(user, tenant) is not None
