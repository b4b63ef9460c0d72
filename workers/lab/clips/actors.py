"""Heads cut out of pictures of people, to be moved through a generated scene."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from facetrack.core.images import BadPicture
from workers.lab.picture_folders import package_people, people_in, read_people_picture
from workers.recognition.enrol import EnrolledFace, PictureRefused, enrol_picture
from workers.recognition.models.loading import FaceModels
from workers.recognition.types import Floats, Picture

SIDE = 320  # pixels of a cut-out; no face in a clip is shown larger than two thirds of it
AROUND = 1.1  # half the side of a cut-out, in widths of the face
ACROSS, DOWN = 0.72, 0.98  # half axes of the head that is kept, in widths of the face
FEATHER = 0.12
PICTURES_TRIED = 12


class NoActors(Exception):
    """A folder without usable people; the message says what to put there."""


@dataclass(frozen=True, slots=True)
class ClipActor:
    """A head on a transparent ground: `picture` (SIDE, SIDE, 3) BGR, `alpha` float32 (SIDE, SIDE, 1) 0..1.

    The face is `face` pixels wide in it, its centre in the middle. `known` holds the person's other pictures,
    for enrolment; or the same picture, if there is only one.
    """

    name: str
    picture: Picture
    alpha: Floats
    face: float
    known: tuple[EnrolledFace, ...]


def actors_of_folder(models: FaceModels, folder: Path, max_people: int | None = None) -> list[ClipActor]:
    """One actor per sub-folder, cut from its sharpest picture. Raises NoActors."""
    if not folder.is_dir():
        raise NoActors(f"{folder} is not a folder: name one with a sub-folder of pictures per person")
    actors: list[ClipActor] = []
    for name, paths in people_in(folder).items():
        if (actor := _actor(models, name, _pictures(paths))) is not None:
            actors.append(actor)
        if max_people is not None and len(actors) == max_people:
            break
    if not actors:
        raise NoActors(
            f"{folder} holds no usable portraits: make a sub-folder for each person, with portraits of "
            "them from the front, with faces 32 pixels wide or more"
        )
    return actors


def actors_of_packages(models: FaceModels) -> list[ClipActor]:
    """The people of the demo pictures in installed packages. Raises NoActors."""
    found = [_actor(models, name, [picture]) for name, picture in package_people(models.detector).items()]
    actors = [actor for actor in found if actor is not None]
    if not actors:
        raise NoActors("the packages' demo pictures show no faces: name a folder of people with --people")
    return actors


def _pictures(paths: Sequence[Path]) -> Iterator[Picture]:
    for path in paths[:PICTURES_TRIED]:
        try:
            yield read_people_picture(path)
        except (OSError, BadPicture):
            continue


def _actor(
    models: FaceModels, name: str, pictures: Iterator[Picture] | Sequence[Picture]
) -> ClipActor | None:
    usable: list[tuple[Picture, EnrolledFace]] = []
    for picture in pictures:
        try:
            usable.append((picture, enrol_picture(models, picture)))
        except PictureRefused:
            continue
    if not usable:
        return None
    usable.sort(key=lambda pair: pair[1].quality.score, reverse=True)
    shown, face = usable[0]
    others = tuple(enrolled for _, enrolled in usable[1:]) or (face,)
    picture, width = _cut(shown, face.box)
    return ClipActor(name=name, picture=picture, alpha=_alpha(width), face=width, known=others)


def _cut(picture: Picture, box: Floats) -> tuple[Picture, float]:
    """The head in a square of SIDE pixels, and its face's width there; the picture's edges are extended."""
    width = float(max(box[2] - box[0], (box[3] - box[1]) / 1.3))
    half = AROUND * width
    centre = (float(box[0] + box[2]) / 2, float(box[1] + box[3]) / 2)
    scale = SIDE / (2 * half)
    matrix = np.array(
        [[scale, 0, SIDE / 2 - scale * centre[0]], [0, scale, SIDE / 2 - scale * centre[1]]], dtype=np.float32
    )
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    cut = cv2.warpAffine(picture, matrix, (SIDE, SIDE), flags=method, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(cut, dtype=np.uint8), width * scale


def _alpha(width: float) -> Floats:
    rows, columns = np.mgrid[:SIDE, :SIDE].astype(np.float32)
    middle = (SIDE - 1) / 2
    distance = np.hypot((columns - middle) / (ACROSS * width), (rows - middle) / (DOWN * width))
    return np.asarray(np.clip((1.0 - distance) / FEATHER, 0.0, 1.0)[..., None], dtype=np.float32)
