"""The drawn lobby that the demo's camera films, and where in its picture a person stands.

Everything is drawn in units in which the picture is 540 high, x from the middle and y from the top.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from workers.recognition.types import Floats, Picture

HEIGHT = 540.0
HORIZON = 168.0
# The passage in the back wall: left, top, right, bottom. People beyond it are seen only through it.
PASSAGE = (-92.0, 116.0, 92.0, 352.0)
PASSAGE_FACE = 17.0
DESK = 436.0
CEILING = 36.0
BACK_WALL = 330.0

Point = tuple[float, float]
Shape = tuple[Point, ...]
Colour = tuple[float, float, float]
Mask = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Lobby:
    """An empty scene, (H, W, 3).

    `room` is 255 where people in the lobby can be seen, 0 where the desk hides them; `passage` the
    same for people beyond the passage.
    """

    picture: Picture
    room: Mask
    passage: Mask


def eye_level(face: float) -> float:
    """The height of an adult's eyes whose face is `face` wide: the camera is a little higher."""
    return HORIZON + 0.34 * face


def lobby(size: tuple[int, int]) -> Lobby:
    """The scene without people in a picture of `size` (width, height). The same for the same size."""
    width, height = size
    drawing = _Drawing(width * 2, height * 2)
    _floor(drawing)
    _walls(drawing)
    _passage(drawing)
    _furniture(drawing)
    desk = _desk(drawing)
    picture = cv2.resize(drawing.canvas, size, interpolation=cv2.INTER_AREA)
    picture = cv2.GaussianBlur(picture, (0, 0), 0.9 * height / HEIGHT) * _vignette(width, height)
    desk = np.asarray(cv2.resize(desk, size, interpolation=cv2.INTER_AREA), np.uint8)
    room = np.where(desk > 127, 0, 255).astype(np.uint8)
    left, top, right, bottom = (round(v * height / HEIGHT) for v in PASSAGE)
    passage = np.zeros_like(room)
    passage[top:bottom, width // 2 + left : width // 2 + right] = 255
    return Lobby(np.clip(picture, 0, 255).astype(np.uint8), room, np.minimum(room, passage))


class _Drawing:
    """A canvas that takes the scene's units."""

    def __init__(self, width: int, height: int) -> None:
        self.canvas: Floats = np.zeros((height, width, 3), np.float32)
        self.unit = height / HEIGHT
        self.half = width / 2 / self.unit

    def pixels(self, shape: Shape) -> NDArray[np.int32]:
        points = (np.array(shape) + np.array((self.half, 0.0))) * self.unit
        return np.asarray(np.rint(points * 16), np.int32)

    def fill(self, shape: Shape, colour: Colour) -> None:
        cv2.fillPoly(self.canvas, [self.pixels(shape)], colour, cv2.LINE_8, shift=4)

    def fade(self, shape: Shape, top: Colour, bottom: Colour) -> None:
        """Fill with a colour that changes from the shape's top to its bottom."""
        mask = np.zeros(self.canvas.shape[:2], np.uint8)
        cv2.fillPoly(mask, [self.pixels(shape)], 255, cv2.LINE_8, shift=4)
        start, end = min(y for _, y in shape), max(y for _, y in shape)
        for row in range(max(0, int(start * self.unit)), min(len(mask), int(end * self.unit) + 2)):
            part = min(1.0, max(0.0, (row / self.unit - start) / (end - start)))
            colour = [a + (b - a) * part for a, b in zip(top, bottom, strict=True)]
            self.canvas[row][mask[row] > 0] = colour

    def line(
        self, start: tuple[float, float], end: tuple[float, float], colour: tuple[float, float, float]
    ) -> None:
        a, b = self.pixels((start, end))
        thick = max(1, round(self.unit))
        cv2.line(self.canvas, a.tolist(), b.tolist(), colour, thick, cv2.LINE_8, shift=4)

    def letters(self, text: str, x: float, foot: float, colour: Colour) -> None:
        mask = np.zeros(self.canvas.shape[:2], np.uint8)
        origin = (int((x + self.half) * self.unit), int(foot * self.unit))
        cv2.putText(
            mask, text, origin, cv2.FONT_HERSHEY_DUPLEX, 1.55 * self.unit, 255, round(3.4 * self.unit)
        )
        self.canvas[mask > 127] = colour

    def glow(self, x: float, y: float, across: float, down: float, strength: float) -> None:
        """Lighten (or, with a negative strength, darken) a soft oval."""
        height, width = self.canvas.shape[:2]
        right = (np.arange(width, dtype=np.float32) / self.unit - self.half - x) / across
        below = (np.arange(height, dtype=np.float32) / self.unit - y) / down
        self.canvas += strength * np.exp(-(below**2))[:, None, None] * np.exp(-(right**2))[None, :, None]


def _box(left: float, top: float, right: float, bottom: float) -> Shape:
    return ((left, top), (right, top), (right, bottom), (left, bottom))


def _floor(d: _Drawing) -> None:
    base, edge, joint = PASSAGE[3], (d.half + 2) * 1.3, (92, 108, 122)
    ground = ((-BACK_WALL, base), (BACK_WALL, base), (edge, HEIGHT), (-edge, HEIGHT))
    d.fade(ground, (98, 116, 130), (126, 144, 158))
    for lane in range(-14, 15):
        near, far = lane * (HEIGHT - HORIZON) * 0.258, lane * (base - HORIZON) * 0.258
        d.line((far, base), (near, HEIGHT), joint)
    for row in range(1, 9):
        y = HORIZON + (base - HORIZON) * (1 + 0.11 * row)
        d.line((-edge, y), (edge, y), joint)
    d.glow(0, 400, 160, 50, 14)


def _walls(d: _Drawing) -> None:
    edge, base = d.half + 2, PASSAGE[3]
    ceiling = ((-edge, -2), (edge, -2), (BACK_WALL, CEILING), (-BACK_WALL, CEILING))
    d.fade(ceiling, (205, 212, 214), (184, 192, 196))
    d.fade(_box(-BACK_WALL, CEILING, BACK_WALL, base), (168, 180, 186), (146, 158, 166))
    d.fill(_box(-BACK_WALL, base - 6, BACK_WALL, base), (100, 114, 124))
    for x in (-180, 0, 180):
        d.fill(((x - 34, 20), (x + 34, 20), (x * 0.956 + 30, 27), (x * 0.956 - 30, 27)), (246, 250, 250))
        d.glow(x, 60, 150, 90, 16)
    for side in (-1, 1):
        _side_wall(d, side)


def _side_wall(d: _Drawing, side: int) -> None:
    edge, base = d.half + 2, PASSAGE[3]
    inner, outer = side * BACK_WALL, side * edge
    wall = ((inner, CEILING), (outer, -60), (outer, HEIGHT), (inner, base))
    d.fade(wall, (150, 164, 172), (118, 132, 142))
    for near, far in ((0.0, 0.27), (0.36, 0.63), (0.72, 0.99)):
        d.fade(_pane(side, edge, near, far), (226, 216, 196), (196, 190, 178))
    d.fill(((inner, base), (inner, base - 7), (outer, HEIGHT - 24), (outer, HEIGHT)), (84, 96, 106))


def _pane(side: int, edge: float, near: float, far: float) -> Shape:
    """A tall window pane in a side wall, from one part of the wall's depth to another."""

    def at(depth: float, *, top: bool) -> Point:
        x = side * (BACK_WALL + 8 + (edge - BACK_WALL - 16) * depth)
        return (x, 96 - 70 * depth if top else 300 + 90 * depth)

    return (at(near, top=True), at(far, top=True), at(far, top=False), at(near, top=False))


def _passage(d: _Drawing) -> None:
    left, top, right, bottom = PASSAGE
    d.fill(_box(left - 7, top - 7, right + 7, bottom), (92, 106, 116))
    d.fade(_box(left, top, right, bottom), (176, 186, 190), (128, 138, 144))
    west, north, east, south = end = (-46.0, 140.0, 46.0, 296.0)
    ceiling = ((left, top), (right, top), (east, north), (west, north))
    d.fade(ceiling, (190, 198, 200), (206, 212, 214))
    ground = ((left, bottom), (right, bottom), (east, south), (west, south))
    d.fade(ground, (104, 116, 126), (88, 104, 118))
    d.fade(_box(*end), (214, 216, 212), (190, 194, 194))
    d.fade(_box(-20, 190, 20, south), (150, 136, 110), (132, 118, 96))


def _furniture(d: _Drawing) -> None:
    # A picture of plain bands, the house's name, and a plant on each side of the passage.
    d.fill(_box(-268, 118, -148, 200), (70, 82, 92))
    for n, colour in enumerate(((150, 120, 70), (172, 150, 104), (120, 160, 196), (92, 122, 176))):
        d.fill(_box(-262, 124 + n * 17.5, -154, 124 + (n + 1) * 17.5), colour)
    d.letters("ACME", 150, 176, (96, 80, 62))
    for x in (-128.0, 128.0):
        _plant(d, x, PASSAGE[3] + 6)


def _plant(d: _Drawing, x: float, foot: float) -> None:
    d.glow(x, foot, 34, 6, -26)
    root = np.array((x, foot - 34))
    for n in range(15):
        angle = np.deg2rad(-160 + n * 10)
        along = np.array((np.cos(angle), np.sin(angle)))
        tip = root + along * (62 + 4 * ((n * 7) % 5)) * np.array((0.62, 1.0))
        middle, side = (root + tip) / 2 - np.array((0, 5)), 5 * np.array((-along[1], along[0]))
        leaf = (root, middle + side, tip, middle - side)
        d.fill(
            tuple((float(px), float(py)) for px, py in leaf),
            (58 + n % 3 * 10, 104 + n % 4 * 9, 72 + n % 3 * 8),
        )
    pot = ((x - 17, foot - 36), (x + 17, foot - 36), (x + 13, foot), (x - 13, foot))
    d.fade(pot, (206, 210, 212), (150, 156, 160))


def _desk(d: _Drawing) -> Mask:
    """The reception desk in front of all people. Returns its mask, 255, on the canvas."""
    edge = d.half + 2
    before = d.canvas.copy()
    d.fade(_box(-edge, DESK, edge, DESK + 16), (120, 158, 190), (104, 140, 172))
    d.fade(_box(-edge, DESK + 16, edge, HEIGHT + 2), (56, 78, 100), (38, 54, 72))
    d.fill(_box(-edge, DESK + 16, edge, DESK + 19), (40, 56, 72))
    for x in range(-480, 481, 120):
        d.line((x, DESK + 19), (x, HEIGHT), (46, 64, 84))
    # The back of a screen, and a bowl.
    d.fade(_box(300, DESK - 62, 408, DESK + 2), (62, 60, 58), (48, 46, 45))
    d.fill(_box(346, DESK + 2, 362, DESK + 9), (44, 42, 42))
    bowl = ((-382, DESK - 14), (-318, DESK - 14), (-332, DESK + 7), (-368, DESK + 7))
    d.fade(bowl, (190, 176, 150), (140, 126, 104))
    mask = np.where(np.any(d.canvas != before, axis=2), 255, 0).astype(np.uint8)
    mask[int((DESK + 1) * d.unit) :] = 255
    return mask


def _vignette(width: int, height: int) -> Floats:
    across = np.linspace(-1, 1, width, dtype=np.float32)[None, :]
    down = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    return np.asarray((1 - 0.1 * across**2 - 0.08 * down**2)[..., None], np.float32)
