"""Whether PostgreSQL is away, as this process knows: one finds out, and the others need not wait for it."""

import threading
import time

from django.db import InterfaceError, OperationalError

AWAY = (OperationalError, InterfaceError)
"""What a query raises while the database is away."""

RETRY_SECONDS = 3.0
"""How long an outage that nobody has declared over is believed in."""

_lock = threading.Lock()
_until = 0.0


def note() -> None:
    """A query has failed because the database is away."""
    global _until
    with _lock:
        _until = time.monotonic() + RETRY_SECONDS


def over() -> None:
    """A query has succeeded."""
    global _until
    with _lock:
        _until = 0.0


def on() -> bool:
    """Whether to do without the database for the moment. Each wait for a connection takes seconds."""
    return time.monotonic() < _until
