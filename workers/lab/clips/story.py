"""Who walks where, and when. Places are fractions of the picture, so a story fits every size."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

HALF_VIEW = 0.02  # of the picture: a centre nearer to the edge than this is not in view


@dataclass(frozen=True, slots=True)
class ClipPlace:
    """The centre of a face and its width, in fractions of the picture's width and height."""

    x: float
    y: float
    width: float

    @property
    def in_view(self) -> bool:
        return HALF_VIEW < self.x < 1 - HALF_VIEW and HALF_VIEW < self.y < 1 - HALF_VIEW


@dataclass(frozen=True, slots=True)
class ClipWalk:
    """One way of one actor through the picture: at each of `times` (seconds) they are at the given place.

    `sway` adds a small circular movement, in widths of the face, so that no actor is as still as a poster.
    """

    actor: int
    times: tuple[float, ...]
    places: tuple[ClipPlace, ...]
    sway: float = 0.05

    def at(self, seconds: float) -> ClipPlace | None:
        """None before the walk begins and after it ends."""
        if not self.times[0] <= seconds <= self.times[-1]:
            return None
        x, y, width = (
            float(np.interp(seconds, self.times, [getattr(place, name) for place in self.places]))
            for name in ("x", "y", "width")
        )
        turn = 2 * np.pi * 0.4 * seconds + self.actor
        return ClipPlace(
            x + self.sway * width * float(np.cos(turn)), y + self.sway * width * float(np.sin(turn)), width
        )


@dataclass(frozen=True, slots=True)
class ClipStory:
    """Walks, their duration, and what the camera does to the picture.

    `blur` is the standard deviation in pixels of a 1080p picture; `light` the remaining part of the light.
    """

    name: str
    seconds: float
    walks: tuple[ClipWalk, ...]
    blur: float = 0.0
    light: float = 1.0


def across(
    actor: int, start: float, seconds: float, y: float, width: float, *, back: bool = False
) -> ClipWalk:
    """Each enters on one side and leaves on the other."""
    ends = (1.15, -0.15) if back else (-0.15, 1.15)
    places = tuple(ClipPlace(x, y, width) for x in ends)
    return ClipWalk(actor, (start, start + seconds), places)


def crowd(actors: int, seconds: float = 10.0) -> ClipStory:
    """All actors are there all the time; each moves about in a part of the picture."""
    columns = (actors + 1) // 2
    walks = []
    for actor in range(actors):
        column, row = actor % columns, actor // columns
        middle_x, middle_y = (column + 0.5) / columns, 0.28 + 0.45 * row
        reach = 0.22 / columns
        turns = np.linspace(0, seconds, max(3, int(seconds / 1.2)) + 1)
        side = 1 if (column + row) % 2 else -1
        places = tuple(
            ClipPlace(
                middle_x + side * reach * (-1) ** i,
                middle_y + 0.05 * side * (i % 3 - 1),
                0.055 + 0.006 * (i % 2),
            )
            for i in range(len(turns))
        )
        walks.append(ClipWalk(actor, tuple(float(t) for t in turns), places))
    return ClipStory("crowd", seconds, tuple(walks))


def entering(actors: int, width: float = 0.07) -> ClipStory:
    """One after the other enters on the left and leaves on the right."""
    walks = tuple(across(actor, 0.5 + 5.0 * actor, 6.0, 0.4, width) for actor in range(actors))
    return ClipStory("entering", 5.0 * actors + 3.0, walks)


def returning(actors: int) -> ClipStory:
    """All actors walk through, and once more the other way after all the others."""
    first = [across(actor, 0.5 + 4.0 * actor, 6.0, 0.35 + 0.2 * (actor % 2), 0.07) for actor in range(actors)]
    pause = 4.0 * actors + 6.0
    again = [
        across(actor, pause + 4.0 * actor, 6.0, 0.35 + 0.2 * (actor % 2), 0.07, back=True)
        for actor in range(actors)
    ]
    return ClipStory("returning", pause + 4.0 * actors + 4.0, (*first, *again))


def crossing(actors: int) -> ClipStory:
    """Pairs enter from both sides at one height and pass each other; the nearer hides the other."""
    walks = []
    for pair in range(max(1, actors // 2)):
        start = 0.5 + 7.0 * pair
        walks.append(across(2 * pair, start, 6.0, 0.42, 0.06))
        if 2 * pair + 1 < actors:
            walks.append(across(2 * pair + 1, start, 6.0, 0.46, 0.075, back=True))
    return ClipStory("crossing", 7.0 * max(1, actors // 2) + 2.0, tuple(walks))


def leaving(actors: int) -> ClipStory:
    """All actors stand there at first and leave one after the other."""
    walks = []
    for actor in range(actors):
        x, y = (actor % 4 + 0.5) / 4, 0.3 + 0.4 * (actor // 4 % 2)
        go = 2.5 + 1.5 * actor
        here = ClipPlace(x, y, 0.06)
        walks.append(ClipWalk(actor, (0.0, go, go + 4.0), (here, here, ClipPlace(x, -0.2, 0.07))))
    return ClipStory("leaving", 1.5 * actors + 8.0, tuple(walks))


def blurred(actors: int) -> ClipStory:
    """Entering, before a lens that is slightly out of focus."""
    sharp = entering(actors)
    return ClipStory("blurred", sharp.seconds, sharp.walks, blur=5.0)


def dark(actors: int) -> ClipStory:
    """Entering, with a sixth of the light, so that the sensor's noise matters."""
    bright = entering(actors)
    return ClipStory("dark", bright.seconds, bright.walks, light=0.17)


def small(actors: int) -> ClipStory:
    """Entering, so far away that faces are about 23 pixels wide in a 1080p picture."""
    far = entering(actors, width=0.012)
    return ClipStory("small", far.seconds, far.walks)


STORIES: dict[str, Callable[[int], ClipStory]] = {
    "entering": entering,
    "leaving": leaving,
    "returning": returning,
    "crossing": crossing,
    "crowd": crowd,
    "blurred": blurred,
    "dark": dark,
    "small": small,
}
UNRECOGNISABLE = frozenset({"small"})
"""Stories in which faces cannot be told apart: any name given there is a guess."""


@dataclass(frozen=True, slots=True)
class Stay:
    """A person in view, from frame to frame. `path` has the place of the face at some of them, if known."""

    person: str
    first_frame: int
    last_frame: int
    path: tuple[tuple[int, ClipPlace], ...] = ()

    def place_at(self, frame: int) -> ClipPlace | None:
        if not self.path:
            return None
        frames = [at for at, _ in self.path]
        x, y, width = (
            float(np.interp(frame, frames, [getattr(place, name) for _, place in self.path]))
            for name in ("x", "y", "width")
        )
        return ClipPlace(x, y, width)


def stays(story: ClipStory, names: Sequence[str], fps: float) -> list[Stay]:
    """Who is in view from which frame to which, in the order of arrival."""
    found = []
    for walk in story.walks:
        seen = [
            (frame, place)
            for frame in range(int(story.seconds * fps))
            if (place := walk.at(frame / fps)) is not None and place.in_view
        ]
        if seen:
            path = (*seen[:: max(1, round(fps / 5))], seen[-1])
            found.append(Stay(names[walk.actor], seen[0][0], seen[-1][0], path))
    return sorted(found, key=lambda stay: stay.first_frame)
