import numpy as np
import pytest

from tests.stages.faces import backdrop, paste, portraits, sized
from workers.recognition.stages.motion import TRUSTED_SECONDS, MotionGate, likeness
from workers.recognition.types import Picture


def test_somebody_who_walks_through_changes_no_scene() -> None:
    scene, portrait = MotionGate(), sized(portraits()["eileen"], 160)
    assert not any(scene.look(paste(backdrop(), portrait, x, 120), 0.0).cut for x in range(-160, 480, 20))


def test_a_cut_changes_the_scene_once() -> None:
    scene = MotionGate()
    assert not scene.look(backdrop(), 0.0).cut
    assert scene.look(255 - backdrop(), 0.0).cut
    assert not scene.look(255 - backdrop(), 0.0).cut


def test_a_lamp_that_goes_on_changes_no_scene() -> None:
    scene = MotionGate()
    scene.look((backdrop() * 0.5).astype(np.uint8), 0.0)
    assert not scene.look(backdrop(), 0.0).cut


def test_pictures_without_structure() -> None:
    black, white = np.zeros((18, 32), np.float32), np.full((18, 32), 255, np.float32)
    assert likeness(black, black) == 1.0
    assert likeness(black, white) == 0.0


def noisy(picture: Picture, deviation: float, seed: int) -> Picture:
    grain = np.random.default_rng(seed).normal(0, deviation, picture.shape)
    return np.clip(picture + grain, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("deviation", [0, 3, 12])
def test_the_noise_of_a_sensor_is_no_movement(deviation: float) -> None:
    scene = MotionGate()
    scene.look(noisy(backdrop(), deviation, 0), 0.0)
    scene.analysed(0.0)
    assert all(scene.look(noisy(backdrop(), deviation, i), i / 25).still for i in range(1, 60))


def test_a_face_that_moves_a_little_is_a_movement() -> None:
    scene, portrait = MotionGate(), sized(portraits()["eileen"], 60)
    scene.look(noisy(paste(backdrop(), portrait, 200, 120), 3, 0), 0.0)
    scene.analysed(0.0)
    assert scene.look(noisy(paste(backdrop(), portrait, 200, 120), 3, 1), 0.1).still
    assert not scene.look(noisy(paste(backdrop(), portrait, 206, 120), 3, 2), 0.2).still


def test_a_slow_movement_adds_up_until_it_is_seen() -> None:
    """Compared with the frame that was analysed, not with the one before."""
    scene, portrait = MotionGate(), sized(portraits()["eileen"], 160)
    scene.look(paste(backdrop(), portrait, 100, 120), 0.0)
    scene.analysed(0.0)
    assert not all(scene.look(paste(backdrop(), portrait, 100 + i, 120), 0.1 * i).still for i in range(1, 12))


def test_light_that_changes_slowly_is_no_movement_and_a_still_scene_is_not_believed_for_ever() -> None:
    scene = MotionGate()
    scene.look(backdrop(), 0.0)
    scene.analysed(0.0)
    assert scene.look(np.clip(backdrop() + 6.0, 0, 255).astype(np.uint8), 1.0).still
    assert not scene.look(backdrop(), TRUSTED_SECONDS).still
