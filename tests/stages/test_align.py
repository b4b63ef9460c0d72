import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from insightface.utils import face_align

from tests.stages.faces import FRONTAL, portraits
from workers.recognition.stages.align import aligned, similarity_transforms
from workers.recognition.types import Floats

TEMPLATE: Floats = face_align.arcface_dst


@given(
    seed=st.integers(0, 10_000),
    scale=st.floats(10, 900),
    angle=st.floats(-180, 180),
    shift=st.tuples(st.floats(-500, 2000), st.floats(-500, 2000)),
)
def test_the_transform_is_insightfaces(
    seed: int, scale: float, angle: float, shift: tuple[float, float]
) -> None:
    turn = np.radians(angle)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    noise = np.random.default_rng(seed).normal(0, 0.03, (5, 2))
    landmarks = (((FRONTAL + noise) @ rotation.T) * scale + shift).astype(np.float32)
    ours = similarity_transforms(landmarks[None], TEMPLATE)[0]
    places = np.hstack([landmarks, np.ones((5, 1))])
    assert places @ ours.T == pytest.approx(places @ face_align.estimate_norm(landmarks).T, abs=0.02)


def test_the_crop_is_insightfaces() -> None:
    picture = portraits()["eileen"]
    landmarks = (FRONTAL * 90 + [100, 100]).astype(np.float32)
    ours = aligned(picture, landmarks, TEMPLATE, 112).astype(int)
    assert np.abs(ours - face_align.norm_crop(picture, landmarks)).max() <= 2


def test_landmarks_that_coincide_are_refused() -> None:
    with pytest.raises(ValueError, match="coincide"):
        similarity_transforms(np.full((1, 5, 2), 3, np.float32), TEMPLATE)
