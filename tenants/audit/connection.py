"""Tells a connection to PostgreSQL who acts, just before the first statement that writes.

Reading costs nothing. What a session was told is remembered and compared before every write, so that no
user's name is left for the next request that gets the connection.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import psycopg
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg.pq import TransactionStatus

from tenants.access import actor

_READS = frozenset(
    {"SELECT", "SHOW", "SET", "BEGIN", "COMMIT", "SAVEPOINT", "RELEASE", "EXPLAIN", "FETCH", "CLOSE"}
)
_SET_ACTOR = "SELECT set_config('app.actor', %s, false)"


@dataclass(frozen=True, slots=True)
class SentActor:
    """What a session has for `app.actor`, for as long as the connection has this very activation.

    django-tenants makes a new list with each activation, and drops it with each rollback (which takes
    `app.actor` back as well), with another tenant, and when the connection goes back to the pool.
    """

    actor: str
    activation: object


_sent: WeakKeyDictionary[psycopg.Connection[Any], SentActor] = WeakKeyDictionary()


def watch_connection(connection: BaseDatabaseWrapper, **_: Any) -> None:
    """From now on this connection says who acts. For Django's signal `connection_created`."""
    if _before not in connection.execute_wrappers:
        connection.execute_wrappers.append(_before)


def _before(execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: dict[str, Any]) -> Any:
    connection = context["connection"]
    word = _first_word(sql)
    if word == "ROLLBACK":
        _sent.pop(connection.connection, None)
    elif word not in _READS:
        _tell(connection.connection, connection.search_path_set_schemas)
    return execute(sql, params, many, context)


def _tell(session: psycopg.Connection[Any], activation: object) -> None:
    if session.pgconn.transaction_status == TransactionStatus.INERROR:
        return  # nothing but a rollback runs now
    wanted, sent = actor.current().as_json(), _sent.get(session)
    if sent and sent.actor == wanted and sent.activation is activation and activation is not None:
        return
    with session.cursor() as cursor:
        cursor.execute(_SET_ACTOR, [wanted])
    _sent[session] = SentActor(wanted, activation)


def _first_word(sql: Any) -> str:
    """Of a composed statement: none, so that it counts as one that writes."""
    words = sql.split(None, 1) if isinstance(sql, str) else ()
    return words[0].upper().rstrip(";") if words else ""
