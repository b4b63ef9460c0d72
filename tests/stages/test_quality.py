import cv2
import numpy as np
import pytest

from tests.stages.faces import FRONTAL, face_at, portraits, sized
from workers.recognition.stages.quality import assess, best_possible_quality, cut_off, pose_of, sharpness_of
from workers.recognition.types import Face

SIZE = (640, 480)


def reasons(face: Face) -> str:
    return "; ".join(best_possible_quality(face, SIZE, min_width=32, sure=0.75).reasons)


def test_a_frontal_face_of_good_size_has_no_flaws() -> None:
    assert reasons(face_at(320, 240)) == ""


@pytest.mark.parametrize(
    ("face", "reason"),
    [
        (face_at(320, 240, width=25), "too small"),
        (face_at(320, 240, turn=0.3), "turned too far"),
        (face_at(5, 240), "edge of the picture"),
        (face_at(320, 240, score=0.7), "not sure"),
        (face_at(320, 240, score=0.76, turn=0.7), "not sure"),
    ],
)
def test_what_is_refused_is_refused_with_its_reason(face: Face, reason: str) -> None:
    assert reason in reasons(face)


def test_landmarks_outside_the_box_or_in_disorder_are_no_face() -> None:
    face = face_at(320, 240)
    far = Face(face.box, face.landmarks + 60, face.score)
    upside_down = Face(face.box, face.landmarks[::-1].copy(), face.score)
    together = Face(face.box, np.full((5, 2), 240, np.float32), face.score)
    assert "outside its box" in reasons(far)
    assert reasons(upside_down)
    assert reasons(together)


def test_pose_does_not_depend_on_roll_or_scale() -> None:
    angle = np.radians(25)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    rolled = (FRONTAL @ turn.T * 300).astype(np.float32)
    assert pose_of(rolled).openness == pytest.approx(pose_of(FRONTAL).openness, abs=0.01)
    assert pose_of(FRONTAL).openness == pytest.approx(1.0, abs=0.02)
    assert pose_of(rolled).tilt == pytest.approx(pose_of(FRONTAL).tilt + 25, abs=0.5)


def test_blur_lowers_sharpness_step_by_step_and_darkness_does_not() -> None:
    crop = sized(portraits()["eileen"], 112)
    blurred = [sharpness_of(np.asarray(cv2.GaussianBlur(crop, (0, 0), s), np.uint8)) for s in (0.1, 1, 2, 4)]
    assert blurred == sorted(blurred, reverse=True)
    assert blurred[0] > 2 * blurred[-1]
    assert sharpness_of((crop * 0.5).astype(np.uint8)) == pytest.approx(sharpness_of(crop), rel=0.25)


def test_the_weakest_side_decides() -> None:
    crop = sized(portraits()["eileen"], 112)
    full = assess(face_at(320, 240, width=90), crop, SIZE, min_width=32, sure=0.75)
    small = assess(face_at(320, 240, width=40), crop, SIZE, min_width=32, sure=0.75)
    turned = assess(face_at(320, 240, width=90, turn=0.6), crop, SIZE, min_width=32, sure=0.75)
    assert full.acceptable
    assert full.score > 0.8
    assert small.score < full.score
    assert turned.score < full.score


def test_a_flat_crop_is_too_blurred() -> None:
    grey = np.full((112, 112, 3), 128, dtype=np.uint8)
    quality = assess(face_at(320, 240), grey, SIZE, min_width=32, sure=0.75)
    assert any("blurred" in reason for reason in quality.reasons)


def test_cut_off_part_of_a_box() -> None:
    box = np.array([-50, 0, 50, 100], np.float32)
    assert cut_off(box, 640, 480) == pytest.approx(0.5)
    assert cut_off(box + 100, 640, 480) == pytest.approx(0.0)
    assert cut_off(box - 500, 640, 480) == pytest.approx(1.0)
