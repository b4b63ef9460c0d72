"""How often something was tried lately."""

from django.db import models


class AttemptCount(models.Model):
    """What was counted under a name until `ends_at`; then it begins at nought again.

    In PostgreSQL, because guessing must be stopped while Redis is away, or has forgotten. Names are keyed
    hashes: e-mails and addresses of strangers are not kept.
    """

    tenant = models.ForeignKey("tenants.Tenant", models.CASCADE, related_name="+")
    name = models.CharField(max_length=64)
    count = models.PositiveIntegerField()
    ends_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = (models.UniqueConstraint("tenant", "name", name="one_count_of_a_name"),)

    def __str__(self) -> str:
        return f"{self.count} until {self.ends_at}"
