"""A customer with a PostgreSQL schema of its own, and the host names that lead to it."""

import uuid

from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.db import models
from django_tenants.models import DomainMixin, TenantMixin

from facetrack.core.addresses.networks import in_form, network_problem
from facetrack.core.text.fields import LineField

MAX_NETWORKS = 50


class Tenant(TenantMixin):  # type: ignore[misc]
    """`schema_name` is set once; renaming a customer changes `name` only."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = LineField(max_length=100, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)
    second_factor_required = models.BooleanField(
        "require two-factor authentication",
        default=False,
        help_text="Members without a second factor see only the page where they set it up.",
    )
    visitors_shared = models.BooleanField(
        "sites share their visitors",
        default=True,
        help_text="On: a visitor seen at one site is known at all of them. Off: each site knows only its own "
        "visitors.",
    )

    allowed_networks = ArrayField(
        models.CharField(max_length=43),
        verbose_name="private networks it may use",
        size=MAX_NETWORKS,
        default=list,
        blank=True,
        help_text="Such as 192.168.1.0/24, separated by commas. Workers open this customer's cameras in no "
        "other private network. The customer is told why a connection there fails.",
    )

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        if problems := [found for text in self.allowed_networks if (found := network_problem(text))]:
            raise ValidationError({"allowed_networks": problems})
        self.allowed_networks = in_form(self.allowed_networks)


class Domain(DomainMixin):  # type: ignore[misc]
    """A host name without port, e.g. `acme.example.com`."""

    class Meta:
        ordering = ["domain"]

    def __str__(self) -> str:
        return str(self.domain)
