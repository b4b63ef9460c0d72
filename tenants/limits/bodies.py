"""Limits the bytes of request bodies that wait in memory for their turn, in all and per host."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from tenants.limits.turns import Crowded

SMALL_BYTES = 100_000
"""Not counted: what there may be of them is limited by their number."""


class Bodies:
    """At most so many bytes; of one host at most half of them, or one body alone. For one event loop."""

    def __init__(self, max_bytes: int) -> None:
        self._max = max_bytes
        self._of_host: Counter[str] = Counter()

    @contextmanager
    def held(self, host: str, size: int) -> Iterator[None]:
        """For as long as the body is in memory. Raises Crowded."""
        if size <= SMALL_BYTES:
            yield
            return
        own = self._of_host[host]
        if self._of_host.total() + size > self._max or (own and own + size > self._max // 2):
            raise Crowded
        self._of_host[host] += size
        try:
            yield
        finally:
            self._of_host[host] -= size
            if not self._of_host[host]:
                del self._of_host[host]
