"""Made-up people whom a made-up engine recognises without fail: the GPU's stand-in, and nothing else is.

A person is a number, drawn as a field of black and white squares that survives H.264. What is recorded of
them afterwards can be compared with who was shown.
"""

from __future__ import annotations

import threading

import cv2
import numpy as np

from tests.stages.faces import face_at
from workers.recognition.config import Thresholds
from workers.recognition.models.loading import FaceModels
from workers.recognition.types import Face, Floats, Picture

WIDTH, HEIGHT = 320, 240
SQUARE, SIDE = 24, 4
BITS = SIDE * SIDE - 4
"""The four corners are white, so that a field is told from a wall."""
CORNERS = (0, SIDE - 1, SIDE * SIDE - SIDE, SIDE * SIDE - 1)
FACE = 110.0
PACK = "edgeface-xs"


def drawn(person: int | None, step: int) -> Picture:
    """A frame with the person, a little further to the right with each step; or an empty room."""
    picture = np.full((HEIGHT, WIDTH, 3), 90, dtype=np.uint8)
    picture[:, (step * 5) % WIDTH : (step * 5) % WIDTH + 3] = 120  # a clock's hand: the stream is never still
    if person is not None:
        left, top = _corner(step)
        field = np.kron(_squares(person), np.ones((SQUARE, SQUARE), dtype=np.uint8))
        grain = np.random.default_rng(person).integers(-25, 25, field.shape)
        grey = np.clip(field.astype(int) + grain, 0, 255).astype(np.uint8)
        picture[top : top + SIDE * SQUARE, left : left + SIDE * SQUARE] = grey[:, :, None]
    return picture


def seen(picture: Picture) -> tuple[int, int, int] | None:
    """Who is in the frame and where the field's corner is, or None for an empty room."""
    if picture.shape[0] < HEIGHT or picture.shape[1] < WIDTH:  # of another camera, or somebody's upload
        return None
    grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    for step in range(8):
        left, top = _corner(step)
        field = grey[top : top + SIDE * SQUARE, left : left + SIDE * SQUARE]
        squares = field.reshape(SIDE, SQUARE, SIDE, SQUARE)[:, 4:-4, :, 4:-4].mean(axis=(1, 3)).reshape(-1)
        clear = bool((np.abs(squares - 128) > 45).all())
        if clear and all(squares[corner] > 128 for corner in CORNERS):
            bits = [squares[i] > 128 for i in range(SIDE * SIDE) if i not in CORNERS]
            return sum(int(bit) << i for i, bit in enumerate(bits)), left, top
    return None


def template_of(person: int, noise: float = 0.0) -> Floats:
    """The same number gives the same face, other numbers strangers."""
    face = np.random.default_rng(person).normal(size=512)
    face += noise * np.random.default_rng().normal(size=512)
    return (face / np.linalg.norm(face)).astype(np.float32)


class Oracle:
    """Detector and embedder in one: finds whoever is drawn, and knows their face."""

    pack = PACK
    size = 112
    upright_only = True

    def __init__(self) -> None:
        from insightface.utils.face_align import arcface_dst

        self.template: Floats = arcface_dst.astype(np.float32)
        self._last = threading.local()

    def detect(self, picture: Picture) -> list[Face]:
        found = seen(picture)
        if found is None:
            return []
        self._last.person = found[0]
        _, left, top = found
        middle = SIDE * SQUARE / 2
        return [face_at(left + middle, top + middle, width=FACE, score=0.98)]

    def embed(self, crops: list[Picture]) -> Floats:
        """A camera's thread detects and embeds in turn, so the last one detected is the one to embed."""
        if not crops:
            return np.empty((0, 512), dtype=np.float32)
        return np.stack([template_of(self._last.person, noise=0.1) for _ in crops])


def models() -> FaceModels:
    oracle = Oracle()
    return FaceModels(oracle, oracle, Thresholds(match=0.4, review=0.3, margin=0.05), sure=0.7)


def _squares(person: int) -> Picture:
    if not 0 < person < 2**BITS:
        raise ValueError(f"people are numbered from 1 to {2**BITS - 1}, not {person}")
    squares = np.zeros(SIDE * SIDE, dtype=np.uint8)
    squares[list(CORNERS)] = 255
    bits = [i for i in range(SIDE * SIDE) if i not in CORNERS]
    for position, i in enumerate(bits):
        squares[i] = 255 if person >> position & 1 else 0
    return squares.reshape(SIDE, SIDE)


def _corner(step: int) -> tuple[int, int]:
    """Few places, each some pixels from the next: the reader tries them all."""
    return 100 + 2 * (step % 8), 70
