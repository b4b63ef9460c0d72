"""SQL as an injection would run it: generated statements of A's role that reach for B's tables and rows.

Out of scope: a second statement that takes another tenant's role. Whoever can run any number of
statements on the application's connection is the application (docs/security.md).
"""

import random

import psycopg
from django.conf import settings
from django.db import DatabaseError, connection, transaction
from django.db.models import Model

from tenants.models import User
from tests.probe.attempts import Attempt
from tests.probe.inventory import models
from tests.probe.references import value_of_b
from tests.probe.world import World

READ = (
    "SELECT * FROM {b}",
    "SELECT {column}::text FROM {b} LIMIT {n}",
    "SELECT count(*) FROM {b}",
    "SELECT to_jsonb(t) FROM {b} t ORDER BY {n} % 3",
    "SELECT string_agg(t::text, ',') FROM {b} t",
    "SELECT {own_column}::text FROM {a} UNION ALL SELECT {column}::text FROM {b}",
    "SELECT * FROM {a} x LEFT JOIN {b} y ON true LIMIT {n}",
    "SELECT * FROM {a} WHERE EXISTS (SELECT 1 FROM {b} WHERE {column}::text LIKE '%{n}%')",
    "SELECT (SELECT {column}::text FROM {b} LIMIT 1) FROM {a}",
    "WITH stolen AS (SELECT * FROM {b}) SELECT * FROM stolen",
    "WITH RECURSIVE r AS (SELECT {column}::text v FROM {b} UNION SELECT v FROM r) SELECT * FROM r",
    "SELECT * FROM (VALUES (1)) one CROSS JOIN LATERAL (SELECT * FROM {b} LIMIT {n}) two",
    "SELECT query_to_xml('SELECT * FROM {b}', true, false, '')",
    "SELECT table_to_xml('{b}', true, false, '')",
    "SELECT schema_to_xml('{schema}', true, false, '')",
    "SELECT * FROM ts_stat('SELECT to_tsvector({column}::text) FROM {b}')",
    "EXPLAIN (ANALYZE, VERBOSE) SELECT * FROM {b}",
    "TABLE {b}",
    "COPY {b} TO STDOUT",
    "SELECT * FROM {b} FOR UPDATE",
    "DECLARE stolen CURSOR FOR SELECT * FROM {b}",
    "CREATE TEMP TABLE stolen AS SELECT * FROM {b}",
    "CREATE VIEW stolen AS SELECT * FROM {b}",
    "PREPARE stolen AS SELECT * FROM {b}",
    "SELECT most_common_vals::text FROM pg_stats WHERE schemaname || '.' || tablename = '{b}'",
    "SELECT query FROM pg_stat_activity WHERE query LIKE '%{mark}%' AND pid <> pg_backend_pid()",
    "SELECT statement, parameter_types FROM pg_prepared_statements",
)
WRITE = (
    "DELETE FROM {b}",
    "DELETE FROM {b} WHERE {column}::text = '{key}' RETURNING *",
    "UPDATE {b} SET {column} = {column}",
    "UPDATE {b} SET {column} = {column} WHERE {column}::text = '{key}' RETURNING *",
    "INSERT INTO {b} DEFAULT VALUES RETURNING *",
    "INSERT INTO {b} SELECT * FROM {b} LIMIT {n}",
    "MERGE INTO {b} USING {a} ON false WHEN NOT MATCHED THEN INSERT DEFAULT VALUES",
    "WITH gone AS (DELETE FROM {b} RETURNING *) SELECT * FROM gone",
    "TRUNCATE {b} CASCADE",
    "LOCK TABLE {b} IN ACCESS EXCLUSIVE MODE NOWAIT",
    "ALTER TABLE {b} DISABLE ROW LEVEL SECURITY",
    "CREATE POLICY mine ON {b} USING (true)",
    "CREATE RULE mine AS ON SELECT TO {b} DO INSTEAD SELECT 1",
    "CREATE TRIGGER mine BEFORE UPDATE ON {b} EXECUTE FUNCTION tsvector_update_trigger()",
    "GRANT ALL ON {b} TO PUBLIC",
    "DROP TABLE {b}",
    "DO $$ BEGIN DELETE FROM {b}; END $$",
)
SETTINGS = (
    "",
    "",
    "SELECT set_config('app.tenant_id', '{tenant}', true)",
    "SET LOCAL app.tenant_id = '{tenant}'",
    "SELECT set_config('search_path', '{schema}', true)",
    "SET LOCAL search_path = {schema}, public",
    "SET LOCAL row_security = off",
    "SET LOCAL session_authorization = DEFAULT",
    "SELECT set_config('app.actor', '{tenant}', true)",
)
"""What may be said before: all but taking another role."""


class Sql:
    """A member is a table: a tenant's, of which B's is meant, or a shared one."""

    name, share = "sql", 0.28

    def __init__(self) -> None:
        self._models = models()
        self._functions = sql_functions()

    def members(self) -> list[str]:
        return [*self._models, *self._functions]

    def attempt(self, member: str, world: World, dice: random.Random) -> Attempt:
        if types := self._functions.get(member):
            return self._call(member, types, world, dice)
        model = self._models[member]
        schema = world.b.tenant.schema_name if member.startswith("tenant ") else "public"
        words = self._words(model, schema, world, dice)
        before = dice.choice(SETTINGS).format(**words)
        if "search_path" in before and dice.random() < 0.5:
            words["b"] = model._meta.db_table
        statement = dice.choice(READ + WRITE).format(**words)
        text = f"{before}; {statement}" if before else statement
        return Attempt(f"SQL as A: {text}", text, lambda: _told(before, statement))

    def _call(self, member: str, types: list[str], world: World, dice: random.Random) -> Attempt:
        """A function of ours that A may call: it must not write or read for B, whatever it is told."""
        name = member.removeprefix("function ").partition("(")[0]
        values = [_argument(kind, value_of_b(world, "activity", dice), world) for kind in types if kind]
        before = dice.choice(SETTINGS).format(**self._words(User, "public", world, dice))
        statement = f"SELECT * FROM public.{name}({', '.join(values)})"  # noqa: S608
        text = f"{before}; {statement}" if before else statement
        return Attempt(f"SQL as A: {text}", text, lambda: _told(before, statement))

    def _words(self, model: type[Model], schema: str, world: World, dice: random.Random) -> dict[str, object]:
        own = dice.choice([m for name, m in self._models.items() if name.startswith("tenant ")])
        row = world.row_of_b(dice, model if world.b.rows.get(model) else None)
        return {
            "b": f"{schema}.{model._meta.db_table}",
            "a": f"{world.a.tenant.schema_name}.{own._meta.db_table}",
            "column": dice.choice(model._meta.concrete_fields).column,
            "own_column": dice.choice(own._meta.concrete_fields).column,
            "n": dice.randrange(1, 50),
            "key": row.pk,
            "tenant": world.b.tenant.pk,
            "schema": world.b.tenant.schema_name,
            "mark": world.b.secrets.mark,
        }


def _told(*statements: str) -> str:
    """What PostgreSQL answers, its refusals included."""
    found = []
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            for statement in filter(None, statements):
                if statement.startswith("COPY"):
                    with cursor.cursor.copy(statement) as copied:
                        found += [bytes(block).decode("utf-8", "replace") for block in copied]
                    continue
                cursor.execute(statement.replace("%", "%%"), ())
                if cursor.description:
                    found.append(repr(cursor.fetchall()))
                if statement.startswith(("DECLARE", "PREPARE")):
                    cursor.execute("EXECUTE stolen" if "PREPARE" in statement else "FETCH ALL FROM stolen")
                    found.append(repr(cursor.fetchall()))
                    cursor.execute("CLOSE stolen" if "CURSOR" in statement else "DEALLOCATE stolen")
    except (DatabaseError, psycopg.Error) as error:
        found.append(f"{type(error).__name__}: {error}")
    return "\n".join(found)


def sql_functions() -> dict[str, list[str]]:
    """The functions in the shared schema, by signature, and the types that they take."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT 'function ' || p.oid::regprocedure::text,"
            " string_to_array(oidvectortypes(proargtypes), ', ')"
            " FROM pg_proc p WHERE pronamespace = 'public'::regnamespace ORDER BY 1"
        )
        return {name.replace("public.", ""): types or [""] for name, types in cursor.fetchall()}


def _argument(kind: str, value: str, world: World) -> str:
    """A value of B's as SQL of that type."""
    match kind:
        case "uuid":
            return f"'{world.b.tenant.pk}'::uuid"
        case "bigint" | "integer" | "smallint" | "numeric":
            return f"{world.b.secrets.number() if kind == 'bigint' else 1}::{kind}"
        case "boolean":
            return "true"
        case "json" | "jsonb":
            return f"""'{{"tenant": "{world.b.tenant.pk}", "id": "{world.b.tenant.pk}"}}'::{kind}"""
        case "text" | "character varying" | "name":
            return "'" + value.replace("'", "") + f"'::{kind}"
    return f"NULL::{kind}"


def is_safe() -> bool:
    """The login of the tests is the application's: nothing is proved by an owner who is refused nothing."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT session_user")
        return bool(cursor.fetchone() == (settings.DATABASES["default"]["USER"],))
