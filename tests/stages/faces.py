"""Made-up faces and real ones from installed packages."""

from __future__ import annotations

import cv2
import numpy as np
import skimage.data
from insightface.data import get_image
from insightface.utils.face_align import arcface_dst

from workers.recognition.types import Face, Floats, Picture

FRONTAL: Floats = (arcface_dst - arcface_dst.mean(axis=0)) / 112
"""(5, 2): landmarks of a frontal face, in widths of its box around its centre."""


def face_at(x: float, y: float, width: float = 60.0, score: float = 0.9, turn: float = 1.0) -> Face:
    """A face with its centre there; `turn` squeezes the landmarks sideways as a turned head does."""
    height = width * 1.3
    box = np.array([x - width / 2, y - height / 2, x + width / 2, y + height / 2], dtype=np.float32)
    landmarks = FRONTAL * np.array([turn, 1.0]) * width + np.array([x, y])
    return Face(box=box, landmarks=landmarks.astype(np.float32), score=score)


def portraits() -> dict[str, Picture]:
    """Eight people: one portrait each, cut out of the packages' pictures with much room around the head."""
    group = np.asarray(get_image("t1"), dtype=np.uint8)
    centres = {"ann": (115, 330), "bob": (320, 208), "cid": (518, 342)}
    centres |= {"dan": (797, 410), "eve": (953, 130), "fay": (1175, 335)}
    people = {name: _square(group, x, y, 105) for name, (x, y) in centres.items()}
    rgb = skimage.data.astronaut()  # type: ignore[no-untyped-call]
    space = np.ascontiguousarray(rgb[:, :, ::-1], dtype=np.uint8)
    people["eileen"] = _square(space, 227, 117, 95)
    people["tom"] = np.asarray(get_image("Tom_Hanks_54745"), dtype=np.uint8)
    return people


def _square(picture: Picture, x: int, y: int, half: int) -> Picture:
    top, left = max(0, y - half), max(0, x - half)
    return picture[top : y + half, left : x + half].copy()


def sized(portrait: Picture, side: int) -> Picture:
    method = cv2.INTER_AREA if side < portrait.shape[0] else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(portrait, (side, side), interpolation=method), dtype=np.uint8)


def backdrop() -> Picture:
    """480 x 360, soft colours, nothing in it that looks like a face."""
    rough = np.random.default_rng(1).integers(40, 200, (360, 480, 3), dtype=np.uint8)
    return np.asarray(cv2.GaussianBlur(rough, (0, 0), 20), dtype=np.uint8)


def paste(scene: Picture, portrait: Picture, x: int, y: int) -> Picture:
    """The scene with a portrait at (x, y), its top left corner; clipped at the edges."""
    out = scene.copy()
    height, width = scene.shape[:2]
    left, top = max(0, x), max(0, y)
    right, bottom = min(width, x + portrait.shape[1]), min(height, y + portrait.shape[0])
    if right > left and bottom > top:
        out[top:bottom, left:right] = portrait[top - y : bottom - y, left - x : right - x]
    return out
