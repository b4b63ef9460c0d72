"""USB cameras: by the number of a device of this machine."""

from __future__ import annotations

import time
from pathlib import Path

import cv2
import numpy as np

from workers.recognition.capture.opencv_facts import facts_of
from workers.recognition.capture.shared import MAX_SIDE
from workers.recognition.capture.source import Clock, Rhythm, SourceError
from workers.recognition.orientation import AS_IS, Orientation
from workers.recognition.types import Frame, Picture

MAX_FAILURES = 30  # reads in a row: cameras fail for a moment when their light changes


class UsbSource:
    """A USB camera by number (`0`) or device (`/dev/video0`). Blocks for each frame."""

    def __init__(self, location: str, *, fps: float, orientation: Orientation = AS_IS) -> None:
        """Raises SourceError for an invalid number, a missing device, or a device in use."""
        number = location.strip().removeprefix("/dev/video")
        if not (number.isascii() and number.isdigit()):
            raise SourceError(
                f"'{location}' is not a USB camera", "give its number, such as 0 for /dev/video0"
            )
        self._name = f"USB camera {int(number)}"
        self._rhythm = Rhythm(fps)
        self._clock = Clock()
        self._orientation = orientation
        self._index = self.lost = 0
        self._capture = cv2.VideoCapture(int(number))
        if not self._capture.isOpened():
            raise SourceError(f"{self._name} cannot be opened", _way_out())
        self.facts = facts_of(self._capture)

    def read(self) -> Frame | None:
        failures = 0
        while failures < MAX_FAILURES:
            if not self._capture.grab():
                failures += 1
                continue
            at, index = time.monotonic(), self._index
            self._index += 1
            if not self._rhythm.takes(at):
                continue
            done, picture = self._capture.retrieve()
            if done:
                shown = self._shown(np.asarray(picture, dtype=np.uint8))
                return Frame(index=index, at=self._clock.at(at), picture=shown)
            failures, self.lost = failures + 1, self.lost + 1
        raise SourceError(
            f"{self._name} delivers no more pictures", "check its cable, then start the camera again"
        )

    def _shown(self, picture: Picture) -> Picture:
        height, width = picture.shape[:2]
        size = self._orientation.size(width, height, 1.0, MAX_SIDE)
        if size != (width, height):
            picture = np.asarray(cv2.resize(picture, size), dtype=np.uint8)
        return self._orientation.applied(picture)

    def close(self) -> None:
        self._capture.release()


def _way_out() -> str:
    there = sorted(int(path.name[5:]) for path in Path("/dev").glob("video[0-9]*") if path.name[5:].isdigit())
    if not there:
        return "the worker's machine has no camera device; plug it in there"
    numbers = ", ".join(str(number) for number in there)
    return f"devices there: {numbers}; another program may use it, or the worker's user may not (group video)"
