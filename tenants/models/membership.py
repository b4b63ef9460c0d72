"""What a person is in one tenant."""

import uuid

from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.db import models

from tenants.rules import MEMBER_ROLES


class Membership(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey("tenants.Tenant", models.CASCADE, related_name="memberships")
    user = models.ForeignKey("tenants.User", models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=20, choices=[(role.value, role.label) for role in MEMBER_ROLES])
    sites = ArrayField(models.UUIDField(), default=list, blank=True)
    """The ids of a site manager's sites, which are rows of the tenant's schema; empty for other roles."""
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["user__email"]
        constraints = [
            models.UniqueConstraint(fields=["tenant", "user"], name="one_membership_a_tenant"),
            models.CheckConstraint(
                condition=models.Q(role__in=[role.value for role in MEMBER_ROLES]),
                name="membership_role_is_known",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} is {self.get_role_display()} of {self.tenant}"

    def clean(self) -> None:
        if self.user_id and self.user.is_staff:
            raise ValidationError("An operator cannot be a member of an organisation. Use another account.")
