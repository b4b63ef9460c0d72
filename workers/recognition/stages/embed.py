"""Combines embeddings of one person into their template."""

from __future__ import annotations

import numpy as np

from workers.recognition.types import Floats


def template_of(embeddings: Floats, weights: Floats) -> Floats:
    """(512,), L2-normalised: the mean of (N, 512) embeddings, weighted by (N,) qualities.

    Raises ValueError without embeddings: there is no template without a face.
    """
    if not len(embeddings):
        raise ValueError("a template needs at least one embedding")
    total = (np.maximum(weights, 1e-3)[:, None] * embeddings).sum(axis=0)
    return np.asarray(total / max(float(np.linalg.norm(total)), 1e-6), dtype=np.float32)
