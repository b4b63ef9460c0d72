"""One login that goes on from one tenant's host to another's."""

import uuid

from django.db import models


class TenantSwitch(models.Model):
    """A way into `tenant` for `user`, who is logged in at `source`: once, and within seconds.

    The row makes it single-use: the first request that sets `used_at` has used it.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey("tenants.Tenant", models.CASCADE, related_name="+")
    source = models.ForeignKey("tenants.Tenant", models.CASCADE, related_name="+")
    user = models.ForeignKey("tenants.User", models.CASCADE, related_name="+")
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(db_index=True)
    used_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "tenants_handover"

    def __str__(self) -> str:
        return f"{self.user} from {self.source} to {self.tenant}"
