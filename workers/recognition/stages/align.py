"""Aligns a face: rotates, scales and moves it so that its landmarks lie where the embedder expects them."""

from __future__ import annotations

import cv2
import numpy as np

from workers.recognition.types import Floats, Picture

_COMPLEX = np.array([1.0, 1.0j])


def similarity_transforms(landmarks: Floats, template: Floats) -> Floats:
    """(N, 2, 3): the rotation, scale and shift that map each of `landmarks` (N, 5, 2) to `template` (5, 2).

    Least squares without reflection: the matrix of S. Umeyama, PAMI 1991, and so of
    `insightface.utils.face_align.estimate_norm`. In the plane it has a closed form, one complex number that
    turns and scales, which takes a tenth of the time of a singular value decomposition.
    Raises ValueError for points that all coincide.
    """
    source = landmarks.astype(np.float64) @ _COMPLEX
    target = template.astype(np.float64) @ _COMPLEX
    middle, target_middle = source.mean(axis=1), target.mean()
    source -= middle[:, None]
    spread = np.square(np.abs(source)).sum(axis=1)
    if (spread < 1e-8).any():
        raise ValueError("the landmarks coincide: no transform aligns them")
    turn = source.conj() @ (target - target_middle) / spread
    shift = target_middle - turn * middle
    rows = (turn.real, -turn.imag, shift.real, turn.imag, turn.real, shift.imag)
    return np.stack(rows, axis=1).reshape(-1, 2, 3).astype(np.float32)


def aligned(picture: Picture, landmarks: Floats, template: Floats, size: int) -> Picture:
    """The face as a `size` x `size` BGR crop; black where it leaves the picture."""
    matrix = similarity_transforms(landmarks[None], template)[0]
    return np.asarray(cv2.warpAffine(picture, matrix, (size, size), borderValue=(0, 0, 0)), dtype=np.uint8)


def thumbnails(picture: Picture, landmarks: Floats, template: Floats, size: int) -> Floats:
    """(N, size * size): the aligned faces of (N, 5, 2), tiny, grey, blurred. A dot product is a similarity.

    Blurred, because landmarks of small faces jitter: without blur, one face in four had to be checked.
    """
    looks = np.empty((len(landmarks), size * size), dtype=np.float32)
    for look, matrix in zip(looks, similarity_transforms(landmarks, template), strict=True):
        crop = cv2.cvtColor(cv2.warpAffine(picture, matrix, (size, size)), cv2.COLOR_BGR2GRAY)
        look[:] = cv2.GaussianBlur(crop, (0, 0), 1.0).ravel()
    looks -= looks.mean(axis=1, keepdims=True)
    looks /= np.maximum(np.linalg.norm(looks, axis=1, keepdims=True), 1e-3)
    return looks
