"""Whether the installation is away, as this process knows: one finds out, and the others need not wait.

It is PostgreSQL that is away or, for a worker at the edge, the server.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import InterfaceError, OperationalError

AWAY = (OperationalError, InterfaceError)
"""What a query raises while the database is away."""

RETRY_SECONDS = 3.0
"""How long an outage that nobody has declared over is believed in."""

_lock = threading.Lock()
_until = 0.0


class Away(RuntimeError):
    """The installation did not answer, or not sensibly: nothing is known, it is asked again later."""


@contextmanager
def noticed() -> Iterator[None]:
    """Around queries: Away, and noted, where the database is away."""
    try:
        yield
    except AWAY as error:
        note()
        raise Away(f"the database is away ({type(error).__name__})") from error


def note(seconds: float = RETRY_SECONDS) -> None:
    """Somebody has asked in vain."""
    global _until
    with _lock:
        _until = max(_until, time.monotonic() + seconds)


def over() -> None:
    """Somebody was answered."""
    global _until
    with _lock:
        _until = 0.0


def on() -> bool:
    """Whether to do without the installation for the moment. Each wait for an answer takes seconds."""
    return time.monotonic() < _until
