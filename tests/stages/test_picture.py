"""Sources that deliver, and show nothing: black, one colour, one frozen picture."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest

from workers.recognition.cells import cells_of
from workers.recognition.stages.picture import (
    BLANK_SECONDS,
    FROZEN_SECONDS,
    GOOD_SECONDS,
    BriefLook,
    PictureCheck,
    PictureProblem,
)
from workers.recognition.types import Picture

SIZE = (180, 320, 3)
FPS = 5


def flat(level: int) -> Picture:
    return np.full(SIZE, level, dtype=np.uint8)


def named(level: int) -> Picture:
    """The same with the camera's name and the time over it."""
    picture = flat(level)
    picture[4:12, 4:80] = 230
    return picture


def room(light: float = 1.0) -> Picture:
    rows, columns = np.mgrid[0 : SIZE[0], 0 : SIZE[1]]
    grey = 110 + 60 * np.sin(columns / 17) + 40 * np.cos(rows / 11)
    return np.repeat((grey * light)[:, :, None], 3, axis=2).astype(np.uint8)


def noisy(picture: Picture, deviation: float, seed: int) -> Picture:
    grain = np.random.default_rng(seed).normal(0, deviation, picture.shape)
    return np.clip(picture + grain, 0, 255).astype(np.uint8)


class Watch:
    """A check, and the time of the camera it looks at."""

    def __init__(self, fps: float = FPS) -> None:
        self.check, self.at, self._step = PictureCheck(), 0.0, 1 / fps

    def see(self, picture_of: Callable[[int], Picture], seconds: float) -> Iterator[PictureProblem | None]:
        for number in range(round(seconds / self._step)):
            self.at += self._step
            self.check.look(cells_of(picture_of(number)), self.at)
            yield self.check.problem

    def after(self, picture: Picture, seconds: float) -> PictureProblem | None:
        return [None, *self.see(lambda _: picture, seconds)][-1]


@pytest.mark.parametrize(
    ("picture", "problem"),
    [
        (flat(0), PictureProblem.BLACK),
        (flat(16), PictureProblem.BLACK),
        (named(0), PictureProblem.BLACK),
        (flat(128), PictureProblem.UNIFORM),
        (named(200), PictureProblem.UNIFORM),
    ],
)
@pytest.mark.parametrize("fps", [0.2, 10])
def test_a_picture_without_anything_is_told_after_seconds(
    picture: Picture, problem: PictureProblem, fps: float
) -> None:
    watch = Watch(fps)
    assert watch.after(picture, BLANK_SECONDS / 2) is None
    assert watch.after(picture, BLANK_SECONDS) is problem


def test_one_picture_again_and_again_is_frozen() -> None:
    watch = Watch()
    assert watch.after(room(), FROZEN_SECONDS - 2) is None
    assert watch.after(room(), 4) is PictureProblem.FROZEN


@pytest.mark.parametrize("light", [1.0, 0.06])
def test_a_room_with_the_noise_of_a_sensor_is_a_picture_by_day_and_night(light: float) -> None:
    watch = Watch()
    assert not any(watch.see(lambda number: noisy(room(light), 2, number), FROZEN_SECONDS + 5))


@pytest.mark.parametrize(
    ("level", "deviation", "problem"),
    [(0, 2, PictureProblem.BLACK), (10, 8, PictureProblem.BLACK), (128, 5, PictureProblem.UNIFORM)],
)
def test_noise_alone_is_no_picture(level: int, deviation: float, problem: PictureProblem) -> None:
    """A covered lens, with what the sensor adds."""
    watch = Watch()
    *_, last = watch.see(lambda number: noisy(flat(level), deviation, number), BLANK_SECONDS + 5)
    assert last is problem


def test_a_frozen_picture_is_told_through_its_clock_and_its_key_frames() -> None:
    """Each tenth frame is compressed as a whole, the others repeat it; the time in a corner goes on."""
    grain = noisy(room(), 1, 1)

    def shown(number: int) -> Picture:
        picture = (room() if number % 10 else grain).copy()
        picture[4:12, 4 : 20 + number % 7 * 8] = 230
        return picture

    watch = Watch()
    assert [*watch.see(shown, FROZEN_SECONDS + 5)][-1] is PictureProblem.FROZEN
    assert set(watch.see(shown, FROZEN_SECONDS)) == {PictureProblem.FROZEN}, "a key frame ends nothing"


def test_something_that_moves_before_a_perfect_background_is_a_picture() -> None:
    """As in a drawn clip that is repeated."""

    def shown(number: int) -> Picture:
        picture = room().copy()
        picture[40:140, 20 + number % 5 * 30 : 60 + number % 5 * 30] = 40
        return picture

    watch = Watch()
    assert not any(watch.see(shown, FROZEN_SECONDS + 5))


def test_a_quiet_scene_that_changes_with_its_key_frames_alone_is_a_picture() -> None:
    """As a camera sends it whose encoder repeats what has not changed."""
    watch = Watch()
    assert not any(watch.see(lambda number: noisy(room(), 1, number // 50), FROZEN_SECONDS + 5))


@pytest.mark.parametrize("wrong", [flat(0), flat(128), room()])
def test_it_ends_by_itself_with_good_pictures_and_not_with_a_flash(wrong: Picture) -> None:
    watch = Watch()
    problem = watch.after(wrong, FROZEN_SECONDS + 2)
    assert problem
    assert watch.after(flat(255), 0.2) is problem, "a flash"
    assert watch.after(wrong, 1) is problem
    assert [*watch.see(lambda number: noisy(room(), 2, number), GOOD_SECONDS + 1)][-1] is None


def test_a_black_camera_that_shows_a_still_room_has_a_picture() -> None:
    watch = Watch()
    assert watch.after(flat(0), BLANK_SECONDS + 1) is PictureProblem.BLACK
    assert watch.after(room(), GOOD_SECONDS + 1) is None


@pytest.mark.parametrize("jump", [10_800.0, -10_800.0])
def test_a_clock_that_is_set_makes_nothing_frozen_or_black(jump: float) -> None:
    watch = Watch()
    watch.after(flat(0), 1)
    watch.at += jump
    assert watch.after(flat(0), 1) is None


def test_a_brief_look_tells_blank_pictures_and_that_nothing_changed() -> None:
    black = BriefLook(flat(0))
    black.add(flat(0))
    assert (black.problem, black.unchanged) == (PictureProblem.BLACK, True)
    still = BriefLook(room())
    assert not still.unchanged
    still.add(room())
    assert (still.problem, still.unchanged) == (None, True)
    night = BriefLook(noisy(flat(4), 2, 1))
    night.add(noisy(flat(4), 2, 2))
    assert (night.problem, night.unchanged) == (PictureProblem.BLACK, False)
    dim = BriefLook(noisy(room(0.1), 2, 1))
    dim.add(noisy(room(0.1), 2, 2))
    assert (dim.problem, dim.unchanged) == (None, False)
