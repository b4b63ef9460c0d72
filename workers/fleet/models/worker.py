"""A process that runs cameras."""

import uuid

from django.db import models


class Worker(models.Model):
    """One name, one process at a time. Belongs to the installation, not to a tenant.

    `state` is what the process last reported. Whether it is alive is decided by `workers.fleet.queries`, by
    the database's clock.
    """

    class State(models.TextChoices):
        IDLE = "idle", "idle"
        PROCESSING = "processing", "processing"
        ONLINE = "online", "online"
        OFFLINE = "offline", "offline"
        ERROR = "error", "error"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=50, unique=True)
    incarnation = models.UUIDField(default=uuid.uuid4, editable=False)
    """Identifies the process that has the name now; an older process learns that it was replaced."""
    host = models.CharField(max_length=100, blank=True)
    pid = models.PositiveIntegerField(default=0)
    state = models.CharField(max_length=10, choices=State.choices, default=State.OFFLINE)
    capacity = models.PositiveSmallIntegerField(default=8)
    sites = models.JSONField(default=list, blank=True)
    """Ids of the sites that it serves; empty: all."""
    devices = models.JSONField(default=list, blank=True)
    packs = models.JSONField(default=list, blank=True)
    accelerators = models.JSONField(default=list, blank=True)
    versions = models.JSONField(default=dict, blank=True)

    load = models.FloatField(default=0.0, help_text="Of the machine: running processes per core.")
    fps = models.FloatField(default=0.0, help_text="Analysed frames a second, all cameras together.")
    faces_per_second = models.FloatField(default=0.0)
    queue_depth = models.PositiveIntegerField(default=0, help_text="Records that wait in its spool.")
    memory_megabytes = models.PositiveIntegerField(default=0)
    dropped = models.PositiveBigIntegerField(default=0)
    history = models.JSONField(default=list, blank=True)
    """Frames per second at the last heartbeats, oldest first."""
    last_error = models.CharField(max_length=300, blank=True)
    """Holds no tenant's data: all users who see workers can read it."""

    registered_at = models.DateTimeField(null=True)
    beat_at = models.DateTimeField(null=True)
    seen_at = models.DateTimeField(null=True)
    """Set with each renewal of leases, every few seconds; all three by the database's clock."""

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name
