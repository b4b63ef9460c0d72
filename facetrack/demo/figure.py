"""A whole figure for each of the demo's people: their real head and shoulders on a drawn body."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from facetrack.demo.people import Colour, DemoPerson
from facetrack.demo.sources import picture
from workers.recognition.types import Floats, Picture

Layer = NDArray[np.uint8]

# All lengths of a body are in widths of its face, measured from the point between the eyes.
ABOVE, BESIDE, BELOW = 1.5, 2.6, 10.9
TORSO = (
    (-0.33, 0.6), (-0.36, 1.0), (-0.8, 1.2), (-1.3, 1.42), (-1.52, 1.75), (-1.62, 3.0), (-1.68, 5.0),
    (-1.35, 5.2), (1.35, 5.2), (1.68, 5.0), (1.62, 3.0), (1.52, 1.75), (1.3, 1.42), (0.8, 1.2), (0.36, 1.0),
    (0.33, 0.6),
)  # fmt: skip
LEFT_LEG = ((-1.1, 5.0), (-1.0, 10.4), (-0.45, 10.4), (-0.02, 5.0))
RIGHT_LEG = ((1.1, 5.0), (1.0, 10.4), (0.45, 10.4), (0.02, 5.0))
SHOES = (
    ((-1.05, 10.3), (-1.1, 10.7), (-0.4, 10.7), (-0.45, 10.3)),
    ((1.05, 10.3), (1.1, 10.7), (0.4, 10.7), (0.45, 10.3)),
)
NECK = ((-0.36, 0.3), (-0.36, 1.15), (0.0, 1.55), (0.36, 1.15), (0.36, 0.3))
ARMS = ((-1.12, 2.1), (-1.18, 5.0)), ((1.12, 2.1), (1.18, 5.0))


@dataclass(frozen=True, slots=True)
class Figure:
    """A person to put into a scene.

    `layers` are uint8 (H, W, 4), BGR multiplied by alpha, each half the size of the one before, so that
    a small figure is not sampled from a large one. `face` is the width of the face in the first layer.
    """

    layers: tuple[Layer, ...]
    face: float

    def drawn(self, face: float, roll: float, eyes: tuple[float, float], size: tuple[int, int]) -> Layer:
        """The figure on an empty layer of `size` (width, height), its face `face` pixels wide.

        `eyes` is where the point between the eyes goes; `roll` turns the figure around it, in degrees.
        """
        scale = face / self.face
        level = 0
        while level + 1 < len(self.layers) and scale * 2 ** (level + 1) <= 1:
            level += 1
        own = self.face / 2**level
        turn = cv2.getRotationMatrix2D((BESIDE * own, ABOVE * own), roll, face / own)
        turn[:, 2] += np.array(eyes) - (BESIDE * own, ABOVE * own)
        way = cv2.INTER_LINEAR if face <= own else cv2.INTER_CUBIC
        return np.asarray(cv2.warpAffine(self.layers[level], turn, size, flags=way), np.uint8)


@cache
def figure(person: DemoPerson) -> Figure:
    """A person's figure, drawn once. Raises DemoPictureError if the source picture is another one."""
    full = _body(person)
    head, alpha = _head(person)
    opaque = np.dstack([head, np.full(alpha.shape, 255, np.float32)])
    layers: list[Layer] = [np.clip(full * (1 - alpha) + opaque * alpha + 0.5, 0, 255).astype(np.uint8)]
    for _ in range(3):
        height, width = layers[-1].shape[:2]
        smaller = cv2.resize(layers[-1], (width // 2, height // 2), interpolation=cv2.INTER_AREA)
        layers.append(np.asarray(smaller, np.uint8))
    return Figure(tuple(layers), person.face)


def _canvas(face: int) -> tuple[int, int]:
    return int((ABOVE + BELOW) * face), int(2 * BESIDE * face)


def _head(person: DemoPerson) -> tuple[Floats, Floats]:
    """The picture moved to the canvas, (H, W, 3), and how much of it shows, (H, W, 1) from 0 to 1."""
    height, width = _canvas(person.face)
    shift = np.array((BESIDE * person.face, ABOVE * person.face)) - person.eyes
    move = np.hstack([np.eye(2), shift[:, None]])
    source = _skin(picture(person.source)) if person.grey else _cooler(picture(person.source))
    head = cv2.warpAffine(source, move, (width, height), borderMode=cv2.BORDER_REPLICATE)
    outline = np.rint((np.array(person.outline) + shift) * 16).astype(np.int32)
    inside = np.zeros((height, width), np.uint8)
    cv2.fillPoly(inside, [outline], 255, cv2.LINE_AA, shift=4)
    # A little inside the outline, so that no rim of the old surroundings comes along.
    inner = cv2.erode(inside, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3)))
    # Where hair is drawn, the picture was cut through it: a wider seam hides that.
    seam = 0.035 if person.hair else 0.016
    soft = cv2.GaussianBlur(inner.astype(np.float32) / 255, (0, 0), seam * person.face)
    start, end = ((ABOVE + edge) * person.face for edge in person.fade)
    shown = np.clip((end - np.arange(height, dtype=np.float32)) / (end - start), 0, 1)
    return head.astype(np.float32), np.asarray(soft * shown[:, None], np.float32)[..., None]


def _skin(grey: Picture) -> Picture:
    """A grey picture in the tones of skin."""
    tones = np.array([[(14, 15, 19)], [(66, 84, 122)], [(136, 166, 208)], [(212, 228, 246)]], np.float32)
    ramp = cv2.resize(tones, (1, 256), interpolation=cv2.INTER_LINEAR)
    return np.asarray(ramp[grey[..., 0], 0], np.uint8)


def _cooler(warm: Picture) -> Picture:
    """A picture in paler colours: the scene's light is cooler than that of the sources."""
    pale = cv2.cvtColor(cv2.cvtColor(warm, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    return np.asarray(cv2.addWeighted(warm, 0.8, pale, 0.2, 0), np.uint8)


def _body(person: DemoPerson) -> Floats:
    """Neck, jacket, trousers and shoes, (H, W, 4), colour multiplied by alpha."""
    height, width = _canvas(person.face)
    body = np.zeros((height, width, 4), np.float32)
    for leg in (LEFT_LEG, RIGHT_LEG):
        _paint(body, person, leg, person.trousers)
    for shoe in SHOES:
        _paint(body, person, shoe, (30, 28, 28))
    _paint(body, person, TORSO, person.jacket)
    if person.neck:
        _paint(body, person, NECK, person.neck)
    if person.hair:
        _paint(body, person, _oval(0.0, -0.08, 0.53, 0.66), person.hair)
    if person.hair and person.neck:
        _paint(body, person, _oval(0.02, 0.5, 0.42, 0.5), person.neck)
    _shade(body, person.face, person.lean[0])
    return body


def _oval(x: float, y: float, across: float, down: float) -> tuple[tuple[float, float], ...]:
    turn = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    return tuple((x + across * float(np.cos(a)), y + down * float(np.sin(a))) for a in turn)


def _paint(body: Floats, person: DemoPerson, shape: tuple[tuple[float, float], ...], colour: Colour) -> None:
    points = (np.array(shape) + person.lean + (BESIDE, ABOVE)) * person.face
    # Only around the shape: the canvas is mostly empty, and there are many shapes.
    rim = 0.08 * person.face
    left, top = (max(0, int(v)) for v in points.min(axis=0) - rim)
    right, bottom = (int(v) + 1 for v in points.max(axis=0) + rim)
    part = body[top:bottom, left:right]
    mask = np.zeros(part.shape[:2], np.uint8)
    cv2.fillPoly(mask, [np.rint((points - (left, top)) * 16).astype(np.int32)], 255, cv2.LINE_AA, shift=4)
    alpha = cv2.GaussianBlur(mask.astype(np.float32) / 255, (0, 0), 0.015 * person.face)[..., None]
    part *= 1 - alpha
    part += alpha * np.array((*colour, 255), np.float32)


def _shade(body: Floats, face: int, lean: float) -> None:
    """Round the body: darker to its sides and downwards, with folds and the line of each arm."""
    height, width = body.shape[:2]
    across = np.linspace(-BESIDE, BESIDE, width, dtype=np.float32) - lean
    down = np.linspace(-ABOVE, BELOW, height, dtype=np.float32)[:, None]
    light = 1.12 - 0.13 * across**2 - 0.035 * np.clip(down - 1.2, 0, 5)
    folds = np.random.default_rng(face).normal(0, 1, (height // 24 + 2, width // 12 + 2)).astype(np.float32)
    light = light + 0.03 * cv2.resize(folds, (width, height), interpolation=cv2.INTER_CUBIC)
    creases = np.zeros((height, width), np.float32)
    for start, end in ARMS:
        ends = [
            tuple(int((v + o) * face) for v, o in zip(p, (BESIDE + lean, ABOVE), strict=True))
            for p in (start, end)
        ]
        cv2.line(creases, ends[0], ends[1], 1.0, max(1, face // 25), cv2.LINE_AA)
    light = light * (1 - 0.35 * cv2.GaussianBlur(creases, (0, 0), 0.03 * face))
    body[..., :3] *= np.clip(light, 0.45, 1.2)[..., None]
    np.minimum(body[..., :3], body[..., 3:], out=body[..., :3])
