"""Models that have another name by now: their tables and rows are those of before."""

import pytest
from django.db import connection, transaction
from django.utils import timezone
from django_tenants.utils import schema_context

from tenants.isolation.owner import as_owner
from tenants.models import Tenant, TenantSwitch, User
from tests.conftest import template_of
from tests.migrating import migrate, names
from visits.models import IdentityRejection


def around(app: str, stem: str) -> tuple[str, str]:
    """A migration with this end of its name, and the one before it."""
    found = names(app)
    place = next(n for n, name in enumerate(found) if name.endswith(stem))
    return found[place - 1], found[place]


def count(table: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {table}")  # noqa: S608
        return int(cursor.fetchone()[0])


def test_a_tenant_switch_that_waits_goes_on(acme: Tenant, other: Tenant) -> None:
    before, after = around("tenants", "names_tenant_switch")
    with as_owner(), schema_context("public"), transaction.atomic():
        user = User.objects.create_user("ada@acme.test")
        now = timezone.now()
        made = TenantSwitch.objects.create(
            tenant=other, source=acme, user=user, created_at=now, expires_at=now
        )
        migrate("tenants", before)
        assert count("tenants_handover") == 1
        migrate("tenants", after)
        migrate("tenants", names("tenants")[-1])
        assert TenantSwitch.objects.get().pk == made.pk
        transaction.set_rollback(True)


@pytest.mark.usefixtures("acme")
def test_a_rejection_holds_on() -> None:
    before, after = around("visits", "names_identity_rejection")
    with as_owner(), transaction.atomic():
        made = IdentityRejection.objects.create(
            person="00000000-0000-4000-8000-000000000001", template=template_of(1), pack="edgeface-xs"
        )
        migrate("visits", before)
        assert count("visits_notthisperson") == 1
        migrate("visits", after)
        migrate("visits", names("visits")[-1])
        assert IdentityRejection.objects.get().pk == made.pk
        transaction.set_rollback(True)
