"""The pack `dlib`: detector, landmarks and embedder whose weights come inside a package, for machines without
models and without internet.

Less accurate than the ONNX packs and slower on a CPU: where this was written, faces down to 40 pixels took
0.14 s to find in a frame of 640 x 360 (1280 x 720: 0.53 s), down to 80 pixels 0.03 s (0.13 s), and an
embedding took 0.14 s a face.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import numpy as np

from workers.recognition.models.catalogue import EMBEDDING_DIMENSION, PACKS
from workers.recognition.models.store import ModelMissing
from workers.recognition.types import Face, Floats, Picture

if TYPE_CHECKING:
    from workers.recognition.models.loading import Files

PACK = "dlib"
LANDMARKS, EMBEDDER = (file.names[0] for file in reversed(PACKS[PACK].files))
CHIP = 150
"""Side of the pictures that the embedder was trained on, in pixels."""
PADDING = 0.25
MIN_CONFIDENCE = 0.0
"""dlib's own: the margin of its support vector machine above which it calls something a face."""
SURE = 0.6  # confidence 0.2: 95 % of frontal portraits reach 1.16; backs of heads did not even reach -0.3

MEAN_FACE: Floats = np.array(
    [
        [0.225492, 0.215990],
        [0.754761, 0.215990],
        [0.490127, 0.515625],
        [0.254149, 0.780233],
        [0.726104, 0.780233],
    ],
    dtype=np.float32,
)
"""(5, 2): our landmarks in dlib's mean face, a unit square. From the 51 points (17 to 67 of the 68) that dlib
publishes in `get_face_chip_details` (dlib/image_transforms/interpolation.h): eye centres as means of 36 to 41
and 42 to 47, then the points 30, 48 and 54."""


class DlibDetector:
    """A `Detector`: dlib's HOG faces, each with five of its 68 landmarks. Safe to share between threads.

    Finds faces from 80 pixels on, from 40 with one `upsample`, 20 with two: each quadruples the time.
    `score` is the logistic function of twice dlib's confidence: 0.5 where dlib begins to believe it (0.0),
    0.88 at 1.0, 0.98 at 2.0.
    """

    sure = SURE
    upright_only = True
    """Measured with eight portraits: it finds 8 upright, 3 that are turned by 45 degrees, none from 90 on."""

    def __init__(self, store: Files, upsample: int = 1) -> None:
        """Raises ModelMissing if the packages are not installed or damaged."""
        dlib = _imported()
        self._new_finder = dlib.get_frontal_face_detector
        self._predictor = dlib.shape_predictor(str(store.find(PACK) / LANDMARKS))
        self._upsample = upsample
        self._of_thread = threading.local()

    def detect(self, picture: Picture) -> list[Face]:
        rgb = _rgb(picture)
        boxes, confidences, _ = self._finder().run(rgb, self._upsample, MIN_CONFIDENCE)
        faces = [self._face(rgb, box, confidence) for box, confidence in zip(boxes, confidences, strict=True)]
        return sorted(faces, key=lambda face: face.score, reverse=True)

    def _finder(self) -> Any:
        """One per thread: a finder keeps its image pyramid, and dlib releases Python's lock meanwhile."""
        if not hasattr(self._of_thread, "finder"):
            self._of_thread.finder = self._new_finder()
        return self._of_thread.finder

    def _face(self, rgb: Picture, box: Any, confidence: float) -> Face:
        shape = self._predictor(rgb, box)
        points = np.array([(point.x, point.y) for point in shape.parts()], dtype=np.float32)
        corners = [box.left(), box.top(), box.right() + 1, box.bottom() + 1]  # may lie outside the picture
        return Face(
            box=np.array(corners, dtype=np.float32),
            landmarks=five_landmarks(points),
            score=float(1 / (1 + np.exp(-2 * confidence))),
        )


class DlibEmbedder:
    """An `Embedder`: dlib's 128 numbers, L2-normalised, then zeros. Safe to share between threads."""

    def __init__(self, store: Files) -> None:
        """Raises ModelMissing if the packages are not installed or damaged."""
        dlib = _imported()
        self.pack = PACK
        self.size = CHIP
        self.template: Floats = (MEAN_FACE + PADDING) / (2 * PADDING + 1) * np.float32(CHIP)
        self._network = dlib.face_recognition_model_v1(str(store.find(PACK) / EMBEDDER))
        self._lock = threading.Lock()  # the network stores its intermediate results in itself

    def embed(self, crops: list[Picture]) -> Floats:
        embeddings = np.zeros((len(crops), EMBEDDING_DIMENSION), dtype=np.float32)
        for embedding, crop in zip(embeddings, crops, strict=True):
            with self._lock:  # for each crop: dlib gains nothing from batches, and others may run in between
                raw = np.array(self._network.compute_face_descriptor(_rgb(crop)), dtype=np.float32)
            embedding[: len(raw)] = raw / max(float(np.linalg.norm(raw)), 1e-6)
        return embeddings


def five_landmarks(points: Floats) -> Floats:
    """(5, 2) in our order from dlib's 68 points (68, 2), which are those of iBUG 300-W."""
    eyes = points[36:42].mean(axis=0), points[42:48].mean(axis=0)
    return np.stack([*eyes, points[30], points[48], points[54]]).astype(np.float32)


def _rgb(picture: Picture) -> Picture:
    return np.ascontiguousarray(picture[:, :, ::-1])


def _imported() -> Any:
    try:
        import dlib
    except ImportError as error:
        raise ModelMissing(PACK, f"install it with `{PACKS[PACK].install}`") from error
    return dlib
