"""RetinaFace with a MobileNet 0.25 backbone and a fixed input of 640 x 640.

Boxes and landmarks are offsets from prior boxes: two square priors a cell at strides 8, 16 and 32, scaled
by the variances 0.1 (places) and 0.2 (logarithms of sizes), as in the publication's PyTorch code
(biubug6/Pytorch_Retinaface, `layers/functions/prior_box.py` and `utils/box_utils.py`, MIT).
"""

from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np
import onnxruntime

from workers.recognition.stages.detect import kept_faces, letterboxed, scaled
from workers.recognition.types import Face, Floats, Picture

SIDE = 640
PRIOR_SIDES = {8: (16, 32), 16: (64, 128), 32: (256, 512)}
PLACE_VARIANCE, SIZE_VARIANCE = 0.1, 0.2
MEAN = np.array([104, 117, 123], dtype=np.float32)
BOXES, SCORES, LANDMARKS = "output0", "572", "571"
MIN_SCORE = 0.6
OVERLAP = 0.4


class RetinaFace:
    """A `Detector`; pictures of other sizes are fitted into the square. Safe to share between threads."""

    upright_only = False

    def __init__(self, path: Path, options: onnxruntime.SessionOptions) -> None:
        """Raises ValueError if `path` holds another kind of model."""
        self._session = onnxruntime.InferenceSession(
            str(path), sess_options=options, providers=["CPUExecutionProvider"]
        )
        missing = {BOXES, SCORES, LANDMARKS} - {output.name for output in self._session.get_outputs()}
        if missing:
            raise ValueError(f"{path} is not the RetinaFace model: it lacks the outputs {sorted(missing)}")
        self._input = self._session.get_inputs()[0].name
        self._priors = _priors()

    def detect(self, picture: Picture) -> list[Face]:
        fitted = letterboxed(picture, SIDE, SIDE)
        tensor = np.ascontiguousarray((fitted.picture.astype(np.float32) - MEAN).transpose(2, 0, 1)[None])
        boxes, scores, points = self._session.run([BOXES, SCORES, LANDMARKS], {self._input: tensor})
        likely = np.flatnonzero(scores[0, :, 1] >= MIN_SCORE)
        faces = kept_faces(
            _decoded_boxes(boxes[0][likely], self._priors[likely]),
            _decoded_landmarks(points[0][likely], self._priors[likely]),
            scores[0, likely, 1],
            min_score=MIN_SCORE,
            overlap=OVERLAP,
        )
        return [scaled(face, 1.0 / fitted.scale) for face in faces]


def _priors() -> Floats:
    """(16800, 4): centre x, centre y, width, height of each prior box as fractions of the input."""
    rows = []
    for stride, sides in PRIOR_SIDES.items():
        cells = SIDE // stride
        for row, column, side in product(range(cells), range(cells), sides):
            rows.append([(column + 0.5) / cells, (row + 0.5) / cells, side / SIDE, side / SIDE])
    return np.array(rows, dtype=np.float32)


def _decoded_boxes(raw: Floats, priors: Floats) -> Floats:
    """(N, 4) corners in pixels of the input."""
    centre = priors[:, :2] + raw[:, :2] * PLACE_VARIANCE * priors[:, 2:]
    half = priors[:, 2:] * np.exp(raw[:, 2:] * SIZE_VARIANCE) / 2
    return np.asarray(np.hstack([centre - half, centre + half]) * SIDE, dtype=np.float32)


def _decoded_landmarks(raw: Floats, priors: Floats) -> Floats:
    """(N, 5, 2) points in pixels of the input."""
    offsets = raw.reshape(-1, 5, 2) * PLACE_VARIANCE * priors[:, None, 2:]
    return np.asarray((priors[:, None, :2] + offsets) * SIDE, dtype=np.float32)
