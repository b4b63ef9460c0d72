from pathlib import Path

import cv2
import numpy as np
import pytest
from insightface.data import get_image

from tests.stages.faces import backdrop, paste, portraits, sized
from workers.recognition.enrol import PictureRefused, enrol_picture
from workers.recognition.models.loading import FaceModels
from workers.recognition.types import Floats, Picture

PEOPLE = portraits()


def blurred(picture: Picture, strength: float) -> Picture:
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), strength), dtype=np.uint8)


@pytest.mark.parametrize("name", ["tom", "eileen", "ann", "cid", "dan"])
def test_a_portrait_gives_its_face(models: FaceModels, name: str) -> None:
    face = enrol_picture(models, PEOPLE[name])
    height, width = PEOPLE[name].shape[:2]
    assert 0 < face.landmarks[0, 0] < face.landmarks[1, 0] < width
    assert 0 < face.landmarks[:2, 1].mean() < face.landmarks[3:, 1].mean() < height
    assert np.linalg.norm(face.embedding) == pytest.approx(1.0, abs=1e-3)
    assert face.embedding.shape == (512,)
    assert face.quality.acceptable


@pytest.mark.parametrize("scale", [0.9, 4.0])
def test_the_size_of_a_picture_does_not_matter(models: FaceModels, scale: float) -> None:
    portrait = PEOPLE["eileen"]
    once = enrol_picture(models, portrait)
    again = enrol_picture(models, sized(portrait, int(portrait.shape[0] * scale)))
    assert once.embedding @ again.embedding > models.thresholds.match
    assert again.landmarks / scale == pytest.approx(once.landmarks, abs=8)


def test_a_face_in_the_background_is_ignored(models: FaceModels) -> None:
    scene = np.zeros((480, 640, 3), dtype=np.uint8) + np.uint8(90)
    scene = paste(scene, sized(PEOPLE["eileen"], 330), 20, 80)
    alone = enrol_picture(models, scene)
    both = enrol_picture(models, paste(scene, sized(PEOPLE["tom"], 110), 480, 200))
    assert alone.embedding @ both.embedding > 0.9


@pytest.mark.parametrize("side", [240, 500])
def test_what_is_around_a_face_does_not_matter(models: FaceModels, side: int) -> None:
    """The same pixels of a face alone, and in a photo of twelve megapixels."""
    portrait = sized(PEOPLE["eileen"], side)
    photo = paste(np.asarray(cv2.resize(backdrop(), (4000, 3000)), dtype=np.uint8), portrait, 1800, 1200)
    alone, within = enrol_picture(models, portrait), enrol_picture(models, photo)
    assert alone.embedding @ within.embedding > 0.5 + models.thresholds.match / 2
    assert within.quality.score >= 0.9 * alone.quality.score
    assert within.landmarks - np.array([1800, 1200]) == pytest.approx(alone.landmarks, abs=side / 60)


def cut_to(picture: Picture, box: Floats, part: float) -> Picture:
    """The picture without `part` of the face's width on each side of its box, and beyond."""
    x1, y1, x2, y2 = box
    border = part * (x2 - x1)
    left, top = max(0, int(x1 + border)), max(0, int(y1 + border))
    return picture[top : int(y2 - border), left : int(x2 - border)].copy()


@pytest.mark.parametrize("name", ["tom", "eileen", "dan"])
def test_a_portrait_that_is_cut_tightly_is_used_and_counts_less(models: FaceModels, name: str) -> None:
    portrait = sized(PEOPLE[name], 400)
    whole = enrol_picture(models, portrait)
    tight = enrol_picture(models, cut_to(portrait, whole.box, 0.0))
    assert tight.embedding @ whole.embedding > 0.5 + models.thresholds.match / 2
    assert tight.quality.score < whole.quality.score


def refusal(models: FaceModels, picture: Picture) -> PictureRefused:
    with pytest.raises(PictureRefused) as refused:
        enrol_picture(models, picture)
    assert refused.value.reason.endswith(".")
    assert refused.value.fix_hint.endswith(".")
    return refused.value


@pytest.mark.parametrize(
    "picture", [backdrop(), np.zeros((1, 1, 3), np.uint8), np.full((3, 4000, 3), 255, np.uint8)]
)
def test_no_face(models: FaceModels, picture: Picture) -> None:
    assert "no face" in refusal(models, picture).reason


def test_several_faces_of_similar_size(models: FaceModels) -> None:
    reason = refusal(models, np.asarray(get_image("t1"), dtype=np.uint8)).reason
    assert "faces of similar size" in reason


def test_a_blurred_face(models: FaceModels) -> None:
    soft = blurred(sized(PEOPLE["eileen"], 480), 12)
    assert refusal(models, soft)


def test_half_a_face(models: FaceModels) -> None:
    portrait = PEOPLE["eileen"]
    face = enrol_picture(models, portrait)
    middle = int((face.box[0] + face.box[2]) / 2)
    assert refusal(models, np.ascontiguousarray(portrait[:, middle:]))


def test_a_grey_array_is_a_mistake_of_the_caller(models: FaceModels) -> None:
    with pytest.raises(ValueError, match="a picture is"):
        enrol_picture(models, np.zeros((100, 100), np.uint8))


def test_the_hostile_and_the_crowded_sample(models: FaceModels, samples: Path) -> None:
    for path in (samples / "hostile" / "partial_face.jpg", samples / "crowd" / "obama_and_biden.jpg"):
        picture = cv2.imread(str(path))
        assert picture is not None
        assert refusal(models, np.asarray(picture, dtype=np.uint8)), path
