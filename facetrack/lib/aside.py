"""Aside: coroutines that nobody waits for, on an event loop of their own in this process."""

import asyncio
import threading
from collections.abc import Coroutine
from functools import lru_cache
from typing import Any

_starting = threading.Lock()


def aside(work: Coroutine[Any, Any, None]) -> None:
    """Runs it soon, in a thread that all share; it has to handle its own errors.

    What it connects to stays connected, unlike with `async_to_sync`, which makes a loop for each call.
    """
    with _starting:
        loop = _loop()
    asyncio.run_coroutine_threadsafe(work, loop)


@lru_cache(maxsize=1)
def _loop() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="aside", daemon=True).start()
    return loop
