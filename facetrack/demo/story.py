"""Who walks where and when in the demo's clip: fixed acts, with details that a seed varies slightly."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from facetrack.demo import scene
from facetrack.demo.people import (
    EILEEN_COLLINS,
    GUEST_1,
    GUEST_2,
    GUEST_3,
    GUEST_4,
    PASSER_BY,
    TOM_HANKS,
    DemoPerson,
)

LENGTH = 41.0
"""Seconds that the story takes. The scene is empty for its first and last 1.5 seconds."""

TURN = np.linspace(-0.35, 0.35, 15)
"""Seconds around a moment over which a path is averaged: no person starts, turns or stops at once."""


@dataclass(frozen=True, slots=True)
class DemoStep:
    """At `at` seconds of the story the eyes are at `x` and the face is `face` wide (in the scene's units).

    `x` is -1 at the left edge of the picture and 1 at the right one.
    """

    at: float
    x: float
    face: float


@dataclass(frozen=True, slots=True)
class DemoWalk:
    """One stay of one person in the scene, from their first step to their last."""

    person: DemoPerson
    steps: tuple[DemoStep, ...]


@dataclass(frozen=True, slots=True)
class DemoPlace:
    """A person's place at a moment, in the scene's units.

    `x`, `y` is the point between the eyes, `face` the width of the face, `roll` how far the head leans
    in degrees, `speed` the way to the right in a second, `light` a factor on the person's colours.
    """

    person: DemoPerson
    x: float
    y: float
    face: float
    roll: float
    speed: float
    light: float

    @property
    def beyond_passage(self) -> bool:
        return self.face < scene.PASSAGE_FACE

    def in_view(self, half: float) -> bool:
        """Whether the whole face is in a picture that reaches `half` to each side of its middle."""
        left, right = (scene.PASSAGE[0], scene.PASSAGE[2]) if self.beyond_passage else (-half, half)
        return left + 0.65 * self.face < self.x < right - 0.65 * self.face


# A stride of at most some 170 units a second: 14 pixels from frame to frame, a seventh of a near face.
WALKS = (
    # Across the lobby, with a look at the desk on the way.
    DemoWalk(
        EILEEN_COLLINS,
        (
            DemoStep(1.6, -1.27, 78),
            DemoStep(5.2, -0.2, 96),
            DemoStep(6.2, -0.05, 100),
            DemoStep(10.2, 1.38, 88),
        ),
    ),
    # Out of the passage, up to the desk, away to the right.
    DemoWalk(
        GUEST_1,
        (
            DemoStep(10.4, -0.26, 15),
            DemoStep(12.2, 0, 16.5),
            DemoStep(14.8, 0.2, 94),
            DemoStep(16.2, 0.3, 104),
            DemoStep(19.4, 1.37, 92),
        ),
    ),
    # Two at a time, one at each end of the desk.
    DemoWalk(
        GUEST_2,
        (
            DemoStep(20.4, -1.38, 90),
            DemoStep(23.2, -0.5, 104),
            DemoStep(25.0, -0.46, 108),
            DemoStep(27.8, -1.38, 92),
        ),
    ),
    DemoWalk(
        GUEST_3,
        (
            DemoStep(20.9, 1.38, 84),
            DemoStep(23.6, 0.5, 96),
            DemoStep(25.2, 0.47, 102),
            DemoStep(28.0, 1.38, 90),
        ),
    ),
    # Between them, far down the passage and too small to be recognised.
    DemoWalk(PASSER_BY, (DemoStep(22.6, -0.27, 14), DemoStep(28.4, 0.27, 14))),
    # Three at a time; the one in the middle is here for the second time.
    DemoWalk(
        TOM_HANKS,
        (
            DemoStep(28.8, -1.36, 76),
            DemoStep(31.2, -0.64, 90),
            DemoStep(34.0, -0.6, 94),
            DemoStep(36.6, -1.36, 80),
        ),
    ),
    DemoWalk(
        GUEST_1,
        (
            DemoStep(28.6, -0.26, 15),
            DemoStep(30.2, 0, 16.5),
            DemoStep(32.6, 0.03, 88),
            DemoStep(35.4, 0, 96),
            DemoStep(39.5, -1.37, 86),
        ),
    ),
    DemoWalk(
        GUEST_4,
        (
            DemoStep(29.4, 1.36, 80),
            DemoStep(32.0, 0.64, 94),
            DemoStep(34.2, 0.6, 98),
            DemoStep(36.8, 1.36, 86),
        ),
    ),
)


class DemoStory:
    """The walks for one seed, in a picture that reaches `half` to each side of its middle."""

    def __init__(self, *, half: float, seed: int) -> None:
        self._half = half
        chance = np.random.default_rng(seed)
        self._own = [
            _OwnClothes(
                nearer=float(chance.uniform(0.97, 1.03)),
                later=float(chance.uniform(-0.06, 0.06)),
                stride=float(chance.uniform(1.6, 1.95)),
                phase=float(chance.uniform(0, 2 * np.pi)),
                light=float(chance.uniform(0.95, 1.05)),
            )
            for _ in WALKS
        ]

    def places(self, at: float) -> list[tuple[int, DemoPlace]]:
        """All people at `at` seconds, the farthest first, each with the number of their walk."""
        here = []
        for number, (walk, own) in enumerate(zip(WALKS, self._own, strict=True)):
            if walk.steps[0].at <= at <= walk.steps[-1].at:
                here.append((number, self._place(walk, own, at)))
        return sorted(here, key=lambda one: one[1].face)

    def _place(self, walk: DemoWalk, own: _OwnClothes, at: float) -> DemoPlace:
        x, size = _path(walk, at - own.later)
        ahead, _ = _path(walk, at - own.later + 0.04)
        speed = (ahead - x) * self._half / 0.04
        # The seed moves near people slightly, far ones not: they must stay as small as they are.
        face = size * own.nearer if size > 2 * scene.PASSAGE_FACE else size
        walking = min(1.0, 0.25 + abs(speed) / 120)
        swing = 2 * np.pi * own.stride * at + own.phase
        bob = 0.045 * face * walking * float(np.sin(swing))
        sway = 0.02 * face * float(np.sin(swing / 2))
        return DemoPlace(
            person=walk.person,
            x=x * self._half + sway,
            y=scene.eye_level(face) + bob,
            face=face,
            roll=2.2 * float(np.sin(swing / 2 + 0.7)),
            speed=speed,
            light=own.light * (1 + 0.03 * float(np.sin(0.9 * at + own.phase))),
        )


@dataclass(frozen=True, slots=True)
class _OwnClothes:
    """The seed's variations of one walk."""

    nearer: float
    later: float
    stride: float
    phase: float
    light: float


def _path(walk: DemoWalk, at: float) -> tuple[float, float]:
    """x and face at a moment. Faces grow evenly in proportion, as when a person walks nearer."""
    times = [step.at for step in walk.steps]
    around = at + TURN
    x = np.interp(around, times, [step.x for step in walk.steps])
    face = np.exp(np.interp(around, times, np.log([step.face for step in walk.steps])))
    return float(x.mean()), float(face.mean())
