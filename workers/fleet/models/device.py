"""A camera device of a machine, and the one tenant that may use it."""

import uuid

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator
from django.db import models

MAX_DEVICE = 99


class DeviceAssignment(models.Model):
    """The operator assigns a USB device of a machine to one tenant; no other tenant can open it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    host = models.CharField(
        "machine", max_length=100, help_text="Host name of the machine, as its workers tell it."
    )
    device = models.PositiveSmallIntegerField(
        validators=[MaxValueValidator(MAX_DEVICE)], help_text="Its number: 0 is /dev/video0."
    )
    tenant = models.ForeignKey("tenants.Tenant", models.CASCADE, related_name="+", verbose_name="customer")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["host", "device"]
        constraints = [models.UniqueConstraint(fields=["host", "device"], name="device_of_one_tenant")]

    def __str__(self) -> str:
        return f"device {self.device} of {self.host}"

    def clean(self) -> None:
        self.host = self.host.strip().lower()
        if not self.host:
            raise ValidationError({"host": "Name the machine, as its workers report it."})
