"""The template schema: what a new tenant's schema is copied from, instead of running every migration again.

It is no tenant's: it has no row of `Tenant` and no role. So only the owner of the database can look into it,
and whatever goes through all tenants passes it by. `migrate_schemas` makes it and keeps it up to date. It is
copied only where its migrations are exactly those of the code that copies it.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction
from django.db.migrations.loader import MigrationLoader
from django_tenants.migration_executors.base import run_migrations
from django_tenants.signals import schema_migrated

from tenants.isolation.schema_copy import copy_schema

TEMPLATE_SCHEMA = "_template"
"""No tenant can have this schema: theirs begin with a letter (`tenants.rules.schema_names`)."""

log = logging.getLogger(__name__)


@contextmanager
def template_for_migration() -> Iterator[None]:
    """Around migrations of the template, as the owner: they are seen all at once or not at all.

    Makes the schema where there is none. Copies wait until the end, as this waits for copies.
    """
    with transaction.atomic():
        known = _exists()
        with connection.cursor() as cursor:
            if known:
                cursor.execute(f"LOCK TABLE {TEMPLATE_SCHEMA}.django_migrations IN ACCESS EXCLUSIVE MODE")
            cursor.execute(f"CREATE SCHEMA IF NOT EXISTS {TEMPLATE_SCHEMA}")
        yield


def copy_template(schema: str) -> bool:
    """Make `schema` a copy of the template, without rights for any role. Call it as the owner.

    False where there is no template, or not the one of this code: then nothing has been made.
    """
    with transaction.atomic():
        if not _up_to_date():
            log.warning(
                "The template schema is not at the migrations of this code: run manage.py migrate_schemas. "
                "Until then each new tenant is migrated from the beginning, which takes some seconds."
            )
            return False
        copy_schema(TEMPLATE_SCHEMA, schema)
        schema_migrated.send(run_migrations, schema_name=schema)
    return True


def _up_to_date() -> bool:
    """Whether the template has the migrations of this code, no fewer and no others.

    It stays so until the transaction ends: reading the list keeps `template_for_migration` waiting.
    """
    if not _exists():
        return False
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT app, name FROM {TEMPLATE_SCHEMA}.django_migrations")  # noqa: S608  a constant
        recorded = set(cursor.fetchall())
    loader = MigrationLoader(None, load=False)
    loader.load_disk()
    return recorded == set(loader.disk_migrations)


def _exists() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass(%s) IS NOT NULL", [f"{TEMPLATE_SCHEMA}.django_migrations"])
        return bool(cursor.fetchone()[0])
