"""Queries of tenants and members."""

from datetime import datetime
from typing import Any, cast
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.db import connection
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django_tenants.utils import get_public_schema_name

from facetrack.core.rows import get_or_404
from facetrack.core.text import shown, tidy_line
from tenants.models import Domain, Membership, SupportAccess, Tenant, User


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
    """The customer with this name, or else with this schema or id.

    Raises TenantMissing, naming those there are.
    """
    there = customers()
    named = {tenant.name: tenant for tenant in there}
    found = {str(tenant.pk): tenant for tenant in there} | {tenant.schema_name: tenant for tenant in there}
    tenant = named.get(tidy_line(name)) or found.get(name)  # a name may be another customer's schema
    if tenant is not None:
        return tenant
    known = ", ".join(named) or "none yet; create one with create_tenant"
    raise TenantMissing(f"there is no tenant '{shown(name)}' (tenants: {known})")


def installation_tenant() -> Tenant:
    """The tenant that stands for the installation. Raises TenantMissing before the first customer is made."""
    public: Tenant | None = Tenant.objects.filter(schema_name=get_public_schema_name()).first()
    if public is None:
        raise TenantMissing("the installation has no host yet: create a customer first, with create_tenant")
    return public


def active_tenant() -> Tenant:
    """The tenant of this request, task or command. Raises TenantMissing: nothing falls back to public."""
    tenant = cast(Any, connection).tenant
    if not isinstance(tenant, Tenant) or tenant.schema_name == get_public_schema_name():
        raise TenantMissing(
            "no tenant is active here: enter one with tenants.isolation.context.inside(tenant)"
        )
    return tenant


def membership_of(user: User, tenant: Tenant) -> Membership | None:
    return Membership.objects.filter(tenant=tenant, user=user).first()


def live_support(user: User, tenant: Tenant, now: datetime) -> SupportAccess | None:
    """The support access to `tenant` that `user` has at this moment."""
    return _live(now).filter(tenant=tenant, user=user).order_by("-expires_at").first()


def members() -> QuerySet[Membership]:
    """The active tenant's members, by e-mail."""
    return Membership.objects.filter(tenant=active_tenant()).select_related("user")


def members_called(text: str) -> Q:
    """Rows about a user whose e-mail or name contains `text`."""
    return Q(user__email__contains_folded=text.strip()) | Q(user__name__contains_folded=text.strip())


def get_member(membership_id: UUID) -> Membership:
    """A member of the active tenant. Raises Http404."""
    return get_or_404(members(), "There is no such member.", pk=membership_id)


def support_accesses() -> QuerySet[SupportAccess]:
    """Every support access that the active tenant has granted, newest first."""
    return SupportAccess.objects.filter(tenant=active_tenant()).select_related("user", "granted_by")


def get_support(support_id: UUID) -> SupportAccess:
    """A support access of the active tenant. Raises Http404."""
    return get_or_404(support_accesses(), "There is no such support access.", pk=support_id)


def open_to(user: User, now: datetime) -> QuerySet[Tenant]:
    """The customers that `user` can enter. To be evaluated inside `installation()`."""
    if user.is_staff:
        found = Q(pk__in=_live(now).filter(user=user).values("tenant"))
    else:
        found = Q(pk__in=Membership.objects.filter(user=user).values("tenant"))
    rows: QuerySet[Tenant] = Tenant.objects.filter(found)
    return rows.exclude(schema_name=get_public_schema_name()).order_by("name")


def host_of(tenant: Tenant) -> str:
    """The host name that leads to `tenant`: its primary one. Raises Http404 where there is none."""
    domains: QuerySet[Domain] = Domain.objects.order_by("-is_primary", "domain")
    return str(get_or_404(domains, "This customer has no address.", tenant=tenant).domain)


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


def _live(now: datetime) -> QuerySet[SupportAccess]:
    return SupportAccess.objects.filter(revoked_at=None, created_at__lte=now, expires_at__gt=now)
