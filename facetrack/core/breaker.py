"""Circuit breaker: a service that keeps failing is not called for a while, so that it slows no caller."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

FAILURES = 3  # in a row; one alone is a hiccup
FIRST_REST, MAX_REST = 5.0, 60.0  # seconds; doubled each time that it fails again


class Breaker:
    """Decides whether a call is worth trying. Thread-safe.

    Open after FAILURES failures in a row. After the rest one caller tries; the others still do not.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._failures = 0
        self._rest = FIRST_REST
        self._closed_until = 0.0

    def allows(self) -> bool:
        with self._lock:
            if self._failures < FAILURES:
                return True
            now = self._clock()
            if now < self._closed_until:
                return False
            self._closed_until = now + self._rest  # this caller tries; others do not meanwhile
            return True

    def succeeded(self) -> None:
        with self._lock:
            self._failures, self._rest = 0, FIRST_REST

    def failed(self) -> None:
        with self._lock:
            self._failures += 1
            if self._failures >= FAILURES:
                self._closed_until = self._clock() + self._rest
                self._rest = min(2 * self._rest, MAX_REST)
