"""An offer to become a member. The membership begins when the addressee accepts."""

import uuid
from datetime import datetime

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from facetrack.core.text.fields import LineEmailField
from tenants.rules import MEMBER_ROLES


class Invitation(models.Model):
    """Names an address, not an account: only the person who accepts learns whether there is one.

    Its link is not kept, only a hash of it. Rows stay for a while after their end, so that mails are counted.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey("tenants.Tenant", models.CASCADE, related_name="invitations")
    email = LineEmailField("e-mail")
    role = models.CharField(max_length=20, choices=[(role.value, role.label) for role in MEMBER_ROLES])
    sites = ArrayField(models.UUIDField(), default=list, blank=True)
    """The ids of a site manager's sites; empty for other roles."""
    invited_by = models.ForeignKey("tenants.User", models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    digest = models.CharField(max_length=64, unique=True, editable=False)
    """SHA-256 of the secret in the newest link."""
    sent_at = models.DateTimeField()
    """When it was last given to the mail server."""
    mails = models.PositiveSmallIntegerField(default=1)
    accepted_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "email"],
                condition=Q(accepted_at=None, revoked_at=None),
                name="one_open_invitation_an_address",
            ),
            models.CheckConstraint(
                condition=Q(role__in=[role.value for role in MEMBER_ROLES]),
                name="invitation_role_is_known",
            ),
        ]
        indexes = [models.Index(fields=["tenant", "sent_at"], name="invitation_by_mail")]

    def __str__(self) -> str:
        return f"{self.email} to {self.tenant} as {self.get_role_display().lower()}"

    def has_run_out(self, now: datetime) -> bool:
        return self.expires_at <= now
