"""Follows the same face from frame to frame, by overlap and motion."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from workers.recognition.types import Face, Floats

REACH = 1.0  # sides of a face that it may move between two frames beyond what its speed predicts
REACH_AFTER_GAP = 1.5  # the same after missed frames
MAX_GROWTH = 2.0  # a face twice as large as before is another one
STEADY_OVERLAP = 0.3  # below that the assignment is a guess
INERTIA = 0.5  # weight of the old speed against the newly measured one


@dataclass(frozen=True, slots=True)
class Followed:
    """A face and its track. `steady` is False if the assignment is a guess, to be checked."""

    track: int
    face: Face
    steady: bool


@dataclass(frozen=True, slots=True)
class TrackerStep:
    """The result of one frame: the faces with their tracks, in the detector's order, and the ended tracks.

    `resting` are the tracks that continue without detection, because nothing moved.
    """

    followed: tuple[Followed, ...]
    ended: tuple[int, ...]
    resting: tuple[int, ...] = ()


@dataclass(slots=True)
class _Path:
    """Where a track was last seen and how fast its centre moved, in pixels a second."""

    track: int
    box: Floats
    speed: Floats
    seen_at: float
    steps: int = 1

    def predicted(self, at: float) -> Floats:
        return self.box + np.tile(self.speed * (at - self.seen_at), 2)

    def move(self, box: Floats, at: float) -> None:
        passed = max(at - self.seen_at, 1e-3)
        measured = (_centre(box) - _centre(self.box)) / passed
        keep = INERTIA if self.steps > 1 else 0.0
        self.speed = (keep * self.speed + (1 - keep) * measured).astype(np.float32)
        self.box, self.seen_at, self.steps = box, at, self.steps + 1


class Tracker:
    """The tracks of one source. Numbers grow from 1 and are never used twice."""

    def __init__(self, max_gap: float) -> None:
        """`max_gap`: seconds that a track outlives its last face."""
        self._max_gap = max_gap
        self._paths: dict[int, _Path] = {}
        self._last_at: float | None = None
        self._next = 1

    def update(self, faces: list[Face], at: float) -> TrackerStep:
        """Assigns each face of the frame at `at` seconds to a track, or to a new one if none fits."""
        ended = tuple(p.track for p in self._paths.values() if at - p.seen_at > self._max_gap)
        for track in ended:
            del self._paths[track]
        paths = list(self._paths.values())
        partners = self._partners(faces, paths, at)
        followed = tuple(self._follow(face, partners.get(i), at) for i, face in enumerate(faces))
        self._last_at = at
        return TrackerStep(followed=followed, ended=ended)

    def rest(self, at: float) -> TrackerStep:
        """Nothing moved since the last update: all tracks stay where they were.

        `followed` is empty; `TrackerStep.resting` names those tracks.
        """
        ended = tuple(p.track for p in self._paths.values() if at - p.seen_at > self._max_gap)
        for track in ended:
            del self._paths[track]
        resting = tuple(p.track for p in self._paths.values() if p.seen_at == self._last_at)
        for track in resting:
            path = self._paths[track]
            path.seen_at, path.speed = at, np.zeros(2, dtype=np.float32)
        self._last_at = at
        return TrackerStep(followed=(), ended=ended, resting=resting)

    def end_all(self) -> tuple[int, ...]:
        """Ends every track: the scene changed or the source is over."""
        ended = tuple(self._paths)
        self._paths.clear()
        return ended

    def split(self, track: int) -> int:
        """Gives the face that `track` follows now to a new track, and returns its number."""
        path = self._paths.pop(track)
        path.track = self._take_number()
        self._paths[path.track] = path
        return path.track

    def _partners(self, faces: list[Face], paths: list[_Path], at: float) -> dict[int, tuple[_Path, float]]:
        """For each face that continues a path: the path and their overlap. Optimal over the whole frame."""
        if not faces or not paths:
            return {}
        boxes = np.stack([face.box for face in faces])
        predicted = np.stack([path.predicted(at) for path in paths])
        overlap = np.maximum(overlaps(predicted, boxes), overlaps(np.stack([p.box for p in paths]), boxes))
        missed = np.array([self._last_at is not None and p.seen_at < self._last_at for p in paths])
        distance = distances(predicted, boxes) / np.where(missed, REACH_AFTER_GAP, REACH)[:, None]
        fits = ((distance < 1.0) | (overlap > STEADY_OVERLAP)) & (growths(predicted, boxes) < MAX_GROWTH)
        likeness = np.where(fits, overlap + np.maximum(0.0, 1.0 - distance), 0.0)
        rows, columns = linear_sum_assignment(-likeness)
        return {
            int(column): (paths[row], float(overlap[row, column]))
            for row, column in zip(rows, columns, strict=True)
            if fits[row, column]
        }

    def _follow(self, face: Face, partner: tuple[_Path, float] | None, at: float) -> Followed:
        if partner is None:
            number = self._take_number()
            self._paths[number] = _Path(number, face.box, np.zeros(2, dtype=np.float32), at)
            return Followed(track=number, face=face, steady=True)
        path, overlap = partner
        steady = overlap > STEADY_OVERLAP and path.seen_at == self._last_at
        path.move(face.box, at)
        return Followed(track=path.track, face=face, steady=steady)

    def _take_number(self) -> int:
        number, self._next = self._next, self._next + 1
        return number


def overlaps(first: Floats, second: Floats) -> NDArray[np.float64]:
    """(N, M) intersection over union of (N, 4) with (M, 4) boxes."""
    low = np.maximum(first[:, None, :2], second[None, :, :2])
    high = np.minimum(first[:, None, 2:], second[None, :, 2:])
    common = np.clip(high - low, 0, None).prod(axis=2)
    union = _areas(first)[:, None] + _areas(second)[None] - common
    return np.asarray(common / np.maximum(union, 1e-6), dtype=np.float64)


def distances(first: Floats, second: Floats) -> NDArray[np.float64]:
    """(N, M) distances of the centres, in mean sides of the boxes of the first."""
    centres = np.linalg.norm(_centre(first)[:, None] - _centre(second)[None], axis=2)
    return np.asarray(centres / np.sqrt(np.maximum(_areas(first), 1.0))[:, None], dtype=np.float64)


def growths(first: Floats, second: Floats) -> NDArray[np.float64]:
    """(N, M) ratios of the sides, always 1 or more."""
    ratio = np.sqrt(np.maximum(_areas(first), 1.0)[:, None] / np.maximum(_areas(second), 1.0)[None])
    return np.asarray(np.maximum(ratio, 1 / ratio), dtype=np.float64)


def _centre(boxes: Floats) -> Floats:
    return np.asarray((boxes[..., :2] + boxes[..., 2:]) / 2, dtype=np.float32)


def _areas(boxes: Floats) -> Floats:
    return np.asarray(np.clip(boxes[:, 2:] - boxes[:, :2], 0, None).prod(axis=1), dtype=np.float32)
