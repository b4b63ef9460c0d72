"""Whether a source delivers pictures at all: not black, not uniform, not one frozen picture.

Looks at the grid of mean grey levels that the motion gate compares. The picture of a frozen camera may come
compressed again and again, and with a running clock; a sensor always has new noise besides.
"""

from __future__ import annotations

from collections import deque
from enum import StrEnum

import numpy as np

from workers.recognition.cells import cells_of
from workers.recognition.types import Floats, Picture

BLACK = 24.0
"""Grey level up to which a uniform picture is called black; a decoder's black is 0 or 16."""
UNIFORM_LEVELS = 2.0
"""Grey levels by which the cells of a uniform picture may differ from their median; compression adds one."""
UNIFORM_PART = 0.97
"""Part of the cells that must be so alike: the camera's name and the time may be written over them."""
AVERAGED_SECONDS = 3.0
"""Seconds of pictures that are averaged: noise is no picture, and a dim room behind it is one."""
SAME_LEVELS, SAME_PART = 0.2, 0.8
"""One frozen picture, compressed again, has this part of its cells within these grey levels of what it was
before. Of a sensor with one grey level of noise, 72 % are at most, at each key frame at the latest (measured
with H.264 and MPEG-4 at 0.15 to 0.8 Mbit/s, dark and bright)."""
MOVED_LEVELS = 3.0
"""Grey levels by which a cell changes where something moves."""
LOOKS = 8
"""Different pictures that are remembered: a frozen picture's key frames differ from the frames after them."""
BLANK_SECONDS = 10.0
"""Longer than a camera is blank while it switches between day and night, or the light goes on."""
FROZEN_SECONDS = 60.0
"""Several times the distance of key frames (1 to 10 s): between them a quiet scene may not change at all."""
GOOD_SECONDS = 2.0
"""Seconds of good pictures that end a problem: one flash does not."""
MAX_STEP = 6.0
"""Seconds between two frames that count at most: a pause of the source says nothing about its pictures. A
camera is looked at every 5 s at least."""


class PictureProblem(StrEnum):
    """Why the pictures of a source show nothing."""

    BLACK = "black"
    UNIFORM = "uniform"
    FROZEN = "frozen"


class PictureCheck:
    """Looks at each frame of one source. `problem` is what is wrong now, None if nothing is."""

    def __init__(self) -> None:
        self.problem: PictureProblem | None = None
        self._blank = _Blank()
        self._frozen = _Frozen()
        self._shape: tuple[int, ...] = ()
        self._at = 0.0

    def look(self, cells: Floats, at: float) -> None:
        """`cells` of the next frame, at `at` seconds."""
        if cells.shape != self._shape:
            self._blank, self._frozen, self._shape = _Blank(), _Frozen(), cells.shape
            self._at = at
        passed = min(max(0.0, at - self._at), MAX_STEP)
        self._at = at
        self._blank.look(cells, passed)
        self._frozen.look(cells, passed)
        if self._blank.seconds >= BLANK_SECONDS:
            self.problem = self._blank.problem
        elif self._frozen.seconds >= FROZEN_SECONDS and not self._blank.problem:
            self.problem = PictureProblem.FROZEN
        elif self.problem is PictureProblem.FROZEN:
            self.problem = None if self._frozen.alive_seconds >= GOOD_SECONDS else self.problem
        elif self._blank.good_seconds >= GOOD_SECONDS:
            self.problem = None


class BriefLook:
    """Looks at the pictures of a few seconds, too few to call a source frozen."""

    def __init__(self, first: Picture) -> None:
        self._before = self._sum = cells_of(first)
        self._count = 1
        self._changed = False

    @property
    def problem(self) -> PictureProblem | None:
        """BLACK or UNIFORM if that is all that was seen."""
        return blank_as(self._sum / np.float32(self._count))

    @property
    def unchanged(self) -> bool:
        """Whether all pictures were the same, and there was more than one."""
        return self._count > 1 and not self._changed

    def add(self, picture: Picture) -> None:
        cells = cells_of(picture)
        if cells.shape != self._before.shape:
            self._sum, self._count, self._changed = cells, 1, True
        else:
            self._sum, self._count = self._sum + cells, self._count + 1
            self._changed |= not (_same(self._before, cells) and not _moved(self._before, cells))
        self._before = cells


class _Blank:
    """`seconds` for which nothing could be seen, even on average; `good_seconds` for which it could."""

    def __init__(self) -> None:
        self.problem: PictureProblem | None = None
        self.seconds = self.good_seconds = 0.0
        self._mean: Floats | None = None

    def look(self, cells: Floats, passed: float) -> None:
        weight = np.float32(passed / (passed + AVERAGED_SECONDS))
        self._mean = cells if self._mean is None else self._mean + weight * (cells - self._mean)
        self.problem = blank_as(self._mean)
        self.seconds = self.seconds + passed if self.problem else 0.0
        self.good_seconds = 0.0 if self.problem else self.good_seconds + passed


class _Frozen:
    """`seconds` for which no frame was new; `alive_seconds` in which new frames came."""

    def __init__(self) -> None:
        self.seconds = self.alive_seconds = 0.0
        self._before: Floats | None = None
        self._looks: deque[Floats] = deque(maxlen=LOOKS)

    def look(self, cells: Floats, passed: float) -> None:
        before, self._before = self._before, cells
        self.seconds += passed
        still = before is not None and not _moved(before, cells)
        if still and any(_same(look, cells) for look in reversed(self._looks)):
            return
        self._looks.append(cells)
        self.alive_seconds = 0.0 if self.seconds >= FROZEN_SECONDS else self.alive_seconds + self.seconds
        self.seconds = 0.0


def blank_as(cells: Floats) -> PictureProblem | None:
    """BLACK or UNIFORM if nothing can be seen in the picture."""
    middle = float(np.median(cells))
    if float((np.abs(cells - middle) <= UNIFORM_LEVELS).mean()) < UNIFORM_PART:
        return None
    return PictureProblem.BLACK if middle <= BLACK else PictureProblem.UNIFORM


def _same(first: Floats, second: Floats) -> bool:
    """Whether both show one picture, apart from what compression does to it."""
    return float((np.abs(second - first) <= SAME_LEVELS).mean()) >= SAME_PART


def _moved(first: Floats, second: Floats) -> bool:
    """Whether more has changed than the time that a camera writes over its picture."""
    return float((np.abs(second - first) > MOVED_LEVELS).mean()) > 1 - UNIFORM_PART
