"""ArcFace-style embedders: 112 x 112 crops in, 512 numbers out. EdgeFace has the same shape."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
from insightface.model_zoo import get_model
from insightface.model_zoo.arcface_onnx import ArcFaceONNX
from insightface.utils.face_align import arcface_dst

from workers.recognition.types import Floats, Picture

DIMENSION = 512
LARGEST_BATCH = 16  # memory stays bounded; larger batches are no faster on a CPU


class ArcFace:
    """An `Embedder`. Safe to share between threads."""

    def __init__(self, path: Path, options: onnxruntime.SessionOptions, pack: str) -> None:
        """Raises ValueError if `path` holds another kind of model."""
        model = get_model(str(path), providers=["CPUExecutionProvider"], sess_options=options)
        if not isinstance(model, ArcFaceONNX) or model.output_shape[-1] != DIMENSION:
            raise ValueError(f"{path} is not a face embedder with {DIMENSION} numbers")
        self._model = model
        self.pack = pack
        self.size = int(model.input_size[0])
        self.template: Floats = arcface_dst * (self.size / 112)

    def embed(self, crops: list[Picture]) -> Floats:
        if not crops:
            return np.empty((0, DIMENSION), dtype=np.float32)
        batches = [crops[start : start + LARGEST_BATCH] for start in range(0, len(crops), LARGEST_BATCH)]
        raw = np.concatenate([self._model.get_feat(batch) for batch in batches]).astype(np.float32)
        lengths = np.linalg.norm(raw, axis=1, keepdims=True)
        return np.asarray(raw / np.maximum(lengths, 1e-6), dtype=np.float32)
