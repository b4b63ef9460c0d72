"""Enrolment: the one face of a picture, or the reason why the picture cannot be used and what would help."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from workers.recognition.models.loading import FaceModels
from workers.recognition.stages.align import aligned
from workers.recognition.stages.detect import moved, scaled
from workers.recognition.stages.quality import assess
from workers.recognition.types import Face, Floats, Picture, Quality

MAX_SIDES = (640, 1280)  # portraits first; group pictures and full figures need the second size
MIN_SIDE = 320  # smaller pictures are enlarged two times: detectors miss faces of few pixels
BORDER = 1 / 3  # of the longest side: detectors miss faces that fill the whole picture
MIN_WIDTH = 22.0  # pixels of the face; at 23, sharp ones still score 0.59 with their person, strangers 0.2
MIN_SHARPNESS = 0.25  # see `stages.quality`
SIMILAR = 0.5  # part of the largest face's width from which another face might be the one that is meant
MAX_MISSING = 0.07  # part of the face outside the picture; tight portraits lose 0.05, half faces 0.09


class PictureRefused(Exception):
    """A picture that cannot be used: `reason` says why, `fix_hint` what to do. Both are sentences."""

    def __init__(self, reason: str, fix_hint: str) -> None:
        super().__init__(f"{reason} {fix_hint}")
        self.reason = reason
        self.fix_hint = fix_hint


@dataclass(frozen=True, slots=True)
class EnrolledFace:
    """The one face of a picture; `box` and `landmarks` in pixels of that picture."""

    box: Floats
    landmarks: Floats
    quality: Quality
    embedding: Floats


@dataclass(frozen=True, slots=True)
class _View:
    """A picture as the detector gets it: `scale` times as large, with a black border."""

    picture: Picture
    scale: float
    border: int

    def in_picture(self, face: Face) -> Face:
        return scaled(moved(face, -self.border, -self.border), 1 / self.scale)


def enrol_picture(models: FaceModels, picture: Picture) -> EnrolledFace:
    """The face to enrol from a picture of one person. Raises PictureRefused.

    Small faces in the background are ignored; a second face of similar size is not.
    """
    if picture.ndim != 3 or picture.shape[2] != 3 or not picture.size:
        raise ValueError(f"a picture is (H, W, 3), not {picture.shape}")
    view, found = _faces(models, picture)
    face = _only_one(found, view)
    width = float(face.box[2] - face.box[0]) / view.scale
    if width < MIN_WIDTH:
        raise PictureRefused(
            f"The face is too small: {width:.0f} pixels wide, {MIN_WIDTH:.0f} are needed.",
            "Use a picture taken from nearer, or a larger copy of this one.",
        )
    crop = aligned(view.picture, face.landmarks, models.embedder.template, models.embedder.size)
    quality = _quality(models, view, face, crop)
    placed = view.in_picture(face)
    return EnrolledFace(
        box=placed.box,
        landmarks=placed.landmarks,
        quality=quality,
        embedding=models.embedder.embed([crop])[0],
    )


def _faces(models: FaceModels, picture: Picture) -> tuple[_View, list[Face]]:
    """The first view that shows faces, and its reliable faces, largest first."""
    views = [_view(picture, side) for side in MAX_SIDES]
    for view in views:
        faces = [face for face in models.detector.detect(view.picture) if face.score >= models.sure]
        if faces:
            return view, sorted(faces, key=_width, reverse=True)
    return views[0], []


def _view(picture: Picture, max_side: int) -> _View:
    longest = max(picture.shape[:2])
    scale = 2.0 if longest < MIN_SIDE else min(1.0, max_side / longest)
    resized = picture
    if scale != 1.0:
        method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        size = tuple(max(1, round(side * scale)) for side in picture.shape[1::-1])
        resized = np.asarray(cv2.resize(picture, size, interpolation=method), dtype=np.uint8)
    border = int(max(resized.shape[:2]) * BORDER)
    framed = cv2.copyMakeBorder(resized, border, border, border, border, cv2.BORDER_CONSTANT, value=(0, 0, 0))
    return _View(np.asarray(framed, dtype=np.uint8), scale, border)


def _only_one(faces: list[Face], view: _View) -> Face:
    if not faces:
        raise PictureRefused(
            "The picture shows no face.", "Use a portrait from the front, upright and in good light."
        )
    similar = [face for face in faces if _width(face) >= SIMILAR * _width(faces[0])]
    if len(similar) > 1:
        raise PictureRefused(
            f"The picture shows {len(similar)} faces of similar size.",
            "Crop the picture to the one person that you want to enrol.",
        )
    return faces[0]


def _quality(models: FaceModels, view: _View, face: Face, crop: Picture) -> Quality:
    missing = _missing_part(models, view, face)
    if missing > MAX_MISSING:
        raise PictureRefused(
            f"Part of the face is outside the picture ({missing:.0%}).", "Use a picture of the whole face."
        )
    height, width = view.picture.shape[:2]
    quality = assess(
        face,
        crop,
        (width, height),
        min_width=MIN_WIDTH * view.scale,
        sure=models.sure,
        min_sharpness=MIN_SHARPNESS,
    )
    if not quality.acceptable:
        raise PictureRefused(
            f"The face cannot be recognised reliably: {'; '.join(quality.reasons)}.",
            "Use a sharp picture in which the person looks into the camera.",
        )
    return quality


def _missing_part(models: FaceModels, view: _View, face: Face) -> float:
    """The part of the face, an ellipse in the aligned crop, that lies outside the picture."""
    inside = np.zeros_like(view.picture)
    end_y, end_x = (side - view.border for side in view.picture.shape[:2])
    inside[view.border : end_y, view.border : end_x] = 255
    size, template = models.embedder.size, models.embedder.template
    shown = aligned(inside, face.landmarks, template, size)
    # Chin, forehead and cheeks reach about that far around the landmarks, in distances of eyes and mouth.
    centre = template.mean(axis=0)
    unit = float(np.linalg.norm(template[3:].mean(axis=0) - template[:2].mean(axis=0)))
    rows, columns = np.mgrid[:size, :size]
    ellipse = ((columns - centre[0]) / unit) ** 2 + ((rows - centre[1] + 0.25 * unit) / (1.2 * unit)) ** 2 < 1
    return 1.0 - float(shown[ellipse, 0].mean()) / 255


def _width(face: Face) -> float:
    return float(face.box[2] - face.box[0])
