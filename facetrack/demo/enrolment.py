"""Makes the pictures that the demo's staff are enrolled with: portraits before a wall, unlike the clip's."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from facetrack.demo import people
from facetrack.demo.clip import ClipError
from facetrack.demo.figure import Figure, figure
from workers.recognition.types import Picture

SIZE = (360, 400)
EYES = (180.0, 150.0)


@dataclass(frozen=True, slots=True)
class Sitting:
    """How a portrait is taken: width of the face in pixels, lean in degrees, brightness, grey of the wall."""

    face: float
    roll: float
    light: float
    wall: int


SITTINGS = (Sitting(104, 0.0, 1.0, 196), Sitting(116, -3.5, 0.92, 172), Sitting(94, 3.0, 1.07, 214))


def enrolment_pictures(folder: Path) -> None:
    """Write each staff member's portraits, 1.png to 3.png, into a sub-folder of `folder` with their name.

    The pictures are the same at every call; existing ones are replaced, each in one step. Raises ClipError if
    they cannot be written and DemoPictureError if a source picture is missing.
    """
    for person in people.STAFF:
        shape = figure(person)
        for number, sitting in enumerate(SITTINGS, 1):
            _save(folder / person.name / f"{number}.png", _portrait(shape, sitting))


def _portrait(shape: Figure, sitting: Sitting) -> Picture:
    wall = np.linspace(sitting.wall + 14, sitting.wall - 22, SIZE[1], dtype=np.float32)[:, None, None]
    layer = shape.drawn(sitting.face, sitting.roll, EYES, SIZE).astype(np.float32)
    mixed = wall * (1 - layer[..., 3:] / 255) + layer[..., :3]
    return np.clip(mixed * sitting.light, 0, 255).astype(np.uint8)


def _save(path: Path, picture: Picture) -> None:
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            part.write_bytes(cv2.imencode(".png", picture)[1].tobytes())
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as problem:
        raise ClipError(
            f"the enrolment picture cannot be written to {path} ({problem}): make room or name another folder"
        ) from problem
