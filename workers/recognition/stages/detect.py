"""A frame goes to the detector at the size it needs; faces come back in pixels of the frame."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from workers.recognition.types import Detector, Face, Floats, Frame, Picture

CLEAR_WIDTH = 48.0  # pixels of a face in the detector's picture from which its landmarks are precise enough
CLOSE_UP = 160  # pixels of the second detection: 1 ms; at 128 a small face is a tenth less similar to itself
MIN_OVERLAP = 0.4


@dataclass(frozen=True, slots=True)
class Letterbox:
    """A picture fitted into another size: content at the top left, black below or to the right.

    `scale` is pixels of `picture` for one pixel of the original.
    """

    picture: Picture
    scale: float


def shrunk(picture: Picture, max_side: int) -> Letterbox:
    """The picture at the size that the detector sees, never enlarged."""
    height, width = picture.shape[:2]
    scale = min(1.0, max_side / max(height, width))
    if scale == 1.0:
        return Letterbox(picture, 1.0)
    if scale <= 0.5:
        # Halving averages four pixels in 0.3 ms, and the rest is cheap: half the time of one step.
        picture = np.asarray(
            cv2.resize(picture, (width // 2, height // 2), interpolation=cv2.INTER_AREA), dtype=np.uint8
        )
    method = cv2.INTER_AREA if scale > 0.5 or scale < 0.25 else cv2.INTER_LINEAR
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return Letterbox(np.asarray(cv2.resize(picture, size, interpolation=method), dtype=np.uint8), scale)


def with_small(frame: Frame, max_side: int) -> Frame:
    """The frame with the picture that the detector wants, made in advance."""
    return frame if frame.small is not None else replace(frame, small=shrunk(frame.picture, max_side).picture)


def view_of(frame: Frame, max_side: int) -> Letterbox:
    """The detector's view of a frame; shrunk here only if the source has not done it."""
    small = frame.small
    if small is None or max(small.shape[:2]) > max_side:
        return shrunk(frame.picture, max_side)
    return Letterbox(small, small.shape[1] / frame.picture.shape[1])


def find_faces(detector: Detector, view: Letterbox) -> list[Face]:
    """Faces in pixels of the picture from which `view` was made, best score first."""
    faces = detector.detect(view.picture)
    return faces if view.scale == 1.0 else [scaled(face, 1.0 / view.scale) for face in faces]


def refined(detector: Detector, picture: Picture, face: Face, seen_at: float) -> Face:
    """The same face, detected once more in full resolution if it was small to the detector.

    `seen_at` is the scale of the view in which it was found. A landmark that is off by a pixel there is off
    by three in a 1080p picture, which costs a small face a third of its similarity to itself.
    """
    width, height = (float(side) for side in face.box[2:] - face.box[:2])
    if seen_at >= 1.0 or width * seen_at >= CLEAR_WIDTH:
        return face
    left, top = max(0, int(face.box[0] - width / 2)), max(0, int(face.box[1] - height / 2))
    right, bottom = int(face.box[2] + width / 2), int(face.box[3] + height / 2)
    view = shrunk(picture[top:bottom, left:right], CLOSE_UP)
    found = [moved(near, left, top) for near in find_faces(detector, view)]
    best = max(found, key=lambda near: overlap(near.box, face.box), default=None)
    if best is None or overlap(best.box, face.box) < MIN_OVERLAP:
        return face
    return replace(best, score=max(best.score, face.score))


def overlap(first: Floats, second: Floats) -> float:
    low, high = np.maximum(first[:2], second[:2]), np.minimum(first[2:], second[2:])
    common = float(np.clip(high - low, 0, None).prod())
    return common / max(
        float((first[2:] - first[:2]).prod() + (second[2:] - second[:2]).prod()) - common, 1e-6
    )


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
    boxes: Floats, landmarks: Floats, scores: Floats, *, min_score: float, overlap: float
) -> list[Face]:
    """Raw detections without doubtful and duplicate ones, best score first.

    `boxes` (N, 4), `landmarks` (N, 5, 2), `scores` (N,). Of two boxes whose intersection over union
    exceeds `overlap` the better one stays (greedy non-maximum suppression).
    """
    likely = np.flatnonzero(scores >= min_score)
    if not likely.size:
        return []
    boxes, landmarks, scores = boxes[likely], landmarks[likely], scores[likely]
    corner_and_size = np.hstack([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]])
    kept = np.asarray(
        cv2.dnn.NMSBoxes(corner_and_size.tolist(), scores.tolist(), min_score, overlap), dtype=np.intp
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
