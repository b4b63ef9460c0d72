import numpy as np
import pytest

from tests.stages.faces import face_at
from workers.recognition.stages.track import Tracker, overlaps
from workers.recognition.types import Face

STEP = 0.1


def tracks(tracker: Tracker, faces: list[Face], at: float) -> list[int]:
    return [one.track for one in tracker.update(faces, at).followed]


def test_a_walking_face_keeps_its_track() -> None:
    tracker = Tracker(max_gap=1.0)
    numbers = {tracks(tracker, [face_at(50 + 12 * i, 200)], i * STEP)[0] for i in range(40)}
    assert numbers == {1}


def test_a_fast_face_is_predicted_from_its_speed() -> None:
    """Faster than its own width a frame: without prediction boxes would never overlap."""
    tracker = Tracker(max_gap=1.0)
    places = [100, 130, 175, 235, 300, 365, 430, 495]
    assert {tracks(tracker, [face_at(x, 200, width=50)], i * STEP)[0] for i, x in enumerate(places)} == {1}


def test_two_people_who_cross_keep_their_tracks() -> None:
    tracker = Tracker(max_gap=1.0)
    for i in range(30):
        a, b = face_at(100 + 15 * i, 200, 40), face_at(535 - 15 * i, 235, 40)
        first, second = tracks(tracker, [a, b], i * STEP)
    assert (first, second) == (1, 2)


def test_misses_of_the_detector_do_not_end_a_track() -> None:
    tracker = Tracker(max_gap=1.0)
    seen = [tracks(tracker, [face_at(100 + 8 * i, 200)] if i % 4 else [], i * STEP) for i in range(1, 30)]
    assert {number for numbers in seen for number in numbers} == {1}


def test_a_face_after_a_gap_is_a_guess_to_be_checked() -> None:
    tracker = Tracker(max_gap=1.0)
    tracker.update([face_at(100, 200)], 0.0)
    assert tracker.update([face_at(101, 200)], 0.1).followed[0].steady
    tracker.update([], 0.2)
    after = tracker.update([face_at(103, 200)], 0.3).followed[0]
    assert after.track == 1
    assert not after.steady


def test_a_long_gap_ends_the_track_and_the_next_face_begins_another() -> None:
    tracker = Tracker(max_gap=1.0)
    tracker.update([face_at(100, 200)], 0.0)
    step = tracker.update([face_at(100, 200)], 1.2)
    assert step.ended == (1,)
    assert step.followed[0].track == 2


@pytest.mark.parametrize("other", [face_at(400, 200), face_at(100, 200, width=180)])
def test_a_face_elsewhere_or_of_another_size_is_another_track(other: Face) -> None:
    tracker = Tracker(max_gap=1.0)
    tracker.update([face_at(100, 200)], 0.0)
    assert tracks(tracker, [other], 0.1) == [2]


def test_numbers_are_never_used_twice() -> None:
    tracker = Tracker(max_gap=0.1)
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


def crossings(seed: int) -> tuple[list[list[tuple[int, Face]]], int]:
    """A minute of people who pass each other, with their numbers: frames of (person, face), and how many.

    They walk at different speeds and heights, hide each other where they meet (the farther one is not
    detected while most of it is hidden), are missed now and then, and their boxes tremble.
    """
    chance = np.random.default_rng(seed)
    people = 8
    start = chance.uniform(0, 40, people)
    speed = chance.uniform(120, 260, people) * chance.choice([-1, 1], people)
    width = chance.uniform(45, 110, people)
    height = chance.uniform(200, 420, people)
    frames = []
    for frame in range(600):
        now, there = frame * STEP, []
        for person in range(people):
            passed = (now - start[person]) * abs(speed[person])
            if not 0 <= passed <= 1400:
                continue
            x = passed - 60 if speed[person] > 0 else 1340 - passed
            face = face_at(
                x + chance.normal(0, 1.5),
                height[person] + 8 * np.sin(now * 5 + person) + chance.normal(0, 1.5),
                width[person] * (1 + chance.normal(0, 0.02)),
            )
            there.append((person, face))
        seen = [
            (person, face)
            for person, face in there
            if chance.random() > 0.06
            and not any(
                other != person
                and width[other] > width[person]
                and overlaps(face.box[None], nearer.box[None])[0, 0] > 0.35
                for other, nearer in there
            )
        ]
        frames.append(seen)
    return frames, people


def test_crossings_with_known_truth_switch_hardly_ever() -> None:
    """Switches: a person's face goes to another track than the one before, or a track to another person."""
    switches = passages = 0
    for seed in range(12):
        frames, people = crossings(seed)
        tracker = Tracker(max_gap=1.0)
        last_track: dict[int, int] = {}
        last_person: dict[int, int] = {}
        for i, seen in enumerate(frames):
            for (person, _), number in zip(
                seen, tracks(tracker, [f for _, f in seen], i * STEP), strict=True
            ):
                switches += last_track.setdefault(person, number) != number
                switches += last_person.setdefault(number, person) != person
                last_track[person], last_person[number] = number, person
        passages += people
    assert passages == 96
    assert switches <= 5, f"{switches} switches in {passages} passages"


def test_what_rests_keeps_its_track_without_being_looked_at() -> None:
    tracker = Tracker(max_gap=1.0)
    tracker.update([face_at(100, 200), face_at(400, 200)], 0.0)
    tracker.update([face_at(100, 200)], 0.1)
    for i in range(2, 30):
        step = tracker.rest(i * STEP)
        assert 1 in step.resting
        assert 2 not in step.resting
    assert tracks(tracker, [face_at(101, 200)], 3.0) == [1]
    assert tracker.rest(4.5).ended == (1,)
