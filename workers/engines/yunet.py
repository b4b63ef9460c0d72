"""YuNet, the default face detector, decoded from the bare ONNX session.

cv2.FaceDetectorYN runs the same file, but took 44 ms where the session takes 26 (1280 x 736, one core),
and is not safe to share between threads. Decoding after OpenCV's `modules/objdetect/src/face_detect.cpp`.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
import onnxruntime

from workers.stages.detect import kept_faces, padded_to_multiple
from workers.types import Face, Floats, Picture

STRIDES = (8, 16, 32)
OUTPUTS = [f"{name}_{stride}" for name in ("cls", "obj", "bbox", "kps") for stride in STRIDES]
LEAST_SCORE = 0.6  # backs of heads reach 0.84, faces in sight stay above 0.85: quality judges in between
OVERLAP = 0.3  # OpenCV's default; two faces rarely hide more than that of each other and stay detectable


class YuNet:
    """A `Detector` for pictures of any size from 32 x 32 pixels. Safe to share between threads."""

    def __init__(self, path: Path, options: onnxruntime.SessionOptions) -> None:
        """Raises onnxruntime's errors when `path` is not the YuNet of 2023 (12 outputs, three strides)."""
        self._session = onnxruntime.InferenceSession(
            str(path), sess_options=options, providers=["CPUExecutionProvider"]
        )
        missing = set(OUTPUTS) - {output.name for output in self._session.get_outputs()}
        if missing:
            raise ValueError(f"{path} is not a YuNet model: it lacks the outputs {sorted(missing)}")

    def detect(self, picture: Picture) -> list[Face]:
        padded = padded_to_multiple(picture, 32)
        tensor = np.ascontiguousarray(padded.transpose(2, 0, 1)[None], dtype=np.float32)
        outputs = dict(zip(OUTPUTS, self._session.run(OUTPUTS, {"input": tensor}), strict=True))
        boxes, landmarks, scores = [], [], []
        for stride in STRIDES:
            certainty = np.clip(outputs[f"cls_{stride}"][0], 0, 1) * np.clip(
                outputs[f"obj_{stride}"][0], 0, 1
            )
            score = np.sqrt(certainty[:, 0])
            likely = np.flatnonzero(score >= LEAST_SCORE)
            origin = _grid(padded.shape[0] // stride, padded.shape[1] // stride)[likely]
            boxes.append(_decoded_boxes(outputs[f"bbox_{stride}"][0][likely], origin, stride))
            points = outputs[f"kps_{stride}"][0][likely].reshape(-1, 5, 2)
            landmarks.append((points + origin[:, None]) * stride)
            scores.append(score[likely])
        return kept_faces(
            np.concatenate(boxes),
            np.concatenate(landmarks),
            np.concatenate(scores),
            least_score=LEAST_SCORE,
            overlap=OVERLAP,
        )


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
