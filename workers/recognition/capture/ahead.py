"""Reads ahead: frames of a file are processed while earlier ones are analysed. All arrive, in order."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from queue import Empty, Queue

from workers.recognition.capture.source import Source
from workers.recognition.types import Frame

DEPTH = 8  # frames: enough to keep all cores busy while the reader saves a record; 6 MB each at 1080p
CLOSE_SECONDS = 2.0
LOOK_SECONDS = 0.2


class ReadAhead:
    """A `Source` that reads another one in its own thread, and processes its frames in others.

    Decoders, resizing and models release Python's lock.
    """

    def __init__(
        self,
        source: Source,
        prepare: Callable[[Frame], Frame] = lambda frame: frame,
        work: Callable[[Frame], Frame] = lambda frame: frame,
    ) -> None:
        """`prepare` is applied to each frame in order, then `work` to several at once."""
        self._source, self._prepare, self._work = source, prepare, work
        self._ready: Queue[Future[Frame] | None] = Queue()
        self._room = threading.Semaphore(DEPTH)
        self._failure: Exception | None = None
        self._closed = threading.Event()
        self._pool = ThreadPoolExecutor(max(2, os.cpu_count() or 1), thread_name_prefix="read-ahead")
        self._thread = threading.Thread(target=self._run, name="read-ahead", daemon=True)
        self._thread.start()

    def read(self) -> Frame | None:
        """The next frame, None at the end. Raises the errors of the source and of the work on the frame."""
        while not self._closed.is_set():
            try:
                frame = self._ready.get(timeout=LOOK_SECONDS)
            except Empty:
                continue
            if frame is not None:
                self._room.release()
                return frame.result()
            self._closed.set()
            if self._failure is not None:
                raise self._failure
        return None

    def settle(self) -> None:
        """Waits until no work is left, so that a measurement counts all work."""
        while any(frame and not frame.done() for frame in list(self._ready.queue)) or (
            self._thread.is_alive() and self._ready.qsize() < DEPTH
        ):
            time.sleep(0.0005)

    def close(self) -> None:
        """Ends the threads and closes the source."""
        self._closed.set()
        self._thread.join(CLOSE_SECONDS)
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _run(self) -> None:
        try:
            while self._has_room() and (frame := self._source.read()) is not None:
                self._ready.put(self._pool.submit(self._work, self._prepare(frame)))
        except Exception as error:  # noqa: BLE001 - whatever it is, the reader has to hear of it
            self._failure = error
        finally:
            self._source.close()
            self._ready.put(None)

    def _has_room(self) -> bool:
        """Waits for it. Returns False once this is closed."""
        while not self._closed.is_set():
            if self._room.acquire(timeout=LOOK_SECONDS):
                return True
        return False
