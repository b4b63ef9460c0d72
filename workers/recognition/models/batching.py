"""Faces that several cameras want embedded at the same moment go through the network in one batch."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from workers.recognition.types import Embedder, Floats, Picture


@dataclass(slots=True, eq=False)
class _Request:
    crops: list[Picture]
    embeddings: Floats | None = None
    error: Exception | None = None

    @property
    def done(self) -> bool:
        return self.embeddings is not None or self.error is not None


class SharedEmbedder:
    """An `Embedder` around another one, for many threads.

    No caller waits for a batch to fill: requests that arrive while the network is busy are put into one
    batch, which runs as soon as a core is free for it. A single camera pays nothing for this; many cameras
    share the cores without contention.
    """

    def __init__(self, inner: Embedder, lanes: int = 1) -> None:
        """`lanes`: batches that may run at once."""
        self.pack, self.size, self.template = inner.pack, inner.size, inner.template
        self._inner = inner
        self._turn = threading.Condition()
        self._waiting: list[_Request] = []
        self._free = lanes

    def embed(self, crops: list[Picture]) -> Floats:
        mine = _Request(crops)
        with self._turn:
            self._waiting.append(mine)
            self._turn.wait_for(lambda: mine.done or (self._free and mine in self._waiting))
            batch: list[_Request] = []
            if not mine.done:
                self._free -= 1
                batch, self._waiting = self._waiting, []
        if batch:
            self._run(batch)
        if mine.error is not None:
            raise mine.error
        if mine.embeddings is None:
            raise RuntimeError("a batch ended without this request")
        return mine.embeddings

    def _run(self, batch: list[_Request]) -> None:
        try:
            together = self._inner.embed([crop for request in batch for crop in request.crops])
            start = 0
            for request in batch:
                request.embeddings = together[start : start + len(request.crops)]
                start += len(request.crops)
        except Exception as error:  # noqa: BLE001 - each of those who wait has to hear of it
            for request in batch:
                request.error = error
        finally:
            with self._turn:
                self._free += 1
                self._turn.notify_all()
