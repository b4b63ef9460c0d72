"""Newest frame wins: a thread empties a live source, so that a slow reader gets the present frame."""

from __future__ import annotations

import threading

from workers.recognition.capture.source import Source, SourceError
from workers.recognition.types import Frame

STUCK_SECONDS = 15.0  # longer than any time-out of a source: its decoder hangs
CLOSE_SECONDS = 2.0


class NewestFrame:
    """A `Source` with one slot that a thread fills from another source; frames not read in time are lost."""

    def __init__(self, source: Source) -> None:
        self.dropped = 0
        self._source = source
        self._slot: Frame | None = None
        self._over = False
        self._failure: Exception | None = None
        self._closed = threading.Event()
        self._news = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="capture", daemon=True)
        self._thread.start()

    def read(self) -> Frame | None:
        """The newest unread frame. Raises SourceError if the source failed or hangs."""
        with self._news:
            came = self._news.wait_for(lambda: self._slot is not None or self._over, timeout=STUCK_SECONDS)
            if not came:
                raise SourceError(
                    f"the source has delivered nothing for {STUCK_SECONDS:.0f} seconds",
                    "check the camera; it is tried again",
                )
            frame, self._slot = self._slot, None
            if frame is None and self._failure is not None:
                raise self._failure
            return frame

    def close(self) -> None:
        """Ends the thread; one that hangs in its decoder is left behind and ends with it."""
        self._closed.set()
        self._thread.join(CLOSE_SECONDS)

    def _run(self) -> None:
        try:
            while not self._closed.is_set():
                frame = self._source.read()
                if frame is None:
                    break
                with self._news:
                    self.dropped += self._slot is not None
                    self._slot = frame
                    self._news.notify_all()
        except Exception as error:  # noqa: BLE001 - whatever it is, the reader has to hear of it
            self._failure = error
        finally:
            self._source.close()
            with self._news:
                self._over = True
                self._news.notify_all()
