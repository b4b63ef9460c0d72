"""What was written in B, seen before it is rolled back: first PostgreSQL's counters, then the rows."""

from django.db import connection
from django.db.models import Model

from tests.probe.inventory import tenant_models
from tests.probe.rows import theirs
from tests.probe.world import World, changes, snapshot


class Ledger:
    """Compares the counters of this transaction, which also count what is rolled back later."""

    def __init__(self, world: World) -> None:
        self._world = world
        schema = world.b.tenant.schema_name
        own = [f"{schema}.{model._meta.db_table}" for model in tenant_models()]
        self._shared: dict[str, type[Model]] = {
            f"public.{model._meta.db_table}": model for model in theirs() if model not in tenant_models()
        }
        self._oids = self._found([*own, *self._shared])
        self._last = self._count()

    def forget(self) -> None:
        """Whatever was written until now was B's own doing."""
        self._last = self._count()

    def written(self, *, at_bs_door: bool, by_installation: bool) -> list[str]:
        """What was written to B since the last time, in words. Rows are looked at where they still are."""
        now = self._count()
        touched = [name for name in now if now[name] != self._last[name]]
        self._last = now
        found = [f"rows of {name} were written" for name in touched if name not in self._shared]
        models = [self._shared[name] for name in touched if name in self._shared]
        if not models or by_installation:
            return found
        return found + changes(self._world.before, snapshot(self._world, models), at_bs_door=at_bs_door)

    def _found(self, names: list[str]) -> dict[str, int]:
        """As the owner of no right: names of tables in pg_class are open to everybody."""
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT n.nspname || '.' || c.relname, c.oid FROM pg_class c"
                " JOIN pg_namespace n ON n.oid = c.relnamespace"
                " WHERE n.nspname || '.' || c.relname = ANY(%s)",
                [names],
            )
            return dict(cursor.fetchall())

    def _count(self) -> dict[str, int]:
        oids = {oid: name for name, oid in self._oids.items()}
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT oid::bigint, pg_stat_get_xact_tuples_inserted(oid)"
                " + pg_stat_get_xact_tuples_updated(oid) + pg_stat_get_xact_tuples_deleted(oid)"
                " FROM unnest(%s::oid[]) AS oid",
                [list(oids)],
            )
            return {oids[oid]: count for oid, count in cursor.fetchall()}
