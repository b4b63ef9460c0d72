"""What becomes of faces that are not upright: turned by an angle, or mirrored."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from workers.lab.evaluation.faces import NotEvaluable
from workers.lab.picture_folders import BadPicture, people_in, read_people_picture
from workers.recognition.config import CameraConfig
from workers.recognition.enrol import PictureRefused, enrol_picture
from workers.recognition.models.loading import FaceModels
from workers.recognition.orientation import QuarterTurn
from workers.recognition.stages.align import aligned
from workers.recognition.stages.detect import find_faces, refined, shrunk
from workers.recognition.stages.quality import assess
from workers.recognition.stages.upright import needed_turn
from workers.recognition.types import Face, Floats, Picture

ANGLES = (0, 15, 30, 45, 60, 75, 90, 135, 180, 225, 270, 315)
"""Degrees clockwise."""
CANVAS = 1.5  # sides of a picture; a turned one still fits into it
PICTURES_OF_A_PERSON = 2


@dataclass(frozen=True, slots=True)
class TurnedFaces:
    """What was measured at one angle.

    `passed` are faces of which landmarks, sharpness and light are good, `upright` those of them that are
    found upright, too: only these are recognised. `own` is the median similarity to the same person's upright
    picture, `linked` the part of all pairs of two people that would be taken for one, of those found upright.
    The same two figures of all that `passed` say what would happen without the check.
    """

    angle: int
    mirrored: bool
    pictures: int
    found: int
    passed: int
    upright: int
    own: float | None
    linked: float | None
    own_unchecked: float | None
    linked_unchecked: float | None


@dataclass(frozen=True, slots=True)
class _Known:
    name: str
    picture: Picture
    embedding: Floats


@dataclass(frozen=True, slots=True)
class _Seen:
    name: str
    embedding: Floats
    own: float
    upright: bool


def assess_turned(models: FaceModels, folder: Path, advance: Callable[[int, int], None]) -> list[TurnedFaces]:
    """Raises NotEvaluable, OSError."""
    known = _known(models, folder)
    if len({person.name for person in known}) < 2:
        raise NotEvaluable(f"{folder} needs sub-folders of at least two people with a usable picture each")
    cases = [(angle, False) for angle in ANGLES] + [(0, True)]
    results = []
    for done, (angle, mirrored) in enumerate(cases):
        results.append(_measured(models, known, angle, mirrored=mirrored))
        advance(done + 1, len(cases))
    return results


def _known(models: FaceModels, folder: Path) -> list[_Known]:
    known = []
    for name, paths in people_in(folder).items():
        for path in paths[:PICTURES_OF_A_PERSON]:
            try:
                picture = _sized(read_people_picture(path))
                known.append(_Known(name, picture, enrol_picture(models, picture).embedding))
            except (BadPicture, PictureRefused, OSError):
                continue  # `evaluate` without --turned names them
    return known


def _sized(picture: Picture) -> Picture:
    """As a camera would show the face: neither tiny nor huge."""
    scale = 400 / max(picture.shape[:2])
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    size = tuple(max(1, round(side * scale)) for side in picture.shape[1::-1])
    return np.asarray(cv2.resize(picture, size, interpolation=method), dtype=np.uint8)


def _measured(models: FaceModels, known: list[_Known], angle: int, *, mirrored: bool) -> TurnedFaces:
    found, seen = 0, list[_Seen]()
    for person in known:
        picture = person.picture[:, ::-1] if mirrored else person.picture
        scene = _turned_by(picture, angle)
        view = shrunk(scene, CameraConfig().analysed_side)
        faces = find_faces(models.detector, view)
        found += bool(faces)
        for face in faces[:1]:
            face = refined(models.detector, scene, face, view.scale)
            if (embedding := _embedded(models, scene, face)) is not None:
                upright = needed_turn(models.detector, scene, face) is QuarterTurn.NONE
                seen.append(_Seen(person.name, embedding, float(embedding @ person.embedding), upright))
    checked = [one for one in seen if one.upright]
    return TurnedFaces(
        angle=angle,
        mirrored=mirrored,
        pictures=len(known),
        found=found,
        passed=len(seen),
        upright=len(checked),
        own=_median(checked),
        linked=_linked(checked, known, models.thresholds.match),
        own_unchecked=_median(seen),
        linked_unchecked=_linked(seen, known, models.thresholds.match),
    )


def _turned_by(picture: Picture, angle: int) -> Picture:
    """On a grey canvas, turned clockwise around its middle."""
    height, width = picture.shape[:2]
    side = round(max(height, width) * CANVAS)
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), -angle, 1.0)
    matrix[:, 2] += (side - width) / 2, (side - height) / 2
    grey = (90, 90, 90)
    return np.asarray(cv2.warpAffine(picture, matrix, (side, side), borderValue=grey), dtype=np.uint8)


def _embedded(models: FaceModels, scene: Picture, face: Face) -> Floats | None:
    """None for a face whose landmarks, light or sharpness do not allow it."""
    crop = aligned(scene, face.landmarks, models.embedder.template, models.embedder.size)
    height, width = scene.shape[:2]
    min_width = CameraConfig().min_face
    if not assess(face, crop, (width, height), min_width=min_width, sure=models.sure).acceptable:
        return None
    return np.asarray(models.embedder.embed([crop])[0], dtype=np.float32)


def _median(seen: list[_Seen]) -> float | None:
    return round(float(np.median([one.own for one in seen])), 3) if seen else None


def _linked(seen: list[_Seen], known: list[_Known], link: float) -> float | None:
    """Of all pairs of a turned face with another person, upright or turned alike."""
    others: list[_Known | _Seen] = [*known, *seen]
    pairs = [
        float(one.embedding @ other.embedding) for one in seen for other in others if one.name != other.name
    ]
    return round(float(np.mean(np.array(pairs) >= link)), 5) if pairs else None
