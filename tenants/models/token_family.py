"""The tokens that came of one login: they live and die together."""

import uuid

from django.db import models


class TokenFamily(models.Model):
    """One login of a user, or one exchange of a key, and every token that was made of it since.

    `current` is the hash of the one refresh token's `jti` that may be used next; it is empty where a
    key was exchanged, which gives no refresh token. No token is ever stored. `tenant` is None for
    keys of the installation.
    """

    class Reason(models.TextChoices):
        LOGOUT = "logout", "logged out"
        REUSE = "reuse", "a refresh token was used twice"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey("tenants.Tenant", models.CASCADE, null=True, blank=True, related_name="+")
    user = models.ForeignKey(
        "tenants.User", models.CASCADE, null=True, blank=True, related_name="token_families"
    )
    key = models.ForeignKey(
        "tenants.ApiKey", models.CASCADE, null=True, blank=True, related_name="token_families"
    )
    current = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(db_index=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    reason = models.CharField(max_length=10, blank=True, choices=Reason.choices)

    class Meta:
        verbose_name_plural = "token families"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(user=None, key__isnull=False) | models.Q(user__isnull=False, key=None),
                name="family_of_user_or_key",
            ),
        ]

    def __str__(self) -> str:
        return f"tokens of {self.user or self.key}"
