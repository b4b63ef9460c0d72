"""Detect: a frame goes to the detector at the size it needs, faces come back in pixels of the frame."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from workers.types import Detector, Face, Floats, Picture


@dataclass(frozen=True, slots=True)
class Letterbox:
    """A picture fitted into another size: content at the top left, black below or to the right.

    `scale` is pixels of `picture` for one pixel of the original.
    """

    picture: Picture
    scale: float


def find_faces(detector: Detector, picture: Picture, longest_side: int) -> list[Face]:
    """Faces in pixels of `picture`, best score first; the detector sees at most `longest_side` pixels."""
    height, width = picture.shape[:2]
    scale = min(1.0, longest_side / max(height, width))
    if scale == 1.0:
        return detector.detect(picture)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    shrunk = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    return [scaled(face, 1.0 / scale) for face in detector.detect(shrunk)]


def scaled(face: Face, factor: float) -> Face:
    """The same face in a picture `factor` times as large."""
    return replace(
        face,
        box=(face.box * factor).astype(np.float32),
        landmarks=(face.landmarks * factor).astype(np.float32),
    )


def moved(face: Face, right: float, down: float) -> Face:
    """The same face in a picture whose origin lies that many pixels further to the left and up."""
    shift = np.array([right, down], dtype=np.float32)
    return replace(face, box=face.box + np.tile(shift, 2), landmarks=face.landmarks + shift)


def padded_to_multiple(picture: Picture, multiple: int) -> Picture:
    """The picture with black added on the right and below, so that both sides divide by `multiple`."""
    height, width = picture.shape[:2]
    below, right = -height % multiple, -width % multiple
    if not below and not right:
        return picture
    padded = cv2.copyMakeBorder(picture, 0, below, 0, right, cv2.BORDER_CONSTANT, value=(0, 0, 0))
    return np.asarray(padded, dtype=np.uint8)


def letterboxed(picture: Picture, width: int, height: int) -> Letterbox:
    """The picture shrunk or enlarged to fit into `width` x `height`, its proportions kept."""
    rows, columns = picture.shape[:2]
    scale = min(width / columns, height / rows)
    size = (max(1, min(width, round(columns * scale))), max(1, min(height, round(rows * scale))))
    interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    canvas = np.zeros((height, width, 3), dtype=np.uint8)
    canvas[: size[1], : size[0]] = cv2.resize(picture, size, interpolation=interpolation)
    return Letterbox(picture=canvas, scale=scale)


def kept_faces(
    boxes: Floats, landmarks: Floats, scores: Floats, *, least_score: float, overlap: float
) -> list[Face]:
    """Raw detections without the doubtful and the double ones, best score first.

    `boxes` (N, 4), `landmarks` (N, 5, 2), `scores` (N,). Of two boxes whose intersection over union
    exceeds `overlap` the better one stays (greedy non-maximum suppression).
    """
    likely = np.flatnonzero(scores >= least_score)
    if not likely.size:
        return []
    boxes, landmarks, scores = boxes[likely], landmarks[likely], scores[likely]
    corner_and_size = np.hstack([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]])
    kept = np.asarray(
        cv2.dnn.NMSBoxes(corner_and_size.tolist(), scores.tolist(), least_score, overlap), dtype=np.intp
    ).ravel()
    best_first = kept[np.argsort(-scores[kept], kind="stable")]
    return [
        Face(
            box=boxes[i].astype(np.float32),
            landmarks=landmarks[i].astype(np.float32),
            score=float(min(1.0, scores[i])),
        )
        for i in best_first
    ]
