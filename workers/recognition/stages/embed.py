"""Combines embeddings of one person into their template."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TypeVar

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


_Person = TypeVar("_Person", bound=Hashable)


def templates_of(
    people: Sequence[_Person], embeddings: Floats, weights: Floats
) -> tuple[list[_Person], Floats]:
    """Each person once, and their templates (N, 512), of embeddings whose people are named row by row."""
    rows: dict[_Person, list[int]] = {}
    for row, person in enumerate(people):
        rows.setdefault(person, []).append(row)
    templates = [template_of(embeddings[of], weights[of]) for of in rows.values()]
    return list(rows), np.stack(templates) if templates else np.empty((0, 512), dtype=np.float32)
