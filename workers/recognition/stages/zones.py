"""Zones: the part of the picture that is watched, as polygons in fractions of the picture."""

from __future__ import annotations

from workers.recognition.config import Polygon
from workers.recognition.types import Face


def watched(
    face: Face, size: tuple[int, int], zones: tuple[Polygon, ...], masks: tuple[Polygon, ...]
) -> bool:
    """Whether the centre of a face lies in one of the zones (if there are any) and in no mask.

    `size` is the picture's (width, height).
    """
    if not zones and not masks:
        return True
    x = float(face.box[0] + face.box[2]) / 2 / size[0]
    y = float(face.box[1] + face.box[3]) / 2 / size[1]
    if zones and not any(contains(zone, x, y) for zone in zones):
        return False
    return not any(contains(mask, x, y) for mask in masks)


def contains(polygon: Polygon, x: float, y: float) -> bool:
    """Even-odd rule: a ray to the right crosses the outline an odd number of times."""
    inside = False
    for (x1, y1), (x2, y2) in zip(polygon, (*polygon[1:], polygon[0]), strict=True):
        if (y1 > y) != (y2 > y) and x < (x2 - x1) * (y - y1) / (y2 - y1) + x1:
            inside = not inside
    return inside
