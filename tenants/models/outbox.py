"""Rows that still have to reach another store (Milvus, object storage)."""

from django.db import models


class Outbox(models.Model):
    """One change to carry out, in the order of `id`.

    A row is written in the transaction of the change that it announces and deleted when the other
    store has it, so nothing is lost and a change that was rolled back is never announced. It names
    the subject only: the drain reads what is true by then.
    """

    class Topic(models.TextChoices):
        VISITOR_TEMPLATE = "visitor_template", "visitor's template to Milvus"

    id = models.BigAutoField(primary_key=True)
    tenant = models.ForeignKey("tenants.Tenant", models.CASCADE, related_name="+")
    topic = models.CharField(max_length=30, choices=Topic.choices)
    subject = models.UUIDField()
    detail = models.CharField(max_length=100, blank=True)
    """What is needed of a subject that is gone by then: a visitor's model pack."""
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [models.Index(fields=["tenant", "topic", "id"], name="outbox_by_tenant")]

    def __str__(self) -> str:
        return f"{self.topic} {self.subject}"
