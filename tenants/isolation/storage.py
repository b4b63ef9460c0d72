"""The stored pictures of the active tenant, counted: what is kept is added to its usage, what is deleted is
taken off. `count` finds what a crash between the two has left wrong."""

import logging
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import BigIntegerField, F, Q, Subquery
from django.db.models.functions import Cast, Coalesce, Greatest
from django.utils import timezone

from facetrack.core import objects
from tenants.isolation.quotas import MEGABYTE, QuotaExceeded, Resource, quota_of, usage_of
from tenants.models import Tenant, TenantLimits, TenantUsage
from tenants.queries import active_tenant

log = logging.getLogger(__name__)

COUNTED_EVERY = timedelta(days=1)


def take(size: int) -> bool:
    """Add `size` bytes to what the tenant stores; False where that is more than it may.

    One statement, which waits for others that count. To be asked before the transaction that keeps the
    object, which others would wait for, or as its part where it is short. `put_back` takes it back.
    """
    tenant = active_tenant()
    if _taken(tenant, size):
        return True
    _, made = TenantUsage.objects.get_or_create(tenant=tenant)
    return made and _taken(tenant, size)


def put_back(size: int) -> None:
    """Take back what `take` added, where the object is not kept after all."""
    TenantUsage.objects.filter(tenant=active_tenant()).update(
        stored_bytes=Greatest(F("stored_bytes") - size, 0)
    )


def _taken(tenant: Tenant, size: int) -> bool:
    own = TenantLimits.objects.filter(tenant=tenant).values(Resource.STORAGE.value)
    limit = Coalesce(Subquery(own), settings.FACETRACK_MAX_STORAGE_MEGABYTES)
    max_bytes = Cast(limit, BigIntegerField()) * MEGABYTE
    room = TenantUsage.objects.filter(tenant=tenant, stored_bytes__lte=max_bytes - size)
    return bool(room.update(stored_bytes=F("stored_bytes") + size, full_since=None, left_out=0))


def require(size: int) -> None:
    """As `take`. Raises QuotaExceeded."""
    if not take(size):
        raise QuotaExceeded(quota_of(active_tenant(), Resource.STORAGE))


def note_left_out() -> None:
    """Note that a sighting was kept without its picture, for want of room."""
    tenant = active_tenant()
    rows = TenantUsage.objects.filter(tenant=tenant)
    if rows.filter(full_since=None).update(full_since=timezone.now()):
        log.error(
            "the storage of %s is full: its sightings are recorded without pictures. Raise its limit in the "
            "installation's admin, or ask the customer to delete visitors",
            tenant,
        )
    rows.update(left_out=F("left_out") + 1)


def discard(key: str, *, bucket: str = objects.DERIVED) -> None:
    """Delete an object that was counted. Deleting an object that is already gone is not an error."""
    tenant = active_tenant()
    size = objects.size(tenant.pk, key, bucket=bucket)
    objects.delete(tenant.pk, key, bucket=bucket)
    if size:
        left = Greatest(F("stored_bytes") - size, 0)
        TenantUsage.objects.filter(tenant=tenant).update(stored_bytes=left, full_since=None)


def is_due(now: datetime) -> bool:
    """Whether the objects should be counted again."""
    counted = usage_of(active_tenant()).counted_at
    return counted is None or counted < now - COUNTED_EVERY


def count(*, now: datetime) -> int | None:
    """Count the objects themselves, and put the sum right; in bytes. None where another process has.

    What is kept or deleted meanwhile stays counted as it was, at worst twice until the next time.
    """
    usage, _ = TenantUsage.objects.get_or_create(tenant=active_tenant())
    rows = TenantUsage.objects.filter(pk=usage.pk)
    due = Q(counted_at=None) | Q(counted_at=usage.counted_at)
    if not rows.filter(due).update(counted_at=now):
        return None
    try:
        stored = objects.total(usage.tenant_id)
    except BaseException:
        rows.update(counted_at=None)
        raise
    if stored != usage.stored_bytes:
        log.info("%s stores %d bytes, %d were counted", usage.tenant, stored, usage.stored_bytes)
    rows.update(stored_bytes=Greatest(F("stored_bytes") + (stored - usage.stored_bytes), 0))
    return stored
