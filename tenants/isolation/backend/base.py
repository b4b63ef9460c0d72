"""PostgreSQL as FaceTrack uses it: django-tenants' backend, and roles that keep tenants apart.

The login role of the application has no right to any table. Activating a tenant lets the connection take
the tenant's own role, which has rights on that tenant's schema only, and names the tenant in
`app.tenant_id`, which the policies of shared tables compare (see `tenants.isolation.policies`). All travels
in the one statement in which django-tenants sets the search path, so that isolation costs no round trip.

What is not activated can be neither read nor written: a view that forgets its filter, or raw SQL that
names another schema, is refused by PostgreSQL.
"""

from typing import Any
from uuid import UUID

import psycopg
import psycopg_pool
from django.conf import settings
from django.db.utils import DatabaseError, DatabaseErrorWrapper, OperationalError
from django.utils.functional import cached_property
from django_tenants.postgresql_backend import base
from django_tenants.utils import get_public_schema_name, quote_schema_name

from tenants.isolation.backend.server import require_safe_server
from tenants.isolation.backend.statements import (
    ClientGone,
    PoolExhausted,
    Statements,
    StatementStopped,
    current_statements,
)

ACTIVATE = (
    "SELECT set_config('search_path', %s, false), set_config('role', %s, false),"
    " set_config('app.tenant_id', %s, false), set_config('idle_in_transaction_session_timeout', %s, false),"
    " set_config('statement_timeout', %s, false)"
)


class NoDatabase(RuntimeError):
    """Something asked for the database in a process that does without: a fault of ours, and no outage."""


class NotATenant(RuntimeError):
    """A schema was activated by name: only a row of Tenant has a role to take."""


class NotPrepared(OperationalError):
    """The roles that the application takes are not there yet."""


def installation_role(login: str) -> str:
    """The role that the application takes for shared tables of all tenants. It sees no tenant's people."""
    return f"{login}_installation"


def tenants_role(login: str) -> str:
    """The role that every tenant's role is a member of: what tenants may do with shared tables."""
    return f"{login}_tenants"


def tenant_role(tenant: UUID) -> str:
    """The role of one tenant; `tenants.isolation.policies` compares it with `app.tenant_id`."""
    return f"t_{tenant.hex}"


class _Errors(DatabaseErrorWrapper):
    """An ended session is one that is gone, whatever ended it; psycopg calls one of the causes internal.

    Other errors of their own: a statement that was cancelled, where its limit or its client's leaving are no
    fault, and a connection that did not come in time.
    """

    def __init__(self, database: Any) -> None:
        super().__init__(database)
        self._database = database

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        if isinstance(error, psycopg.errors.IdleInTransactionSessionTimeout):
            self._database.errors_occurred = True
            raise OperationalError(*error.args) from error
        if isinstance(error, psycopg_pool.PoolTimeout):
            raise PoolExhausted(*error.args) from error
        if isinstance(error, psycopg.errors.QueryCanceled):
            statements = current_statements()
            gone = statements is not None and statements.abandoned
            raise (ClientGone if gone else StatementStopped)(*error.args) from error
        super().__exit__(kind, error, trace)


class DatabaseWrapper(base.DatabaseWrapper):  # type: ignore[misc]
    """A connection that acts as the tenant it is activated for, or as the installation.

    Connections that `tenants.isolation.owner` makes for migrations (`AS_OWNER` in their settings) take no
    role.
    """

    shut = False
    """Of the whole process: it never connects. A worker at the edge has no database."""
    _setting_search_path: bool
    search_path_set_schemas: list[str] | None
    max_pause: float | None = None
    """Seconds that PostgreSQL waits for the next statement of a transaction before it ends the session; None
    for what the settings say. So long a process holds its locks that stopped, as in a suspended machine."""

    _works_for: Statements | None = None

    def pause_at_most(self, seconds: float | None) -> None:
        """Set `max_pause`, from the next statement on."""
        self.max_pause = seconds
        self.search_path_set_schemas = None

    @cached_property
    def wrap_database_errors(self) -> _Errors:
        return _Errors(self)

    @property
    def as_owner(self) -> bool:
        return bool(self.settings_dict.get("AS_OWNER"))

    def _handle_search_path(self, cursor: Any = None) -> None:
        if self.as_owner:
            super()._handle_search_path(cursor)
            return
        if self._setting_search_path or self.search_path_set_schemas:
            return
        paths = self._get_cursor_search_paths()
        pause = settings.DB_MAX_PAUSE if self.max_pause is None else self.max_pause
        names = ",".join(quote_schema_name(path) for path in paths)
        statements = current_statements()
        limit = statements.limit if statements else 0.0
        values = [names, *self._identity(), f"{pause:.3f}s", f"{limit:.3f}s"]
        self._setting_search_path = True
        try:
            if cursor is None:  # a named cursor holds one statement only
                with self.connection.cursor() as own:
                    own.execute(ACTIVATE, values)
            else:
                cursor.execute(ACTIVATE, values)
        except (DatabaseError, psycopg.Error) as error:
            # In a transaction that has failed, nothing but its rollback runs, under any role.
            # Any other error must stop the caller: the connection still has the role it had before.
            cause = error.__cause__ or error
            if isinstance(cause, psycopg.errors.InvalidParameterValue):
                raise NotPrepared(f"{cause}: run manage.py migrate_schemas") from None
            if not isinstance(cause, psycopg.errors.InFailedSqlTransaction):
                raise
        else:
            self.search_path_set_schemas = paths
        finally:
            self._setting_search_path = False

    def _identity(self) -> tuple[str, str]:
        """The role to take and the value of `app.tenant_id`. Raises NotATenant."""
        if self.schema_name == get_public_schema_name():
            return installation_role(self.settings_dict["USER"]), ""
        tenant = getattr(self.tenant, "pk", None)
        if not isinstance(tenant, UUID):
            raise NotATenant(
                f"the schema {self.schema_name} was activated by its name; "
                "enter a tenant with tenants.isolation.context.inside(tenant)"
            )
        return tenant_role(tenant), str(tenant)

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        if DatabaseWrapper.shut:
            raise NoDatabase("a worker at the edge has no database, and something here asked for it")
        if not self.as_owner:
            require_safe_server(conn_params)
        connection = super().get_new_connection(conn_params)
        self._works_for = current_statements()
        if self._works_for:
            self._works_for.begin(connection)
        return connection

    def _cursor(self, name: str | None = None) -> Any:
        if self._works_for:
            self._works_for.require_client()
        return super()._cursor(name)

    def _close(self) -> None:
        if self._works_for:
            self._works_for.end(self.connection)
            self._works_for = None
        super()._close()
