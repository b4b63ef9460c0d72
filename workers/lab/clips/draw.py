"""Draws the pictures of a story, as a camera with a noisy sensor would show them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import cv2
import numpy as np

from workers.lab.clips.actors import SIDE, ClipActor
from workers.lab.clips.story import ClipPlace, ClipStory
from workers.recognition.types import Picture

NOISE = 2.5  # grey levels
SPARE = 32  # pixels by which the grain is larger than the picture


def pictures(
    story: ClipStory, actors: Sequence[ClipActor], size: tuple[int, int], fps: float
) -> Iterator[Picture]:
    """BGR pictures of `size` (width, height), one per frame."""
    chance = np.random.default_rng(11)
    room, grain = _room(chance, size), _grain(chance, size)
    for frame in range(int(story.seconds * fps)):
        picture = room.copy()
        there = [(walk.actor, place) for walk in story.walks if (place := walk.at(frame / fps)) is not None]
        for actor, place in sorted(there, key=lambda pair: pair[1].width):  # a nearer person hides the others
            _put(picture, actors[actor], place)
        yield _exposed(picture, grain, chance, story)


def _put(picture: Picture, actor: ClipActor, place: ClipPlace) -> None:
    height, width = picture.shape[:2]
    side = round(place.width * width / actor.face * SIDE)
    left, top = round(place.x * width - side / 2), round(place.y * height - side / 2)
    x1, y1, x2, y2 = max(0, left), max(0, top), min(width, left + side), min(height, top + side)
    if side < 2 or x1 >= x2 or y1 >= y2:
        return
    method = cv2.INTER_AREA if side < SIDE else cv2.INTER_CUBIC
    head = cv2.resize(actor.picture, (side, side), interpolation=method)[
        y1 - top : y2 - top, x1 - left : x2 - left
    ]
    alpha = cv2.resize(actor.alpha, (side, side), interpolation=cv2.INTER_LINEAR)[..., None]
    alpha = alpha[y1 - top : y2 - top, x1 - left : x2 - left]
    under = picture[y1:y2, x1:x2]
    under[...] = (head * alpha + under * (1.0 - alpha) + 0.5).astype(np.uint8)


def _room(chance: np.random.Generator, size: tuple[int, int]) -> Picture:
    """Walls in soft colours with edges in them; nothing that resembles a face."""
    width, height = size
    rough = chance.integers(70, 170, (9, 16, 3), dtype=np.uint8)
    room = cv2.resize(rough, size, interpolation=cv2.INTER_CUBIC)
    for _ in range(14):
        x, y = int(chance.integers(0, width)), int(chance.integers(0, height))
        corner = (x + int(chance.integers(40, width // 3)), y + int(chance.integers(40, height // 2)))
        cv2.rectangle(room, (x, y), corner, [int(v) for v in chance.integers(60, 180, 3)], -1)
    return np.asarray(cv2.GaussianBlur(room, (0, 0), 2.0), dtype=np.uint8)


def _grain(chance: np.random.Generator, size: tuple[int, int]) -> Picture:
    width, height = size
    noise = chance.normal(128, NOISE, (height + SPARE, width + SPARE, 1))
    return np.repeat(np.clip(noise, 0, 255).astype(np.uint8), 3, axis=2)


def _exposed(picture: Picture, grain: Picture, chance: np.random.Generator, story: ClipStory) -> Picture:
    height, width = picture.shape[:2]
    if story.blur:
        sigma = story.blur * width / 1920
        picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), max(0.5, sigma)), dtype=np.uint8)
    down, right = (int(v) for v in chance.integers(0, SPARE, 2))
    noise = grain[down : down + height, right : right + width]
    return np.asarray(cv2.addWeighted(picture, story.light, noise, 1.0, -128.0), dtype=np.uint8)
