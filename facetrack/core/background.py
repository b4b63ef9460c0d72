"""Background coroutines that no caller waits for, on their own event loop in this process."""

import asyncio
import atexit
import logging
import threading
from collections.abc import Coroutine
from concurrent.futures import Future, wait
from functools import lru_cache
from typing import Any

log = logging.getLogger(__name__)

LAST_SECONDS = 2.0
"""Seconds that the end of the process waits for running coroutines: a command may end right after a call."""

_starting = threading.Lock()
_pending: set[Future[None]] = set()


def run_in_background(work: Coroutine[Any, Any, None]) -> None:
    """Runs it soon, in a thread that all share; errors are logged.

    Connections stay open, unlike with `async_to_sync`, which makes a loop for each call.
    """
    with _starting:
        loop = _loop()
    future = asyncio.run_coroutine_threadsafe(work, loop)
    _pending.add(future)
    future.add_done_callback(_done)


def _done(future: Future[None]) -> None:
    _pending.discard(future)
    if not future.cancelled() and (error := future.exception()):
        log.error("a background task failed", exc_info=error)


@lru_cache(maxsize=1)
def _loop() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="background", daemon=True).start()
    atexit.register(lambda: wait(list(_pending), LAST_SECONDS))
    return loop
