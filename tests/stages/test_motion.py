import numpy as np

from tests.stages.faces import backdrop, paste, portraits, sized
from workers.stages.motion import Scene, likeness


def test_somebody_who_walks_through_changes_no_scene() -> None:
    scene, portrait = Scene(), sized(portraits()["eileen"], 160)
    assert not any(scene.changed(paste(backdrop(), portrait, x, 120)) for x in range(-160, 480, 20))


def test_a_cut_changes_the_scene_once() -> None:
    scene = Scene()
    assert not scene.changed(backdrop())
    assert scene.changed(255 - backdrop())
    assert not scene.changed(255 - backdrop())


def test_a_lamp_that_goes_on_changes_no_scene() -> None:
    scene = Scene()
    scene.changed((backdrop() * 0.5).astype(np.uint8))
    assert not scene.changed(backdrop())


def test_pictures_without_structure() -> None:
    black, white = np.zeros((18, 32), np.float32), np.full((18, 32), 255, np.float32)
    assert likeness(black, black) == 1.0
    assert likeness(black, white) == 0.0
