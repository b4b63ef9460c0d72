"""Enrolment: the one face of a picture, or the reason why the picture cannot be used and what would help."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from workers.recognition.models.loading import FaceModels
from workers.recognition.orientation import QuarterTurn, turned
from workers.recognition.stages.align import aligned
from workers.recognition.stages.detect import MIN_OVERLAP, moved, overlap, scaled, shrunk
from workers.recognition.stages.quality import assess
from workers.recognition.stages.upright import HINTS, needed_turn
from workers.recognition.types import Face, Floats, Picture, Quality

MAX_SIDES = (640, 1280)  # portraits first; group pictures and full figures need the second size
MIN_SIDE = 320  # smaller pictures are enlarged two times: detectors miss faces of few pixels
CLOSE_UP_WIDTH = 200.0  # pixels of the face where it is cut out: twice what embedders look at
MAX_ENLARGED = 2.0  # detectors place the landmarks of small faces better then
BORDER = 1 / 3  # of the longest side: detectors miss faces that fill the whole picture
MIN_WIDTH = 22.0  # pixels of the face; at 23, sharp ones still score 0.59 with their person, strangers 0.2
MIN_SHARPNESS = 0.25  # see `stages.quality`
SIMILAR = 0.5  # part of the largest face's width from which another face might be the one that is meant
MAX_MISSING = 0.07
"""Part of the face outside the picture: it stands at the edge of a photo that could be taken again."""
TIGHT = 0.5  # part of the picture that the face's box fills in a portrait that was cut to the face
MAX_MISSING_OF_TIGHT = 0.16
"""The same for such a portrait. Pictures of 24 people were cut more and more tightly: those with 0.12 to 0.16
outside are 0.84 similar to the whole one (median; one in twenty less than 0.69), those with 0.2 to 0.3 are
0.75 (0.54). Cut to the face's box, 1 of 68 pictures is refused."""


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
    """A part of a picture as the detector gets it: `scale` times as large, with a black border.

    `corner` is the part's left and upper edge in pixels of the picture.
    """

    picture: Picture
    scale: float
    border: int
    corner: tuple[int, int] = (0, 0)

    def in_picture(self, face: Face) -> Face:
        return moved(scaled(moved(face, -self.border, -self.border), 1 / self.scale), *self.corner)

    def seen(self, face: Face) -> Face:
        """The opposite: a face of the picture in pixels of this view."""
        left, top = self.corner
        return moved(scaled(moved(face, -left, -top), self.scale), self.border, self.border)


def enrol_picture(models: FaceModels, picture: Picture) -> EnrolledFace:
    """The face to enrol from a picture of one person. Raises PictureRefused.

    Small faces in the background are ignored; a second face of similar size is not. The face is cut out
    of the picture in full resolution, whatever is around it.
    """
    if picture.ndim != 3 or picture.shape[2] != 3 or not picture.size:
        raise ValueError(f"a picture is (H, W, 3), not {picture.shape}")
    face = _only_one(models, picture)
    view = _close_up(picture, face)
    face = _looked_at_again(models, view, face)
    width = _width(face) / view.scale
    if width < MIN_WIDTH:
        raise PictureRefused(
            f"The face is too small: {width:.0f} pixels wide, {MIN_WIDTH:.0f} are needed.",
            "Use a picture taken from nearer, or a larger copy of this one.",
        )
    _require_upright(models, view, face)
    crop = aligned(view.picture, face.landmarks, models.embedder.template, models.embedder.size)
    quality = _quality(models, view, face, crop)
    placed = view.in_picture(face)
    return EnrolledFace(
        box=placed.box,
        landmarks=placed.landmarks,
        quality=quality,
        embedding=models.embedder.embed([crop])[0],
    )


def _faces(models: FaceModels, picture: Picture) -> list[Face]:
    """The reliable faces of the picture, largest first."""
    for side in MAX_SIDES:
        view = _whole(picture, side)
        faces = [face for face in models.detector.detect(view.picture) if face.score >= models.sure]
        if faces:
            return sorted((view.in_picture(face) for face in faces), key=_width, reverse=True)
    return []


def _whole(picture: Picture, max_side: int) -> _View:
    longest = max(picture.shape[:2])
    return _framed(picture, MAX_ENLARGED if longest < MIN_SIDE else min(1.0, max_side / longest))


def _close_up(picture: Picture, face: Face) -> _View:
    """The face with as much on each side of it as it is large itself."""
    height, width = picture.shape[:2]
    side = max(1.0, float(max(face.box[2:] - face.box[:2])))
    left, top = (max(0, int(v - side)) for v in face.box[:2])
    right, bottom = min(width, int(face.box[2] + side) + 1), min(height, int(face.box[3] + side) + 1)
    scale = min(MAX_ENLARGED, CLOSE_UP_WIDTH / max(1.0, _width(face)))
    return _framed(picture[top:bottom, left:right], scale, (left, top))


def _framed(part: Picture, scale: float, corner: tuple[int, int] = (0, 0)) -> _View:
    resized = part
    if scale != 1.0:
        method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        size = tuple(max(1, round(side * scale)) for side in part.shape[1::-1])
        resized = np.asarray(cv2.resize(part, size, interpolation=method), dtype=np.uint8)
    border = int(max(resized.shape[:2]) * BORDER)
    framed = cv2.copyMakeBorder(resized, border, border, border, border, cv2.BORDER_CONSTANT, value=(0, 0, 0))
    return _View(np.asarray(framed, dtype=np.uint8), scale, border, corner)


def _looked_at_again(models: FaceModels, view: _View, face: Face) -> Face:
    """The same face in pixels of its close-up, where its landmarks are precise."""
    before = view.seen(face)
    found = [
        near for near in models.detector.detect(view.picture) if overlap(near.box, before.box) >= MIN_OVERLAP
    ]
    best = max(found, key=lambda near: overlap(near.box, before.box), default=before)
    return replace(best, score=max(best.score, before.score))


def _require_upright(models: FaceModels, view: _View, face: Face) -> None:
    """Raises PictureRefused."""
    turn = needed_turn(models.detector, view.picture, face)
    if turn is None:
        raise PictureRefused(
            "It is not clear which way up the face is.", "Turn the picture until the head is upright."
        )
    if turn is not QuarterTurn.NONE:
        raise _not_upright(turn)


def _not_upright(turn: QuarterTurn) -> PictureRefused:
    how = "stands on its head" if turn is QuarterTurn.HALF else "lies on its side"
    return PictureRefused(f"The face {how}.", f"Turn the picture {HINTS[turn]} and upload it again.")


def _none_upright(models: FaceModels, picture: Picture) -> PictureRefused:
    """Why a picture without an upright face is refused: some detectors do not find turned ones at all."""
    small = shrunk(picture, MAX_SIDES[0]).picture
    for turn in (QuarterTurn.RIGHT, QuarterTurn.LEFT, QuarterTurn.HALF):
        found = _faces(models, turned(small, turn))
        if found and needed_turn(models.detector, turned(small, turn), found[0]) is QuarterTurn.NONE:
            return _not_upright(turn)
    return PictureRefused(
        "The picture shows no face.", "Use a portrait from the front, upright and in good light."
    )


def _only_one(models: FaceModels, picture: Picture) -> Face:
    """The face in pixels of the picture. Raises PictureRefused."""
    faces = _faces(models, picture)
    if not faces:
        raise _none_upright(models, picture)
    similar = [face for face in faces if _width(face) >= SIMILAR * _width(faces[0])]
    if len(similar) > 1:
        raise PictureRefused(
            f"The picture shows {len(similar)} faces of similar size.",
            "Crop the picture to the one person that you want to enrol.",
        )
    return faces[0]


def _quality(models: FaceModels, view: _View, face: Face, crop: Picture) -> Quality:
    missing = _missing_part(models, view, face)
    if missing > (MAX_MISSING_OF_TIGHT if _fills(view, face) >= TIGHT else MAX_MISSING):
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
    # A tight portrait weighs less in the person's template than a whole one.
    return replace(quality, score=min(quality.score, 1.0 - 2 * missing))


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


def _fills(view: _View, face: Face) -> float:
    """The part of the picture that the face's box fills, as far as it lies inside."""
    end = np.array(view.picture.shape[1::-1], dtype=np.float32) - view.border
    low, high = np.maximum(face.box[:2], view.border), np.minimum(face.box[2:], end)
    seen = float(np.clip(high - low, 0, None).prod())
    return seen / max(1.0, float((end - view.border).prod()))


def _width(face: Face) -> float:
    return float(face.box[2] - face.box[0])
