"""Turns: about as many cameras are analysed at one moment as there are cores, the others wait in a queue."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager


class Turns:
    """For the threads of the cameras of a process.

    Where 20 cameras compute at once they push each other out of the caches and off the cores, and those that
    wait for the interpreter ask for it 200 times a second each: a frame then costs half as much again.

    No lock may be held where a turn is waited for, that somebody with a turn could want.
    """

    def __init__(self, most: int) -> None:
        """`most` threads at once."""
        self._most = self._free = most
        self._lock = threading.Lock()
        self._queue: deque[threading.Lock] = deque()
        self._mine = threading.local()

    def scarce(self) -> bool:
        """Whether as many wait for a turn as have one."""
        return len(self._queue) >= self._most

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Waits for a turn, and has it until the end. Whoever came first is first."""
        self._take()
        try:
            yield
        finally:
            self._give()

    @contextmanager
    def left(self) -> Iterator[None]:
        """For waits within a turn, as for a database: somebody else has it meanwhile. Elsewhere nothing."""
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
        """To the first in the queue: a turn that lay free for a moment would be taken by whoever runs now.

        With a semaphore some cameras of 20 waited for 15 seconds.
        """
        self._mine.held = False
        with self._lock:
            if self._queue:
                self._queue.popleft().release()
            else:
                self._free += 1


TURNS = Turns((os.cpu_count() or 1) + 1)
"""Of this process. One more than there are cores, so that none is idle while a batch is waited for."""
