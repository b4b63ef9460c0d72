"""Permission for an operator to look into one tenant, for some hours."""

import uuid
from datetime import datetime, timedelta

from django.db import models
from django.db.models import F, Q

from facetrack.core.text.fields import LineField

SUPPORT_LIMIT = timedelta(hours=8)


class SupportAccess(models.Model):
    """Granted by an administrator of the tenant, who says why; ends by itself. Rows stay as a record."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey("tenants.Tenant", models.CASCADE, related_name="support_accesses")
    user = models.ForeignKey("tenants.User", models.PROTECT, related_name="support_accesses")
    reason = LineField(max_length=300)
    granted_by = models.ForeignKey("tenants.User", models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at"]
        verbose_name_plural = "support access"
        constraints = [
            models.CheckConstraint(condition=~Q(reason=""), name="support_has_a_reason"),
            models.CheckConstraint(
                condition=Q(expires_at__gt=F("created_at"))
                & Q(expires_at__lte=F("created_at") + SUPPORT_LIMIT),
                name="support_ends_within_hours",
            ),
        ]
        indexes = [models.Index(fields=["user", "tenant", "expires_at"], name="support_by_user")]

    def __str__(self) -> str:
        return f"{self.user} supports {self.tenant} until {self.expires_at:%Y-%m-%d %H:%M} UTC"

    def is_live(self, now: datetime) -> bool:
        return self.revoked_at is None and self.created_at <= now < self.expires_at
