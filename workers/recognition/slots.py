"""A fair semaphore: about as many cameras are analysed at once as there are cores; the others queue."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager


class FairSemaphore:
    """For the camera threads of a process.

    If 20 cameras compute at once, they evict each other from the caches and the cores, and those that wait
    for the interpreter request it 200 times a second each: a frame then costs half as much again.

    Do not wait for a turn while holding a lock that a thread with a turn could need.
    """

    def __init__(self, most: int) -> None:
        """`most` threads at once."""
        self._most = self._free = most
        self._lock = threading.Lock()
        self._queue: deque[threading.Lock] = deque()
        self._mine = threading.local()

    def scarce(self) -> bool:
        """Whether as many threads wait for a turn as have one."""
        return len(self._queue) >= self._most

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Waits for a turn, and holds it until the end of the block. First come, first served."""
        self._take()
        try:
            yield
        finally:
            self._give()

    @contextmanager
    def left(self) -> Iterator[None]:
        """For waits within a turn, as for a database: another thread gets it meanwhile. Else no effect."""
        if not getattr(self._mine, "held", False):
            yield
            return
        self._give()
        try:
            yield
        finally:
            self._take()

    def _take(self) -> None:
        with self._lock:
            if self._free:
                self._free -= 1
                called = None
            else:
                called = threading.Lock()
                called.acquire()
                self._queue.append(called)
        if called is not None:
            called.acquire()
        self._mine.held = True

    def _give(self) -> None:
        """Hands the turn to the first in the queue: a free turn would be taken by the thread that runs now.

        With a semaphore some cameras of 20 waited for 15 seconds.
        """
        self._mine.held = False
        with self._lock:
            if self._queue:
                self._queue.popleft().release()
            else:
                self._free += 1


CPU_SLOTS = FairSemaphore((os.cpu_count() or 1) + 1)
"""This process's turns: one more than there are cores, so that none is idle while a batch is awaited."""
