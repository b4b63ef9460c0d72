"""Align: a face is turned, scaled and moved so that its landmarks lie where the embedder expects them."""

from __future__ import annotations

import cv2
import numpy as np

from workers.types import Floats, Picture


def similarity_transform(landmarks: Floats, template: Floats) -> Floats:
    """(2, 3): the rotation, scale and shift that bring `landmarks` (5, 2) nearest to `template` (5, 2).

    Least squares without reflection after S. Umeyama, "Least-squares estimation of transformation
    parameters between two point patterns", PAMI 1991: the same matrix as
    `insightface.utils.face_align.estimate_norm`. Raises ValueError for points that all coincide.
    """
    source = landmarks.astype(np.float64)
    target = template.astype(np.float64)
    source_mean, target_mean = source.mean(axis=0), target.mean(axis=0)
    spread = ((source - source_mean) ** 2).sum() / len(source)
    if spread < 1e-9:
        raise ValueError("the landmarks coincide: no transform aligns them")
    covariance = (target - target_mean).T @ (source - source_mean) / len(source)
    left, sizes, right = np.linalg.svd(covariance)
    signs = np.array([1.0, np.sign(np.linalg.det(left) * np.linalg.det(right)) or 1.0])
    rotation = left @ np.diag(signs) @ right
    scale = float(sizes @ signs) / spread
    shift = target_mean - scale * rotation @ source_mean
    return np.hstack([scale * rotation, shift[:, None]]).astype(np.float32)


def aligned(picture: Picture, landmarks: Floats, template: Floats, size: int) -> Picture:
    """The face as a `size` x `size` BGR crop; black where it leaves the picture."""
    matrix = similarity_transform(landmarks, template)
    return np.asarray(cv2.warpAffine(picture, matrix, (size, size), borderValue=(0, 0, 0)), dtype=np.uint8)
