"""Align: a face is turned, scaled and moved so that its landmarks lie where the embedder expects them."""

from __future__ import annotations

import cv2
import numpy as np

from workers.types import Floats, Picture

_COMPLEX = np.array([1.0, 1.0j])


def similarity_transform(landmarks: Floats, template: Floats) -> Floats:
    """(2, 3): the rotation, scale and shift that bring `landmarks` (5, 2) nearest to `template` (5, 2).

    Least squares without reflection: the matrix of S. Umeyama, PAMI 1991, and so of
    `insightface.utils.face_align.estimate_norm`. In the plane it has a closed form, one complex number that
    turns and scales, which takes a tenth of the time of a singular value decomposition.
    Raises ValueError for points that all coincide.
    """
    source = landmarks.astype(np.float64) @ _COMPLEX
    target = template.astype(np.float64) @ _COMPLEX
    source_mean, target_mean = source.mean(), target.mean()
    source = source - source_mean
    spread = float(np.vdot(source, source).real)
    if spread < 1e-8:
        raise ValueError("the landmarks coincide: no transform aligns them")
    turn = complex(np.vdot(source, target - target_mean)) / spread
    shift = complex(target_mean) - turn * complex(source_mean)
    return np.array(
        [[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]], dtype=np.float32
    )


def aligned(picture: Picture, landmarks: Floats, template: Floats, size: int) -> Picture:
    """The face as a `size` x `size` BGR crop; black where it leaves the picture."""
    matrix = similarity_transform(landmarks, template)
    return np.asarray(cv2.warpAffine(picture, matrix, (size, size), borderValue=(0, 0, 0)), dtype=np.uint8)


def thumbnail(picture: Picture, landmarks: Floats, template: Floats, size: int) -> Floats:
    """The aligned face, tiny, grey and soft: a vector whose dot product with another is their likeness.

    Soft, because landmarks of small faces tremble: unsoftened, one look in four had to be checked.
    """
    crop = aligned(picture, landmarks, template, size)
    soft = cv2.GaussianBlur(cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY), (0, 0), 1.0)
    look = soft.ravel().astype(np.float32)
    look -= look.mean()
    return np.asarray(look / max(float(np.sqrt(look @ look)), 1e-3), dtype=np.float32)
