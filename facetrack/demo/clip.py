"""Makes the demo camera's clip: H.264 video with known truth, the story's people in the drawn lobby."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import av
import cv2
import numpy as np

from facetrack.demo import people, scene, story
from facetrack.demo.figure import ABOVE, BESIDE, Figure, figure
from facetrack.demo.scene import Mask
from facetrack.demo.truth import Appearance, DemoTruth
from workers.lab.clips.write import encode
from workers.recognition.types import Picture

SECONDS = (30.0, 120.0)
NOISE = 2.4
"""Standard deviation of the sensor's noise, in grey levels."""
SHUTTER = 0.4
"""Part of the time between two frames for which the camera's shutter is open."""


class ClipError(Exception):
    """The clip could not be made. The message names the file and the remedy."""


def make_clip(
    path: Path,
    *,
    seconds: float = story.LENGTH,
    size: tuple[int, int] = (960, 540),
    fps: float = 12.5,
    seed: int = 7,
    progress: Callable[[float], None] | None = None,
) -> DemoTruth:
    """Write the demo's clip to `path` (an MP4 file with H.264 video) and return its truth.

    The same arguments give the same pictures and the same truth. `seconds` speeds up or slows down the whole
    story; `size` is (width, height) in pixels, both even. `progress` gets the fraction done, 0 to 1. The file
    appears at `path` only when it is complete. Raises ValueError for impossible arguments, ClipError if the
    file cannot be written and DemoPictureError if a source picture is missing.
    """
    _check(seconds, size, fps)
    frames = round(seconds * fps)
    told = _Telling(frames=frames, size=size, fps=fps, seed=seed)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        if path.is_dir():
            raise IsADirectoryError(f"{path} is a folder")
        path.parent.mkdir(parents=True, exist_ok=True)

        def done(number: int) -> None:
            if progress:
                progress(number / frames)

        # Slower presets take four times as long, and on several threads give other bits at each run.
        encode(part, told.pictures(), size, fps, done, preset="ultrafast", crf=23)
        part.replace(path)
    except (OSError, av.error.FFmpegError) as problem:
        raise ClipError(
            f"the demo's clip cannot be written to {path} ({problem}): make room or name another file"
        ) from problem
    finally:
        _forget(part)
    return told.truth()


def _check(seconds: float, size: tuple[int, int], fps: float) -> None:
    width, height = size
    if not SECONDS[0] <= seconds <= SECONDS[1]:
        raise ValueError(f"a clip of {seconds} s is not possible: use {SECONDS[0]:.0f} to {SECONDS[1]:.0f} s")
    if width % 2 or height % 2 or height < 360 or not 1.3 < width / height < 2.4:
        raise ValueError(
            f"a clip of {width}x{height} is not possible: use even sides, a landscape, 360 or higher"
        )
    if not 5 <= fps <= 60:
        raise ValueError(f"a clip of {fps} frames a second is not possible: use 5 to 60")


def _forget(part: Path) -> None:
    try:
        part.unlink(missing_ok=True)
    except OSError:
        # Its folder is not a folder or is not writable: then there is no partial clip to delete either.
        return


class _Telling:
    """One clip's frames and truth, both from the same story."""

    def __init__(self, *, frames: int, size: tuple[int, int], fps: float, seed: int) -> None:
        self._frames, self._size, self._fps, self._seed = frames, size, fps, seed
        self._pace = story.LENGTH / frames  # seconds of the story from one frame to the next
        self._unit = size[1] / scene.HEIGHT
        self._half = size[0] / 2 / self._unit
        self._story = story.DemoStory(half=self._half, seed=seed)

    def places(self, frame: int) -> list[tuple[int, story.DemoPlace]]:
        return self._story.places(frame * self._pace)

    def truth(self) -> DemoTruth:
        seen: dict[int, list[int]] = {number: [] for number in range(len(story.WALKS))}
        for frame in range(self._frames):
            for number, place in self.places(frame):
                if place.in_view(self._half):
                    seen[number].append(frame)
        stays = sorted((of[0], of[-1], story.WALKS[number].person.name) for number, of in seen.items())
        return DemoTruth(
            fps=self._fps,
            frames=self._frames,
            size=self._size,
            staff=tuple(person.name for person in people.STAFF),
            strangers=tuple(person.name for person in people.STRANGERS),
            passers_by=tuple(person.name for person in people.PASSERS_BY),
            appearances=tuple(Appearance(name, first, last) for first, last, name in stays),
        )

    def pictures(self) -> Iterator[Picture]:
        lobby = scene.lobby(self._size)
        figures = {person.name: figure(person) for person in {walk.person for walk in story.WALKS}}
        chance = np.random.default_rng((self._seed, 1))
        grain = _grain(chance, self._size)
        for frame in range(self._frames):
            picture = lobby.picture.copy()
            for _, place in self.places(frame):
                open_to = lobby.passage if place.beyond_passage else lobby.room
                self._put(picture, figures[place.person.name], place, open_to)
            yield _exposed(picture, grain, chance, frame / self._frames)

    def _put(self, picture: Picture, shape: Figure, place: story.DemoPlace, open_to: Mask) -> None:
        """Draw a person into the picture, where `open_to` lets them be seen."""
        width, height = self._size
        x, y, face = (place.x + self._half) * self._unit, place.y * self._unit, place.face * self._unit
        left, right = max(0, int(x - BESIDE * face)), min(width, int(x + BESIDE * face) + 1)
        top, bottom = max(0, int(y - ABOVE * face)), min(height, int((scene.DESK + 4) * self._unit))
        if left >= right:
            return
        layer = shape.drawn(face, place.roll, (x - left, y - top), (right - left, bottom - top))
        trail = round(abs(place.speed) * self._unit * self._pace * SHUTTER)
        if trail >= 3:
            layer = np.asarray(cv2.blur(layer, (trail, 1)), np.uint8)
        layer = np.asarray(cv2.bitwise_and(layer, layer, mask=open_to[top:bottom, left:right]), np.uint8)
        under = picture[top:bottom, left:right]
        through = cv2.cvtColor(cv2.bitwise_not(layer[..., 3]), cv2.COLOR_GRAY2BGR)
        lit = cv2.convertScaleAbs(cv2.cvtColor(layer, cv2.COLOR_BGRA2BGR), alpha=place.light)
        under[...] = cv2.add(cv2.multiply(under, through, scale=1 / 255), lit)


def _grain(chance: np.random.Generator, size: tuple[int, int]) -> Picture:
    """Noise around 128, larger than a frame, so that each frame can take it from another corner."""
    width, height = size
    noise = chance.normal(0, NOISE, (height + 64, width + 64, 3)) * (0.7, 0.7, 0.7)
    noise += chance.normal(0, NOISE * 0.7, (height + 64, width + 64, 1))
    return np.clip(noise + 128, 0, 255).astype(np.uint8)


def _exposed(picture: Picture, grain: Picture, chance: np.random.Generator, part: float) -> Picture:
    """The picture as the sensor gives it: noisy, and its gain drifts, but ends as it began, for the loop."""
    height, width = picture.shape[:2]
    down, right = (int(v) for v in chance.integers(0, 64, 2))
    gain = 1 + 0.03 * float(np.sin(4 * np.pi * part))
    noise = grain[down : down + height, right : right + width]
    return np.asarray(cv2.addWeighted(picture, gain, noise, 1, -128), np.uint8)
