"""The right to run one camera."""

import uuid

from django.db import models
from django.db.models import Q

from workers.fleet.models.worker import Worker


class CameraLease(models.Model):
    """One row per camera that is or was enabled; of the camera's tenant, in the shared schema.

    The supervisor reads this table only, so that its work does not grow with the number of tenants.
    `planned` is the worker that should run the camera, `worker` the one that does. Times are the database's.
    """

    class Waits(models.TextChoices):
        CAPACITY = "capacity", "for a worker that has room"
        WORKER = "worker", "for a worker that may run it"

    camera_id = models.UUIDField(primary_key=True, editable=False)
    tenant = models.ForeignKey("tenants.Tenant", models.CASCADE, related_name="+")
    site_id = models.UUIDField()
    label = models.CharField(max_length=210)
    """The camera's name and site, for messages about who holds a device."""
    desired = models.BooleanField(default=False)
    host = models.CharField(max_length=100, blank=True)
    """The only machine that can run it; empty: any."""
    source_key = models.CharField(max_length=700, blank=True)
    """Names a source that only one camera of the tenant can use at a time."""
    device = models.PositiveSmallIntegerField(null=True)
    """The number of the USB device that it opens; runs only where that is assigned to the tenant."""
    planned = models.ForeignKey(Worker, models.SET_NULL, null=True, related_name="planned_leases")
    worker = models.ForeignKey(Worker, models.SET_NULL, null=True, related_name="leases")
    waits = models.CharField(max_length=10, blank=True, choices=Waits.choices)
    """Why no worker is planned for it."""
    failing_since = models.DateTimeField(null=True)
    """Its source has not delivered since then; null: it delivers, or was not tried yet."""
    epoch = models.PositiveBigIntegerField(default=0)
    """Grows by one with each grant; writes of an older holder are refused (a fencing token)."""
    granted_at = models.DateTimeField(null=True)
    renewed_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "source_key"],
                condition=Q(desired=True) & ~Q(source_key=""),
                name="exclusive_source_wanted_once",
            ),
            models.UniqueConstraint(
                fields=["tenant", "source_key"],
                condition=Q(worker__isnull=False) & ~Q(source_key=""),
                name="exclusive_source_held_once",
            ),
        ]
        indexes = [models.Index(fields=["tenant"], name="lease_by_tenant")]

    def __str__(self) -> str:
        return f"{self.label}, epoch {self.epoch}"


class LeaseGrant(models.Model):
    """Which worker was granted which camera, and when: decides on a spooled record of an older epoch."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey("tenants.Tenant", models.CASCADE, related_name="+")
    camera_id = models.UUIDField()
    epoch = models.PositiveBigIntegerField()
    worker = models.CharField(max_length=50)
    granted_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["camera_id", "epoch"], name="one_grant_an_epoch"),
        ]
        indexes = [models.Index(fields=["granted_at"], name="grant_by_time")]

    def __str__(self) -> str:
        return f"{self.camera_id} to {self.worker}, epoch {self.epoch}"
