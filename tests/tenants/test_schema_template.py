"""A new tenant's schema is copied from a template, and is what the migrations would have made."""

import logging
import os
import re
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import psycopg
import pytest
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.db import OperationalError, ProgrammingError, connection, connections, transaction
from django_tenants.utils import schema_context, schema_exists, tenant_context
from pytest_django.plugin import DjangoDbBlocker

from facetrack.devservices.postgres_files import programs
from tenants.actions import create_tenant
from tenants.isolation.context import installation
from tenants.isolation.owner import as_owner
from tenants.isolation.schema_copy import copy_schema
from tenants.isolation.schema_template import TEMPLATE_SCHEMA, copy_template, template_for_migration
from tenants.models import Domain, Tenant
from tenants.queries import customers
from tests.conftest import drop_further_tenants
from tests.migrating import migrate

pytestmark = pytest.mark.usefixtures("leave_no_trace", "db")  # in this order: the clean-up comes last

COPY = "copy_of_a_schema"
WRONG = {
    "fewer migrations": (
        "UPDATE _template.django_migrations SET app = 'was_staff' WHERE app = 'staff'",
        "UPDATE _template.django_migrations SET app = 'staff' WHERE app = 'was_staff'",
    ),
    "more migrations": (
        "INSERT INTO _template.django_migrations (app, name, applied) VALUES ('visits', '9999_later', now())",
        "DELETE FROM _template.django_migrations WHERE name = '9999_later'",
    ),
    "none": ("ALTER SCHEMA _template RENAME TO _aside", "ALTER SCHEMA _aside RENAME TO _template"),
}
"""Templates that must not be copied, and how to mend them."""


@pytest.fixture(scope="module", autouse=True)
def _migrated_template(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> None:
    """One that migrations made. The tests' own came out of a dump, which says the same in other words."""
    with django_db_blocker.unblock():
        run("DROP SCHEMA _template CASCADE")
        call_command("migrate_schemas", verbosity=0)


@pytest.fixture
def leave_no_trace(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """The owner commits everything here: pg_dump, and another thread, see nothing else."""
    yield
    with django_db_blocker.unblock():
        drop_further_tenants()
        run(f"DROP SCHEMA IF EXISTS {COPY} CASCADE; DROP SCHEMA IF EXISTS planted CASCADE")


def run(statements: str) -> None:
    with as_owner(), schema_context("public"), connection.cursor() as cursor:
        cursor.execute(statements)


@contextmanager
def wrong_template(kind: str) -> Iterator[None]:
    spoil, mend = WRONG[kind]
    run(spoil)
    try:
        yield
    finally:
        run(mend)


def dumped(schema: str) -> list[str]:
    """All that pg_dump says of a schema, as statements, without its name, its tenant and the time."""
    with as_owner():
        at = connection.settings_dict
        where = ["-h", at["HOST"], "-p", str(at["PORT"]), "-U", at["USER"], at["NAME"]]
        secret = {**os.environ, "PGPASSWORD": at["PASSWORD"]}
        command = [str(programs() / "pg_dump"), "--inserts", f"--schema={schema}", *where]
        done = subprocess.run(command, env=secret, check=True, capture_output=True, text=True)
    lines = [line for line in done.stdout.splitlines() if line and not line.startswith(("--", "\\"))]
    text = re.sub(rf"\b{schema}\b", "its_schema", "\n".join(lines))
    text = re.sub(r"\bt_[0-9a-f]{32}\b", "its_role", text)
    text = re.sub(r"'\d{4}-\d\d-\d\d \d\d:\d\d:\d\d[^']*'", "its_time", text)
    return sorted(text.split(";\n"))


def rows_about(tenant: Tenant) -> dict[str, int]:
    """How many rows each shared table has of a tenant."""
    counts = {}
    with as_owner(), schema_context("public"), connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name FROM information_schema.columns"
            " WHERE table_schema = 'public' AND column_name = 'tenant_id'"
        )
        for (table,) in cursor.fetchall():
            cursor.execute(f"SELECT count(*) FROM public.{table} WHERE tenant_id = %s", [tenant.pk])  # noqa: S608
            counts[table] = cursor.fetchone()[0]
    return counts


def test_a_copied_schema_is_a_migrated_one(caplog: pytest.LogCaptureFixture) -> None:
    """Tables, columns, constraints, indexes, sequences, triggers, policies, comments, rights and rows."""
    copied = create_tenant(name="Copied Corp", host="copied.localhost")
    assert not caplog.messages
    with wrong_template("fewer migrations"):
        migrated = create_tenant(name="Stepwise Corp", host="stepwise.localhost")
    assert "run manage.py migrate_schemas" in caplog.text
    found, wanted = dumped("copied_corp"), dumped("stepwise_corp")
    assert set(wanted) - set(found) == set()
    assert found == wanted
    assert any(statement.startswith("CREATE TABLE its_schema.cameras_camera ") for statement in found)
    assert rows_about(copied) == rows_about(migrated)


@pytest.mark.parametrize(
    "damage",
    [
        "DROP INDEX {index}",
        "ALTER TABLE cameras_site ALTER name SET DEFAULT ''",
        "ALTER TABLE cameras_site ALTER name DROP NOT NULL",
        "ALTER TABLE cameras_site DROP CONSTRAINT {fk}",
        "DROP TRIGGER facetrack_audit ON cameras_site",
        "ALTER TABLE cameras_site DISABLE TRIGGER facetrack_audit",
        "COMMENT ON TRIGGER facetrack_audit ON cameras_site IS 'other'",
        "ALTER TABLE cameras_site ENABLE ROW LEVEL SECURITY",
        "CREATE POLICY all_rows ON cameras_site USING (true)",
        "ALTER TABLE django_migrations ALTER id DROP IDENTITY",
        "ALTER SEQUENCE django_migrations_id_seq RENAME TO other_seq",
        "SELECT setval('django_migrations_id_seq', 1)",
        "DELETE FROM django_migrations WHERE name = '0001_initial' AND app = 'visits'",
        "CREATE FUNCTION one() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "GRANT SELECT ON cameras_site TO PUBLIC",
    ],
)
def test_the_comparison_sees_what_differs(damage: str) -> None:
    with as_owner(), transaction.atomic():
        assert copy_template(COPY)
    whole = dumped(TEMPLATE_SCHEMA)
    assert dumped(COPY) == whole
    run(f"SET search_path = {COPY}; " + damage.format(**some_names()))
    assert dumped(COPY) != whole


def test_everything_that_a_table_can_have_is_copied() -> None:
    run("""
        CREATE SCHEMA planted; SET search_path = planted;
        CREATE TABLE "Door ""A"" 1" (
            id smallint GENERATED ALWAYS AS IDENTITY (START 10 INCREMENT 5 MAXVALUE 900 CACHE 3 CYCLE)
                PRIMARY KEY,
            "Name" text COLLATE "C" NOT NULL DEFAULT 'a ''quoted'' 100% ; name' CHECK ("Name" <> ''),
            size numeric(9, 2), twice numeric GENERATED ALWAYS AS (size * 2) STORED,
            codes integer[] DEFAULT '{1,2}',
            CONSTRAINT unique_size UNIQUE (size) DEFERRABLE INITIALLY DEFERRED,
            CONSTRAINT apart EXCLUDE USING btree (id WITH =)
        );
        CREATE TABLE key (
            id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, parent bigint REFERENCES key,
            door smallint NOT NULL REFERENCES "Door ""A"" 1" ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
            tenant uuid REFERENCES public.tenants_tenant, gone text
        );
        ALTER TABLE key DROP COLUMN gone;
        ALTER TABLE key ADD COLUMN note jsonb;
        ALTER SEQUENCE key_id_seq RENAME TO former_id_seq;
        CREATE UNIQUE INDEX partly ON key (door DESC NULLS LAST, (note->>'x')) INCLUDE (parent)
            WHERE door > 3;
        CREATE INDEX any_note ON key USING gin (note jsonb_path_ops);
        CREATE TRIGGER watched AFTER UPDATE OF door ON key FOR EACH ROW WHEN (NEW.door > 1)
            EXECUTE FUNCTION public.facetrack_guard();
        CREATE CONSTRAINT TRIGGER sealed AFTER INSERT ON key DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
            EXECUTE FUNCTION public.facetrack_guard();
        COMMENT ON TABLE key IS 'it''s %s';
        COMMENT ON COLUMN key.door IS 'a column';
        COMMENT ON INDEX partly IS 'an index';
        COMMENT ON SEQUENCE former_id_seq IS 'a sequence';
        COMMENT ON CONSTRAINT unique_size ON "Door ""A"" 1" IS 'a constraint';
        COMMENT ON TRIGGER watched ON key IS 'a trigger';
        INSERT INTO "Door ""A"" 1" (size) VALUES (1.5), (2);
    """)
    run("""
        SET search_path = planted;
        ALTER TABLE key DISABLE TRIGGER USER; INSERT INTO key (door) SELECT id FROM "Door ""A"" 1";
    """)
    run("ALTER TABLE planted.key ENABLE TRIGGER USER")
    with as_owner(), transaction.atomic():
        copy_schema("planted", COPY)
        with connection.cursor() as cursor:
            cursor.execute("SHOW search_path")
            assert cursor.fetchone() == ("public",)
    assert dumped(COPY) == dumped("planted")
    run("DROP SCHEMA planted CASCADE")
    assert "planted" not in " ".join(dumped(COPY))


@pytest.mark.parametrize("kind", WRONG)
def test_a_template_of_other_migrations_is_not_copied(kind: str, caplog: pytest.LogCaptureFixture) -> None:
    with wrong_template(kind), as_owner():
        assert not copy_template(COPY)
        assert not schema_exists(COPY)
    assert "run manage.py migrate_schemas" in caplog.text
    caplog.set_level(logging.WARNING)
    with as_owner():
        assert copy_template(COPY)


def test_migrate_schemas_brings_a_template_up_to_date() -> None:
    whole = dumped(TEMPLATE_SCHEMA)
    with as_owner():
        cast(Any, connection).set_schema(TEMPLATE_SCHEMA)
        migrate("visits", "0007_people_first_site")
        cast(Any, connection).set_schema_to_public()
        assert not copy_template(COPY)
    call_command("migrate_schemas", verbosity=0)
    with as_owner():
        assert copy_template(COPY)
    assert {re.sub(r"\(\d+,", "(", line) for line in dumped(COPY) if "setval" not in line} == {
        re.sub(r"\(\d+,", "(", line) for line in whole if "setval" not in line
    }


def test_a_template_is_not_copied_while_it_is_migrated() -> None:
    refused = list[Exception]()

    def copy() -> None:
        with as_owner(), connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '200ms'")
            try:
                copy_template(COPY)
            except OperationalError as error:
                refused.append(error)
        connections.close_all()

    with as_owner(), template_for_migration():
        other = threading.Thread(target=copy)
        other.start()
        other.join(60)
    assert "lock timeout" in str(refused)


def test_nothing_is_left_of_a_copy_that_fails_half_way() -> None:
    """The tables are there by the time that their foreign keys wait for a table of all tenants."""
    with as_owner():
        at = connection.get_connection_params()
    held = psycopg.connect(**{name: at[name] for name in ("host", "port", "user", "password", "dbname")})
    with held, as_owner():
        held.execute("LOCK TABLE public.tenants_user IN ROW EXCLUSIVE MODE")
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '200ms'")
        roles = names("pg_roles", "rolname")
        with pytest.raises(OperationalError, match="lock timeout"):
            create_tenant(name="Globex", host="globex.localhost")
        assert not schema_exists("globex")
        assert names("pg_roles", "rolname") == roles
        assert not Tenant.objects.filter(name="Globex").exists()
        assert not Domain.objects.filter(domain="globex.localhost").exists()
    assert create_tenant(name="Globex", host="globex.localhost").schema_name == "globex"


def test_a_schema_that_is_no_tenants_is_not_taken_over() -> None:
    run(f"CREATE SCHEMA {COPY}; CREATE TABLE {COPY}.left_behind ()")
    with pytest.raises(ValidationError, match="already a schema copy_of_a_schema in the database"):
        create_tenant(name=COPY, host="globex.localhost")
    assert not Tenant.objects.filter(schema_name=COPY).exists()
    assert "CREATE TABLE its_schema.left_behind (\n)" in dumped(COPY)


def test_of_four_at_once_two_names_are_made_once_each() -> None:
    ready, said = threading.Barrier(4, timeout=30), list[str]()

    def make(number: int) -> None:
        try:
            ready.wait()
            create_tenant(name=f"Globex {number % 2}", host=f"globex-{number}.localhost")
            said.append("made")
        except ValidationError as refusal:
            said.append(refusal.messages[0][:25])
        finally:
            connections.close_all()

    threads = [threading.Thread(target=make, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert sorted(said) == ["made", "made", "there is already a tenant", "there is already a tenant"]
    assert dumped("globex_0") == dumped("globex_1")


def test_only_the_owner_can_look_into_the_template() -> None:
    with installation():
        acme = Tenant.objects.get(schema_name="acme")
    for entered in (tenant_context(acme), installation()):
        refused = pytest.raises(ProgrammingError, match="permission denied")
        with entered, refused, transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"SELECT * FROM {TEMPLATE_SCHEMA}.cameras_camera")  # noqa: S608
    with installation():
        assert {tenant.schema_name for tenant in customers()} == {"acme", "other"}


def names(table: str, column: str) -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {column} FROM {table}")  # noqa: S608
        return {name for (name,) in cursor.fetchall()}


def some_names() -> dict[str, str]:
    """An index and a foreign key of the copy."""
    with as_owner(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT (SELECT indexname FROM pg_indexes WHERE schemaname = %(s)s"
            " AND tablename = 'visits_visit' AND indexname NOT LIKE '%%pkey' LIMIT 1),"
            " (SELECT conname FROM pg_constraint WHERE connamespace = %(s)s::regnamespace"
            " AND conrelid = (%(s)s || '.cameras_site')::regclass AND contype = 'f' LIMIT 1)",
            {"s": COPY},
        )
        index, key = cursor.fetchone() or ("", "")
    return {"index": index, "fk": key}
