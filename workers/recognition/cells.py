"""A picture as a coarse grid of grey levels: what shows movement, and whether there is a picture at all."""

from __future__ import annotations

import cv2
import numpy as np

from workers.recognition.types import Floats, Picture

SAMPLES = 320  # pixels taken along the longest side: a strided view costs 0.01 ms where a resize takes 1
CELL = 4  # samples along the side of a cell; its mean has a quarter of the sensor's noise


def cells_of(picture: Picture) -> Floats:
    """The picture as a grid of mean grey levels.

    Costs 0.1 ms on a 1080p picture that the same core has just decoded, 0.7 on one from another's cache.
    """
    step = max(1, round(max(picture.shape[:2]) / SAMPLES))
    green = np.ascontiguousarray(picture[::step, ::step, 1])
    height, width = green.shape
    size = (max(1, width // CELL), max(1, height // CELL))
    return np.asarray(
        cv2.resize(green.astype(np.float32), size, interpolation=cv2.INTER_AREA), dtype=np.float32
    )
