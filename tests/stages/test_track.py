import numpy as np
import pytest

from tests.stages.faces import face_at
from workers.stages.track import Tracker, overlaps
from workers.types import Face

STEP = 0.1


def tracks(tracker: Tracker, faces: list[Face], at: float) -> list[int]:
    return [one.track for one in tracker.update(faces, at).followed]


def test_a_walking_face_keeps_its_track() -> None:
    tracker = Tracker(longest_gap=1.0)
    numbers = {tracks(tracker, [face_at(50 + 12 * i, 200)], i * STEP)[0] for i in range(40)}
    assert numbers == {1}


def test_a_fast_face_is_predicted_from_its_speed() -> None:
    """Faster than its own width a frame: without prediction boxes would never overlap."""
    tracker = Tracker(longest_gap=1.0)
    places = [100, 130, 175, 235, 300, 365, 430, 495]
    assert {tracks(tracker, [face_at(x, 200, width=50)], i * STEP)[0] for i, x in enumerate(places)} == {1}


def test_two_people_who_cross_keep_their_tracks() -> None:
    tracker = Tracker(longest_gap=1.0)
    for i in range(30):
        a, b = face_at(100 + 15 * i, 200, 40), face_at(535 - 15 * i, 235, 40)
        first, second = tracks(tracker, [a, b], i * STEP)
    assert (first, second) == (1, 2)


def test_misses_of_the_detector_do_not_end_a_track() -> None:
    tracker = Tracker(longest_gap=1.0)
    seen = [tracks(tracker, [face_at(100 + 8 * i, 200)] if i % 4 else [], i * STEP) for i in range(1, 30)]
    assert {number for numbers in seen for number in numbers} == {1}


def test_a_face_after_a_gap_is_a_guess_to_be_checked() -> None:
    tracker = Tracker(longest_gap=1.0)
    tracker.update([face_at(100, 200)], 0.0)
    assert tracker.update([face_at(101, 200)], 0.1).followed[0].steady
    tracker.update([], 0.2)
    after = tracker.update([face_at(103, 200)], 0.3).followed[0]
    assert after.track == 1
    assert not after.steady


def test_a_long_gap_ends_the_track_and_the_next_face_begins_another() -> None:
    tracker = Tracker(longest_gap=1.0)
    tracker.update([face_at(100, 200)], 0.0)
    step = tracker.update([face_at(100, 200)], 1.2)
    assert step.ended == (1,)
    assert step.followed[0].track == 2


@pytest.mark.parametrize("other", [face_at(400, 200), face_at(100, 200, width=180)])
def test_a_face_elsewhere_or_of_another_size_is_another_track(other: Face) -> None:
    tracker = Tracker(longest_gap=1.0)
    tracker.update([face_at(100, 200)], 0.0)
    assert tracks(tracker, [other], 0.1) == [2]


def test_numbers_are_never_used_twice() -> None:
    tracker = Tracker(longest_gap=0.1)
    tracker.update([face_at(100, 200)], 0.0)
    assert tracker.end_all() == (1,)
    assert tracker.end_all() == ()
    assert tracks(tracker, [face_at(100, 200)], 0.1) == [2]
    assert tracker.split(2) == 3
    assert tracks(tracker, [face_at(100, 200)], 0.15) == [3]


def test_overlap_of_boxes() -> None:
    a = np.array([[0, 0, 10, 10]], np.float32)
    b = np.array([[0, 0, 10, 10], [5, 0, 15, 10], [20, 20, 30, 30]], np.float32)
    assert overlaps(a, b)[0] == pytest.approx([1.0, 1 / 3, 0.0])
