"""SCRFD face detectors (InsightFace), loaded and decoded by `insightface.model_zoo`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
from insightface.model_zoo import get_model
from insightface.model_zoo.scrfd import SCRFD

from workers.recognition.stages.detect import padded_to_multiple
from workers.recognition.types import Face, Picture

MIN_SCORE = 0.5  # InsightFace's own default
OVERLAP = 0.4


class Scrfd:
    """A `Detector` for pictures of any size from 32 x 32 pixels. Safe to share between threads."""

    upright_only = False

    def __init__(self, path: Path, options: onnxruntime.SessionOptions) -> None:
        """Raises ValueError if `path` holds another kind of model."""
        # One dynamic session for all sizes: a session per size would cost memory for each camera's format.
        model = get_model(
            str(path), providers=["CPUExecutionProvider"], sess_options=options, static_shape_sessions=False
        )
        if not isinstance(model, SCRFD) or not model.use_kps:
            raise ValueError(f"{path} is not an SCRFD model with landmarks")
        model.prepare(0, nms_thresh=OVERLAP, det_thresh=MIN_SCORE)
        self._model = model

    def detect(self, picture: Picture) -> list[Face]:
        padded = padded_to_multiple(picture, 32)
        found, points = self._model.detect(padded, input_size=(padded.shape[1], padded.shape[0]))
        return [
            Face(
                box=row[:4].astype(np.float32),
                landmarks=marks.astype(np.float32),
                score=float(min(1.0, row[4])),
            )
            for row, marks in zip(found, points, strict=True)
        ]
