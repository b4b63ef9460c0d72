"""A key that a program shows instead of logging in."""

import uuid
from datetime import datetime
from typing import Literal

from django.contrib.postgres.fields import ArrayField
from django.core.validators import RegexValidator
from django.db import models

from facetrack.core.text.fields import LineField
from tenants.rules import Role
from tenants.rules.keys import KEY_ROLES, SCOPE, SOON


class ApiKey(models.Model):
    """`ft_<prefix>_<secret>`, of which only the prefix and a hash of the secret are kept.

    It may do what `role` and `scopes` both allow, on `sites` (None: the whole tenant), and never more
    than its maker may today. A key without tenant belongs to the installation: the worker that it
    names has it, acts under no other name, and runs cameras of `sites` only, which may be of any tenant.
    `created_by` is None where a command made the key; a key goes with the account of its maker.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey("tenants.Tenant", models.CASCADE, null=True, blank=True, related_name="+")
    name = LineField(max_length=100, help_text="What it is for, such as “door display”.")
    prefix = models.CharField(max_length=20, unique=True, editable=False)
    digest = models.CharField(max_length=64, editable=False)
    role = models.CharField(max_length=20, choices=[(role.value, role.label) for role in KEY_ROLES])
    scopes = ArrayField(models.CharField(max_length=60, validators=[RegexValidator(SCOPE)]), size=20)
    sites = ArrayField(models.UUIDField(), null=True, blank=True, size=200)
    worker = models.CharField(max_length=50, blank=True, editable=False)
    created_by = models.ForeignKey(
        "tenants.User", models.CASCADE, null=True, blank=True, editable=False, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)
    replaced_by = models.ForeignKey(
        "self", models.SET_NULL, null=True, blank=True, editable=False, related_name="replaces"
    )

    maker_may: bool = True
    """Whether its maker may still make keys; `credentials.queries.keys` reads it from the database."""

    class Meta:
        verbose_name = "API key"
        indexes = [models.Index(fields=["tenant", "-created_at", "-id"], name="keys_by_tenant")]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(tenant=None, role=Role.WORKER)
                | (models.Q(tenant__isnull=False) & ~models.Q(role=Role.WORKER)),
                name="workers_keys_are_the_installations",
            ),
            models.CheckConstraint(
                condition=~models.Q(role=Role.WORKER) | ~models.Q(worker=""),
                name="workers_key_names_its_worker",
            ),
            models.CheckConstraint(
                condition=~models.Q(role=Role.SITE_MANAGER) | models.Q(sites__isnull=False),
                name="site_managers_key_has_sites",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} (ft_{self.prefix}_…)"

    def ended(self, now: datetime) -> Literal["revoked", "expired", "maker"] | None:
        """Why the key is no longer valid."""
        if self.revoked_at is not None:
            return "revoked"
        if self.expires_at <= now:
            return "expired"
        return None if self.maker_may else "maker"

    def ends_soon(self, now: datetime) -> bool:
        return self.ended(now) is None and self.expires_at <= now + SOON
