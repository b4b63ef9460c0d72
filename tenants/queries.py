"""What is asked about tenants and members."""

from typing import Any, cast

from django.core.exceptions import PermissionDenied
from django.db import connection
from django.http import HttpRequest
from django_tenants.utils import get_public_schema_name

from tenants.models import Domain, Membership, Tenant, User
from tenants.rules import Role


class TenantMissing(RuntimeError):
    """Something that belongs to a tenant was asked for where none is active."""


def tenant_for_host(host: str) -> Tenant | None:
    """The tenant that a host name (without port) leads to; the installation's own for its public host."""
    domain = Domain.objects.select_related("tenant").filter(domain=host.lower()).first()
    return domain.tenant if domain else None


def customers() -> list[Tenant]:
    """All tenants but the installation itself."""
    return list(Tenant.objects.exclude(schema_name=get_public_schema_name()).order_by("name"))


def customer(name: str) -> Tenant:
    """The customer with this name or schema. Raises TenantMissing, naming those there are."""
    for tenant in customers():
        if name in (tenant.name, tenant.schema_name, str(tenant.pk)):
            return tenant
    known = ", ".join(tenant.name for tenant in customers()) or "none yet; make one with create_tenant"
    raise TenantMissing(f"there is no tenant '{name}' (tenants: {known})")


def active_tenant() -> Tenant:
    """The tenant of this request, task or command. Raises TenantMissing: nothing falls back to public."""
    tenant = cast(Any, connection).tenant
    if not isinstance(tenant, Tenant) or tenant.schema_name == get_public_schema_name():
        raise TenantMissing("no tenant is active here: enter one with tenants.context.inside(tenant)")
    return tenant


def role_of(user: object, tenant: Tenant) -> Role | None:
    """What `user` is in `tenant`; None for a stranger, an anonymous or a deactivated user."""
    if not isinstance(user, User) or not user.is_active:
        return None
    role = Membership.objects.filter(tenant=tenant, user=user).values_list("role", flat=True).first()
    return Role(role) if role else None


def role_in(request: HttpRequest) -> Role | None:
    """The role of the request's user in the request's tenant, asked of the database once a request."""
    cached: tuple[object, Role | None] | None = getattr(request, "_facetrack_role", None)
    user = getattr(request, "user", None)
    key = getattr(user, "pk", None)
    if cached is None or cached[0] != key:
        cached = (key, role_of(user, tenant_of(request)))
        request._facetrack_role = cached  # type: ignore[attr-defined]
    return cached[1]


def tenant_of(request: object) -> Tenant:
    """The tenant of a request's host, which the middleware found."""
    tenant: Tenant = cast(Any, request).tenant
    return tenant


def user_of(request: HttpRequest) -> User:
    """The account that a request acts for. Raises PermissionDenied for an anonymous one."""
    if not isinstance(request.user, User):
        raise PermissionDenied("Log in first.")
    return request.user


def is_public(tenant: Tenant) -> bool:
    return bool(tenant.schema_name == get_public_schema_name())
