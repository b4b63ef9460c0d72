"""Read ahead: a file is decoded while the frame before is analysed. Every frame is delivered, in order."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import Empty, Full, Queue

from workers.stages.capture.source import Source
from workers.types import Frame

DEPTH = 2  # frames waiting: two keep both sides busy, more would only take memory (6 MB each at 1080p)
CLOSE_SECONDS = 2.0


class ReadAhead:
    """A `Source` that reads another one in a thread of its own.

    `prepare` is applied to each frame there: decoders and resizing release Python's lock, so that it costs
    the reader nothing on a second core.
    """

    def __init__(self, source: Source, prepare: Callable[[Frame], Frame] | None = None) -> None:
        self._source = source
        self._prepare = prepare or (lambda frame: frame)
        self._queue: Queue[Frame | None] = Queue(DEPTH)
        self._failure: Exception | None = None
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="read-ahead", daemon=True)
        self._thread.start()

    def read(self) -> Frame | None:
        """The next frame, None at the end. Raises what the source raised."""
        while not self._closed.is_set():
            try:
                frame = self._queue.get(timeout=0.5)
            except Empty:
                if self._thread.is_alive() or not self._queue.empty():
                    continue
                frame = None
            if frame is None:
                self._closed.set()
                if self._failure is not None:
                    raise self._failure
            return frame
        return None

    def close(self) -> None:
        """Ends the thread and closes the source."""
        self._closed.set()
        self._thread.join(CLOSE_SECONDS)

    def _run(self) -> None:
        try:
            while not self._closed.is_set() and (frame := self._source.read()) is not None:
                self._put(self._prepare(frame))
        except Exception as error:  # noqa: BLE001 - whatever it is, the reader has to hear of it
            self._failure = error
        finally:
            self._source.close()
            self._put(None)

    def _put(self, frame: Frame | None) -> None:
        while not self._closed.is_set():
            try:
                self._queue.put(frame, timeout=0.2)
            except Full:
                continue
            return
