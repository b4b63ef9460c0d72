"""Whether a frame shows a new scene, and whether anything has moved since the last analysed frame.

A still camera never shows a new scene; edited clips and patrols do.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from workers.recognition.cells import cells_of
from workers.recognition.types import Floats, Picture

SIZE = (32, 18)
MIN_LIKENESS = 0.4  # people who walk through a furnished scene leave its thumbnail above 0.6
MIN_CHANGE = 10  # grey levels
MIN_CHANGED = 0.4  # part of the picture; before a bare wall one person is all the structure there is

MIN_MOVED = 2  # cells; a face of 32 pixels in a 1080p picture covers two or more
MOVED = 3.0  # grey levels that a cell's mean changes by at least where something moves
NOISES = 6.0  # and this many times the deviation of all cells, for dark pictures with much noise
TRUSTED_SECONDS = 3.0  # maximum time for which a still scene is not analysed


@dataclass(frozen=True, slots=True)
class MotionResult:
    """`cut`: hardly anything in common with the previous frame. `still`: as at the last analysis."""

    cut: bool
    still: bool


class MotionGate:
    """Thumbnails of one source's previous frame and of its last analysed one."""

    def __init__(self) -> None:
        self._before: Floats | None = None
        self._cells: Floats | None = None
        self._known: Floats | None = None
        self._known_at = 0.0

    def look(self, picture: Picture, at: float, cells: Floats | None = None) -> MotionResult:
        """Compares; `at` in seconds. `cells` if `cells_of` this picture was computed already."""
        self._cells = cells_of(picture) if cells is None else cells
        thumbnail = np.asarray(cv2.resize(self._cells, SIZE, interpolation=cv2.INTER_AREA), dtype=np.float32)
        before, self._before = self._before, thumbnail
        cut = before is not None and _is_cut(before, thumbnail)
        fresh = self._known is not None and 0 <= at - self._known_at < TRUSTED_SECONDS
        still = fresh and not cut and self._known is not None and not moved(self._known, self._cells)
        return MotionResult(cut=cut, still=still)

    def analysed(self, at: float) -> None:
        """The last frame was analysed: later frames are compared with it."""
        self._known, self._known_at = self._cells, at


def moved(first: Floats, second: Floats) -> bool:
    """Whether something moved between two pictures, given as grids of mean grey levels.

    The light of the whole picture may change a little: the median of all changes is subtracted.
    """
    if first.shape != second.shape:
        return True
    change = second - first
    sample = np.sort(change.ravel()[::7])  # enough for a median, in a tenth of the time
    low, middle, high = (float(sample[int(len(sample) * part)]) for part in (0.25, 0.5, 0.75))
    noise = (high - low) / 1.35
    return int((np.abs(change - middle) > max(MOVED, NOISES * noise)).sum()) >= MIN_MOVED


def likeness(first: Floats, second: Floats) -> float:
    """Correlation, -1..1, of two grey pictures of one size; 1 for two that are both without any structure."""
    a, b = first - first.mean(), second - second.mean()
    lengths = float(np.linalg.norm(a) * np.linalg.norm(b))
    if lengths < 1e-3:
        return 1.0 if abs(float(first.mean() - second.mean())) < 32 else 0.0
    return float((a * b).sum()) / lengths


def _is_cut(before: Floats, current: Floats) -> bool:
    if likeness(before, current) >= MIN_LIKENESS:
        return False
    return float((np.abs(current - before) > MIN_CHANGE).mean()) >= MIN_CHANGED
