"""Keys of workers from before a key named its worker go on: they were called after it."""

from django.db import connection, transaction

from tenants.isolation.owner import as_owner
from tenants.models import ApiKey
from tests.migrating import migrate

BEFORE, AFTER = "0006_audit_activity", "0007_edge_worker_of_a_key"


def test_a_key_is_of_the_worker_that_it_was_called_after(db: None) -> None:
    """As the owner of the tables, who alone may change them, and undone at the end."""
    with as_owner(), transaction.atomic():
        migrate("tenants", BEFORE)
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO tenants_apikey (id, name, prefix, digest, role, scopes, created_at, expires_at)"
                " VALUES (gen_random_uuid(), 'gate 1', 'abc', '', 'worker', '{worker}', now(), now())"
            )
        migrate("tenants", AFTER)
        assert [key.worker for key in ApiKey.objects.all()] == ["gate-1"]
        transaction.set_rollback(True)
