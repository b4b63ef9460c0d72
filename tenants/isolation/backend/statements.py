"""The statements of one request: how long each may take, and that they end when the client has left."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from threading import Lock

import psycopg
from django.db.utils import OperationalError

log = logging.getLogger(__name__)

CANCEL_SECONDS = 2.0
"""So long PostgreSQL has to take note that a statement is cancelled."""

AGAIN_SECONDS = 5
"""After so long a caller who got no connection is to come again."""

Connection = psycopg.Connection[object]


class PoolExhausted(OperationalError):
    """No connection came in time: all of the pool's are in use, or PostgreSQL gives this process none."""


class StatementStopped(OperationalError):
    """PostgreSQL stopped a statement because it took too long. What its transaction wrote is undone."""


class ClientGone(StatementStopped):
    """A statement was stopped, or not begun, because the client that asked for it has left."""


class Statements:
    """What one request may ask of the database. `limit` is in seconds for each statement, 0 for no limit.

    Its methods are called from several threads: that of the request, and those that hear of its client.
    """

    def __init__(self, limit: float) -> None:
        self.limit, self.abandoned = limit, False
        self._lock = Lock()
        self._connections: set[Connection] = set()

    def begin(self, connection: Connection) -> None:
        """From now on this connection works for the request."""
        with self._lock:
            self._connections.add(connection)

    def end(self, connection: Connection) -> None:
        """It no longer does. Returns when nothing more is cancelled on it: others may have it then."""
        with self._lock:
            self._connections.discard(connection)

    def require_client(self) -> None:
        """Raises ClientGone where the client has left."""
        if self.abandoned:
            raise ClientGone("the client has disconnected: no more statements are run for it")

    def abandon(self) -> None:
        """Cancel what runs, and refuse what would follow. May be called again, for what began meanwhile."""
        self.abandoned = True
        with self._lock:
            for connection in self._connections:
                if connection.info.transaction_status is psycopg.pq.TransactionStatus.ACTIVE:
                    _cancel(connection)


def _cancel(connection: Connection) -> None:
    try:
        connection.cancel_safe(timeout=CANCEL_SECONDS)
    except (psycopg.Error, OSError) as error:  # it ends at its limit then
        log.warning("a statement whose client has disconnected could not be cancelled: %s", error)


_current: ContextVar[Statements | None] = ContextVar("statements", default=None)


def current_statements() -> Statements | None:
    """Those of the request that is being answered; None in commands, tasks and workers: no limit."""
    return _current.get()


@contextmanager
def serving(statements: Statements) -> Iterator[None]:
    """What runs in this context, and in the threads and tasks that it starts, is of one request."""
    token = _current.set(statements)
    try:
        yield
    finally:
        _current.reset(token)
