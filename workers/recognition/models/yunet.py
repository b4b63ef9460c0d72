"""YuNet, the default face detector, decoded from the bare ONNX session.

cv2.FaceDetectorYN runs the same file, but took 44 ms where the session takes 26 (1280 x 736, one core),
and is not safe to share between threads. Decoding after OpenCV's `modules/objdetect/src/face_detect.cpp`.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
import onnxruntime

from workers.recognition.stages.detect import kept_faces
from workers.recognition.types import Face, Floats, Picture

STRIDES = (8, 16, 32)
OUTPUTS = [f"{name}_{stride}" for name in ("cls", "obj", "bbox", "kps") for stride in STRIDES]
MIN_SCORE = 0.6  # backs of heads reach 0.84, faces in sight stay above 0.85: quality judges in between
OVERLAP = 0.3  # OpenCV's default; two faces rarely hide more than that of each other and stay detectable


class YuNet:
    """A `Detector` for pictures of any size from 32 x 32 pixels. Safe to share between threads."""

    upright_only = False

    def __init__(self, path: Path, options: onnxruntime.SessionOptions) -> None:
        """Raises onnxruntime's errors if `path` is not the YuNet of 2023 (12 outputs, three strides)."""
        self._session = onnxruntime.InferenceSession(
            str(path), sess_options=options, providers=["CPUExecutionProvider"]
        )
        missing = set(OUTPUTS) - {output.name for output in self._session.get_outputs()}
        if missing:
            raise ValueError(f"{path} is not a YuNet model: it lacks the outputs {sorted(missing)}")

    def detect(self, picture: Picture) -> list[Face]:
        height, width = picture.shape[:2]
        rows, columns = -(-height // 32) * 32, -(-width // 32) * 32
        tensor = np.zeros((1, 3, rows, columns), dtype=np.float32)  # black where the picture is smaller
        for plane, channel in zip(tensor[0], cv2.split(picture), strict=True):
            plane[:height, :width] = channel
        outputs = self._session.run(OUTPUTS, {"input": tensor})
        found = []
        for level, stride in enumerate(STRIDES):
            sure, there, boxes, points = (outputs[kind * len(STRIDES) + level][0] for kind in range(4))
            # Nearly all cells are empty: square roots are computed only for the remaining ones.
            certainty = sure[:, 0] * there[:, 0]
            likely = np.flatnonzero(certainty >= MIN_SCORE**2)
            if not likely.size:
                continue
            origin = _grid(rows // stride, columns // stride)[likely]
            found.append(
                (
                    _decoded_boxes(boxes[likely], origin, stride),
                    (points[likely].reshape(-1, 5, 2) + origin[:, None]) * stride,
                    np.sqrt(np.minimum(certainty[likely], 1.0)),
                )
            )
        if not found:
            return []
        decoded, landmarks, scores = (np.concatenate(parts) for parts in zip(*found, strict=True))
        return kept_faces(decoded, landmarks, scores, min_score=MIN_SCORE, overlap=OVERLAP)


def _decoded_boxes(raw: Floats, origin: Floats, stride: int) -> Floats:
    """(N, 4) corners from (N, 4) centre offsets and logarithms of the sides, in cells of `stride` pixels."""
    centre = raw[:, :2] + origin
    half = np.exp(raw[:, 2:]) / 2
    return np.asarray(np.hstack([centre - half, centre + half]) * stride, dtype=np.float32)


@lru_cache(maxsize=32)
def _grid(rows: int, columns: int) -> Floats:
    """(rows * columns, 2): column and row of each cell, row by row."""
    row, column = np.mgrid[:rows, :columns]
    return np.stack([column.ravel(), row.ravel()], axis=1).astype(np.float32)
