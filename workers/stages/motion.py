"""Motion: whether a frame shows a new scene. A still camera never does; edited clips and patrols do."""

from __future__ import annotations

import cv2
import numpy as np

from workers.types import Floats, Picture

SIZE = (32, 18)
LEAST_LIKENESS = 0.4  # people who walk through a furnished scene leave its thumbnail above 0.6
LEAST_CHANGE = 10  # grey levels
LEAST_CHANGED = 0.4  # part of the picture; before a bare wall one person is all the structure there is


class Scene:
    """Remembers the last frame of one source as a thumbnail."""

    def __init__(self) -> None:
        self._last: Floats | None = None

    def changed(self, picture: Picture) -> bool:
        """True where this frame has hardly anything in common with the one before."""
        thumbnail = cv2.resize(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), SIZE, interpolation=cv2.INTER_AREA)
        current = thumbnail.astype(np.float32)
        last, self._last = self._last, current
        if last is None or likeness(last, current) >= LEAST_LIKENESS:
            return False
        return float((np.abs(current - last) > LEAST_CHANGE).mean()) >= LEAST_CHANGED


def likeness(first: Floats, second: Floats) -> float:
    """Correlation, -1..1, of two grey pictures of one size; 1 for two that are both without any structure."""
    a, b = first - first.mean(), second - second.mean()
    lengths = float(np.linalg.norm(a) * np.linalg.norm(b))
    if lengths < 1e-3:
        return 1.0 if abs(float(first.mean() - second.mean())) < 32 else 0.0
    return float((a * b).sum()) / lengths
