"""How much a tenant may have of each resource, and how much it uses. Limits refuse growth only."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from django.apps import apps
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import connection
from django.db.transaction import TransactionManagementError
from django.utils import timezone

from tenants.models import ApiKey, Membership, Tenant, TenantLimits, TenantUsage
from tenants.queries import is_public

CODE = "quota_exceeded"
MEGABYTE = 1_000_000


class Resource(StrEnum):
    """What is limited, as `TenantLimits` and the settings FACETRACK_MAX_… name it."""

    CAMERAS = "cameras"
    SITES = "sites"
    STAFF = "staff"
    PICTURES = "pictures"
    MEMBERS = "members"
    API_KEYS = "api_keys"
    STORAGE = "storage_megabytes"


TITLES = {
    Resource.CAMERAS: "cameras",
    Resource.SITES: "sites",
    Resource.STAFF: "staff members",
    Resource.PICTURES: "staff pictures",
    Resource.MEMBERS: "members",
    Resource.API_KEYS: "API keys",
    Resource.STORAGE: "MB of stored pictures",
}
_ROWS = {
    Resource.CAMERAS: ("cameras", "Camera"),
    Resource.SITES: ("cameras", "Site"),
    Resource.STAFF: ("staff", "StaffMember"),
    Resource.PICTURES: ("staff", "FaceImage"),
}
"""Tables of the tenant's own schema, of floors above."""


class QuotaExceeded(ValidationError):
    """A limit is reached. The message names it, and says what to do."""

    def __init__(self, quota: Quota) -> None:
        super().__init__(quota.refusal, code=CODE)


@dataclass(frozen=True, slots=True)
class Quota:
    """What a tenant has of something, and may have."""

    resource: Resource
    used: int
    limit: int

    @property
    def title(self) -> str:
        return TITLES[self.resource]

    @property
    def percent(self) -> int:
        return 100 if self.used >= self.limit else 100 * self.used // self.limit

    @property
    def refusal(self) -> str:
        return (
            f"Your organisation has {self.used:,} of {self.limit:,} {self.title}. Remove what you do not "
            "need, or ask FaceTrack's operators to raise the limit."
        )


def limit_of(tenant: Tenant, resource: Resource) -> int:
    own = TenantLimits.objects.filter(tenant=tenant).values_list(resource.value, flat=True).first()
    return int(getattr(settings, f"FACETRACK_MAX_{resource.upper()}") if own is None else own)


def quotas(tenant: Tenant) -> list[Quota]:
    """Everything that is limited. To be asked inside the tenant."""
    return [quota_of(tenant, resource) for resource in Resource]


def quota_of(tenant: Tenant, resource: Resource) -> Quota:
    """What the tenant has and may have of one thing. To be asked inside the tenant."""
    return Quota(resource, _used(tenant, resource), limit_of(tenant, resource))


def require_room(tenant: Tenant, resource: Resource) -> None:
    """Make sure that the tenant may have one more. Raises QuotaExceeded.

    Part of the transaction that adds it, which keeps the others from counting until it ends: of two who ask
    for the last one, the second waits and is refused. To be asked inside the tenant.
    """
    if not connection.in_atomic_block:
        raise TransactionManagementError("a quota holds only within the transaction that asked for it")
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtext(%s), hashtext(%s))", [str(tenant.pk), f"quota {resource}"]
        )
    quota = quota_of(tenant, resource)
    if quota.used >= quota.limit:
        raise QuotaExceeded(quota)


def usage_of(tenant: Tenant) -> TenantUsage:
    """What is counted of a tenant; not saved yet where nothing was."""
    return TenantUsage.objects.filter(tenant=tenant).first() or TenantUsage(tenant=tenant)


def _used(tenant: Tenant, resource: Resource) -> int:
    match resource:
        case Resource.MEMBERS:
            return Membership.objects.filter(tenant=tenant).count()
        case Resource.API_KEYS:  # one that is being replaced is its successor's
            alive = ApiKey.objects.filter(revoked_at=None, expires_at__gt=timezone.now(), replaced_by=None)
            return alive.filter(tenant=None if is_public(tenant) else tenant).count()
        case Resource.STORAGE:
            return -(-usage_of(tenant).stored_bytes // MEGABYTE)
    rows = apps.get_model(*_ROWS[resource])._default_manager
    if resource in (Resource.CAMERAS, Resource.SITES):
        return int(rows.filter(archived_at=None).count())
    return int(rows.count())
