"""Whether the installation is unavailable, as this process knows: one thread finds out, others need not wait.

This is an outage of PostgreSQL or, for a worker at the edge, of the server.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import InterfaceError, OperationalError

DATABASE_ERRORS = (OperationalError, InterfaceError)
"""Errors of queries while the database is unavailable."""

RETRY_SECONDS = 3.0
"""Seconds for which an outage is assumed, unless a success ends it."""

_lock = threading.Lock()
_until = 0.0


class Unavailable(RuntimeError):
    """The installation gave no usable answer: the state is unknown, and the caller tries again later."""


@contextmanager
def noticed() -> Iterator[None]:
    """Around queries: notes an outage of the database and raises Unavailable."""
    try:
        yield
    except DATABASE_ERRORS as error:
        note()
        raise Unavailable(f"the database is unavailable ({type(error).__name__})") from error


def note(seconds: float = RETRY_SECONDS) -> None:
    """A request failed: begin or extend the outage."""
    global _until
    with _lock:
        _until = max(_until, time.monotonic() + seconds)


def over() -> None:
    """A request succeeded: end the outage."""
    global _until
    with _lock:
        _until = 0.0


def on() -> bool:
    """Whether callers should do without the installation now. Each wait for an answer takes seconds."""
    return time.monotonic() < _until
