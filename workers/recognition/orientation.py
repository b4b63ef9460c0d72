"""How the pictures of a source are turned, mirrored and stretched before anything looks at them.

NumPy alone: the children that decode live sources load no OpenCV.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from workers.recognition.types import Picture

MIN_PIXEL_ASPECT, MAX_PIXEL_ASPECT = 0.25, 4.0
"""Width over height of a pixel. Recorders halve a side; anything beyond this is a damaged header."""


class QuarterTurn(IntEnum):
    """Degrees by which a picture is turned clockwise."""

    NONE = 0
    RIGHT = 90
    HALF = 180
    LEFT = 270


def turned(picture: Picture, turn: QuarterTurn) -> Picture:
    """The picture, turned clockwise."""
    if turn is QuarterTurn.NONE:
        return picture
    return np.ascontiguousarray(np.rot90(picture, k=-(turn // 90)))


@dataclass(frozen=True, slots=True)
class Orientation:
    """What is done to each picture of a source, in this order.

    pixel_aspect  width over height of a pixel; None: as the source says, square where it says nothing
    turn          clockwise, so that people are upright
    mirrored      left and right are exchanged, of the turned picture

    Raises ValueError.
    """

    turn: QuarterTurn = QuarterTurn.NONE
    mirrored: bool = False
    pixel_aspect: float | None = None

    def __post_init__(self) -> None:
        if self.pixel_aspect is not None and not MIN_PIXEL_ASPECT <= self.pixel_aspect <= MAX_PIXEL_ASPECT:
            raise ValueError(
                f"the pixel aspect ratio must be from {MIN_PIXEL_ASPECT:g} to {MAX_PIXEL_ASPECT:g}, "
                f"not {self.pixel_aspect}"
            )

    def size(self, width: int, height: int, said: float, longest: int) -> tuple[int, int]:
        """Width and height with square pixels, before turning; `said` is the source's own pixel aspect.

        The side that was squeezed is enlarged, so that nothing is lost; then both are shrunk to `longest`.
        """
        aspect = self.pixel_aspect or said
        if not MIN_PIXEL_ASPECT <= aspect <= MAX_PIXEL_ASPECT:
            aspect = 1.0
        wide, high = width * max(1.0, aspect), height * max(1.0, 1 / aspect)
        scale = min(1.0, longest / max(wide, high))
        return max(1, round(wide * scale)), max(1, round(high * scale))

    def applied(self, picture: Picture) -> Picture:
        """A picture with square pixels, turned and mirrored."""
        picture = turned(picture, self.turn)
        return np.ascontiguousarray(picture[:, ::-1]) if self.mirrored else picture


AS_IS = Orientation()
