"""The triggers that write the activity log: recreated after migrations, and checked by `audit verify`."""

import hashlib
import json
from collections.abc import Iterator
from typing import Any, cast

from django.db.backends.base.base import BaseDatabaseWrapper
from django_tenants.utils import get_public_schema_name
from psycopg import sql

from tenants.audit.sql import FUNCTIONS, OWN_TRIGGERS, PRIVATE
from tenants.audit.tracked_models import as_json, tracked_models
from tenants.models import Activity

TRIGGER = "facetrack_audit"
TRUNCATE_TRIGGER = "facetrack_audit_all"


def install(connection: BaseDatabaseWrapper, schema: str) -> None:
    """Make functions and triggers of one schema what the code says. Idempotent; run as the owner.

    A trigger that is the same already is left alone, so that its table is not locked.
    """
    public = schema == get_public_schema_name()
    if public and not _exists(connection, schema, Activity._meta.db_table):
        return  # this schema was migrated back to before there was a log
    if public:
        for function in FUNCTIONS:
            _run(connection, function)
        for signature in PRIVATE:
            _run(connection, f"REVOKE ALL ON FUNCTION public.{signature} FROM PUBLIC")
    present = _digests(connection, schema)
    for table, name, statement in _wanted(schema):
        digest = hashlib.sha256(statement.encode()).hexdigest()
        if present.get((table, name)) != digest and _exists(connection, schema, table):
            _make(connection, schema, table, name, statement, digest)


def missing(connection: BaseDatabaseWrapper, schema: str) -> list[str]:
    """Tables of a schema that are not watched as the code wants: no trigger, another, or a disabled one."""
    present = _digests(connection, schema)
    return sorted(
        {
            f"{schema}.{table}"
            for table, name, statement in _wanted(schema)
            if present.get((table, name)) != hashlib.sha256(statement.encode()).hexdigest()
        }
    )


def _wanted(schema: str) -> Iterator[tuple[str, str, str]]:
    """Table, name of the trigger, and the statement that makes it."""
    public = schema == get_public_schema_name()
    for model, watch in tracked_models(tenants=not public):
        table, told = model._meta.db_table, json.dumps(as_json(model, watch), sort_keys=True)
        events = "INSERT OR UPDATE OR DELETE" if watch.created else "UPDATE OR DELETE"
        does = sql.SQL("EXECUTE FUNCTION public.facetrack_audit({})").format(sql.Literal(told)).as_string()
        yield table, TRIGGER, f"OR REPLACE TRIGGER {TRIGGER} AFTER {events} ON {{table}} FOR EACH ROW {does}"
        yield (
            table,
            TRUNCATE_TRIGGER,
            f"OR REPLACE TRIGGER {TRUNCATE_TRIGGER} AFTER TRUNCATE ON {{table}} FOR EACH STATEMENT {does}",
        )
    for table, triggers in OWN_TRIGGERS.items() if public else ():
        for name, when in triggers.items():
            kind = "CONSTRAINT TRIGGER" if "DEFERRABLE" in when else "OR REPLACE TRIGGER"
            yield table, name, f"{kind} {name} {when} EXECUTE FUNCTION public.{name.removesuffix('_all')}()"


def _make(
    connection: BaseDatabaseWrapper, schema: str, table: str, name: str, statement: str, digest: str
) -> None:
    place = sql.SQL("{}.{}").format(sql.Identifier(schema), sql.Identifier(table)).as_string()
    if "CONSTRAINT TRIGGER" in statement:  # which cannot be replaced
        _run(connection, f"DROP TRIGGER IF EXISTS {name} ON {place}")
    _run(connection, f"CREATE {statement.replace('{table}', place)}")
    _run(connection, f"ALTER TABLE {place} ENABLE TRIGGER {name}")
    _run(connection, f"COMMENT ON TRIGGER {name} ON {place} IS '{digest}'")


def _digests(connection: BaseDatabaseWrapper, schema: str) -> dict[tuple[str, str], str]:
    """What the enabled triggers of a schema were made from."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname, t.tgname, obj_description(t.oid, 'pg_trigger') FROM pg_trigger t"
            " JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace"
            " WHERE n.nspname = %s AND t.tgname LIKE 'facetrack_%%' AND t.tgenabled = 'O'",
            [schema],
        )
        return {(table, name): digest for table, name, digest in cursor.fetchall()}


def _exists(connection: BaseDatabaseWrapper, schema: str, table: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT FROM pg_tables WHERE schemaname = %s AND tablename = %s", [schema, table])
        return cursor.fetchone() is not None


def _run(connection: BaseDatabaseWrapper, statement: str) -> None:
    with connection.cursor() as cursor:
        cast(Any, cursor).execute(statement)
