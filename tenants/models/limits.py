"""How much a customer may have, and what is counted of it."""

import uuid

from django.db import models


class TenantLimits(models.Model):
    """Set by the operator. An empty field: the installation's own limit, as its settings have it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.OneToOneField("tenants.Tenant", models.CASCADE, related_name="limits")
    cameras = models.PositiveIntegerField(
        null=True, blank=True, help_text="Also this customer's weight where full workers are shared."
    )
    sites = models.PositiveIntegerField(null=True, blank=True)
    staff = models.PositiveIntegerField(null=True, blank=True)
    pictures = models.PositiveIntegerField("staff pictures", null=True, blank=True)
    members = models.PositiveIntegerField(null=True, blank=True)
    api_keys = models.PositiveIntegerField("API keys", null=True, blank=True)
    storage_megabytes = models.PositiveIntegerField("storage (MB)", null=True, blank=True)

    class Meta:
        verbose_name = verbose_name_plural = "limits"

    def __str__(self) -> str:
        return f"limits of {self.tenant}"


class TenantUsage(models.Model):
    """What cannot be counted at each request: the bytes of a tenant's stored pictures."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.OneToOneField("tenants.Tenant", models.CASCADE, related_name="usage")
    stored_bytes = models.BigIntegerField(default=0)
    counted_at = models.DateTimeField(null=True)
    """When the objects themselves were last counted; null: never, or in vain."""
    full_since = models.DateTimeField(null=True)
    """Since then pictures of sightings are left out; null: there is room."""
    left_out = models.PositiveIntegerField(default=0)
    """Sightings without a picture since `full_since`."""

    def __str__(self) -> str:
        return f"usage of {self.tenant}"
