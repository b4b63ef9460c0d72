"""What a server, and whatever stands before it, must be like so that tenants stay apart on it."""

import threading
from contextlib import suppress
from typing import Any

import psycopg
from django.core.exceptions import ImproperlyConfigured

Connection = psycopg.Connection[tuple[Any, ...]]
PROBES = 5

_LOGIN = """
SELECT rolsuper OR rolbypassrls,
       pg_has_role(session_user, (SELECT datdba FROM pg_database WHERE datname = current_database()), 'USAGE')
FROM pg_roles WHERE rolname = session_user
"""

_LOGIN_PARAMETERS = ("host", "port", "dbname", "user", "password", "sslmode", "sslrootcert")
_lock = threading.Lock()
_trusted: set[tuple[object, ...]] = set()


class UnsafeServer(ImproperlyConfigured):
    """The application must not run on this server: tenants would not be kept apart."""


def require_safe_server(parameters: dict[str, Any]) -> None:
    """Refuse a login role that nothing holds back, and a pooler that hands sessions to others.

    Asked once a process, before its first connection with these `parameters`. Raises UnsafeServer.
    """
    place = tuple(parameters.get(name) for name in ("host", "port", "dbname", "user"))
    with _lock:
        if place in _trusted:
            return
        plain = {name: parameters[name] for name in _LOGIN_PARAMETERS if parameters.get(name)}
        with psycopg.connect(**plain, autocommit=True, prepare_threshold=None) as connection:
            _require_powerless(connection)
            if _is_pooled(connection) and _shares_sessions(connection, plain):
                raise UnsafeServer(
                    f"the pooler at {place[0]}:{place[1]} hands one client's session to another between two "
                    "transactions (pool_mode transaction or statement), so that a tenant's role would leak: "
                    "set pool_mode = session, or connect to PostgreSQL itself"
                )
        _trusted.add(place)


def _require_powerless(connection: Connection) -> None:
    almighty, owner = connection.execute(_LOGIN).fetchone() or (True, True)
    if almighty or owner:
        kind = "a superuser, or bypasses row-level security" if almighty else "the owner of the database"
        raise UnsafeServer(
            f"DATABASE_URL logs in as {connection.info.user}, who is {kind}: name a role of its own there, "
            "without rights, and the owner in DATABASE_OWNER_URL (docs/operations.md says how)"
        )


def _is_pooled(connection: Connection) -> bool:
    """A pooler makes up the process id that it tells its clients."""
    return _session(connection) != connection.info.backend_pid


def _shares_sessions(first: Connection, parameters: dict[str, Any]) -> bool:
    """Whether two clients get one session, or one client two: by turns, as no session pooling allows."""
    mine = _session(first)
    with (
        suppress(psycopg.errors.ProtocolViolation),
        psycopg.connect(**parameters, autocommit=True, prepare_threshold=None) as second,
    ):
        for _ in range(PROBES):
            with second.transaction():  # holds a session while the first one asks again
                if _session(second) == mine or _session(first) != mine:
                    return True
        return False
    return True  # it allows no transactions at all: pool_mode statement


def _session(connection: Connection) -> int:
    row = connection.execute("SELECT pg_backend_pid()").fetchone()
    return int(row[0]) if row else 0
