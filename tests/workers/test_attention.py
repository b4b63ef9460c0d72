import threading
from collections import deque
from dataclasses import dataclass

import numpy as np
import pytest

from tests.conftest import template_of as made_up
from tests.stages.faces import face_at
from workers.process.model_cache import EMBEDDING_BUDGET
from workers.recognition.budget import (
    BURST,
    LEFT_WHERE_SCARCE,
    EmbeddingBudget,
    Urgency,
    is_steady,
    urgency_of,
)
from workers.recognition.config import PipelineConfig
from workers.recognition.slots import CPU_SLOTS
from workers.recognition.stages.track import Followed
from workers.recognition.stages.track_history import Sample, Track, TrackHistory, TrackSpan
from workers.recognition.types import Decision, Frame, Verdict

CONFIG = PipelineConfig()
NOBODY = Verdict(Decision.NEW_VISITOR, None, 0.0, "")
WELL, BADLY = 0.6, 0.2


def track(faces: int, *, quality: float = WELL, looked_at: float = 0.0) -> Track:
    """One whose faces were all embedded, the last at `looked_at` seconds."""
    frame = Frame(index=0, at=0.0, picture=np.zeros((8, 8, 3), dtype=np.uint8))
    made = Track(1, TrackHistory(span=TrackSpan.starting(frame), max_samples=12, stranger=0.2, same=0.4))
    for number in range(faces):
        made.history.add(Sample(made_up(1), quality, number, 0.0, None), made.history.span)
    made.looked_at = looked_at
    return made


def pause(of: Track, best: float) -> float:
    """Seconds until the track is looked at again, within a minute."""
    return next(ms / 100 for ms in range(6_000) if urgency_of(of, best, ms / 100, CONFIG) is not None)


def test_the_first_faces_are_the_most_urgent() -> None:
    for faces in range(CONFIG.min_faces):
        assert urgency_of(track(faces), BADLY, 0.0, CONFIG) is Urgency.NEW
    assert urgency_of(track(CONFIG.min_faces), BADLY, 0.0, CONFIG) is None


def test_a_face_that_could_not_be_used_is_tried_again_at_once() -> None:
    blurred = track(5)
    blurred.usable = False
    assert urgency_of(blurred, BADLY, 0.0, CONFIG) is Urgency.NEW


def test_what_may_be_somebody_else_by_now_is_not_forgotten_until_it_was_looked_at() -> None:
    slid = track(20)
    slid.verdict, slid.needs_check = NOBODY, True
    assert urgency_of(slid, BADLY, 0.01, CONFIG) is None
    assert urgency_of(slid, BADLY, 0.2, CONFIG) is Urgency.NEEDS_CHECK


def test_a_jump_or_another_look_shakes_a_track() -> None:
    alike, other = made_up(1), made_up(2)
    one = Followed(track=1, face=face_at(50, 50), steady=True)
    seen = track(0)
    assert is_steady(seen, one, alike)
    assert is_steady(seen, one, alike)
    assert not is_steady(seen, one, other)
    assert not is_steady(seen, Followed(track=1, face=one.face, steady=False), other)


def test_a_decided_track_is_checked_ever_more_seldom() -> None:
    settled = track(8)
    settled.verdict = NOBODY
    assert pause(settled, WELL) == CONFIG.check_seconds
    settled.patience = 5.0
    assert pause(settled, WELL) == 5.0
    assert urgency_of(settled, WELL, 5.0, CONFIG) is Urgency.CHECK


def test_faces_that_decide_nothing_are_looked_at_ever_more_seldom() -> None:
    pauses = [pause(track(faces, quality=BADLY), BADLY) for faces in (4, 8, 9, 10, 30)]
    assert pauses == pytest.approx([0.5, 0.5, 1.0, 2.0, CONFIG.max_pause], abs=0.02)


def test_a_face_that_may_make_a_visitor_is_waited_for_less() -> None:
    few_good = track(12, quality=BADLY)
    assert pause(few_good, CONFIG.good_quality) < pause(few_good, BADLY) / 2


def test_a_clearly_better_face_is_looked_at_at_once() -> None:
    assert pause(track(12, quality=BADLY), BADLY + CONFIG.clearly_better + 0.01) == 0.0


def test_who_resembles_somebody_is_looked_at_on_every_frame() -> None:
    near = track(12)
    near.ambiguous = True
    assert urgency_of(near, BADLY, 0.0, CONFIG) is Urgency.OPEN


@dataclass
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


def share_of(budget: EmbeddingBudget, clock: Clock, urgency: Urgency, cost: float, seconds: float) -> float:
    """Of the time, what looks of `cost` seconds take where there is always another one to take."""
    spent, until = 0.0, clock.now + seconds
    while clock.now < until:
        if budget.permits(urgency):
            budget.spend(cost)
            spent += cost
        else:
            clock.now += 0.005
    return spent / seconds


def test_embedding_takes_no_more_than_its_share_of_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 4)
    clock = Clock()
    budget = EmbeddingBudget(0.25, clock=clock)
    assert share_of(budget, clock, Urgency.OPEN, cost=0.003, seconds=60.0) == pytest.approx(1.0, abs=0.05)


def test_where_cameras_wait_for_a_core_embedding_gives_way_but_not_altogether() -> None:
    clock, waiting = Clock(), [False]
    budget = EmbeddingBudget(0.25, scarce=lambda: waiting[0], clock=clock)
    plenty = share_of(budget, clock, Urgency.OPEN, cost=0.003, seconds=60.0)
    waiting[0] = True
    little = share_of(budget, clock, Urgency.OPEN, cost=0.003, seconds=60.0)
    assert little == pytest.approx(plenty * LEFT_WHERE_SCARCE, rel=0.1)
    waiting[0] = False
    again = share_of(budget, clock, Urgency.OPEN, cost=0.003, seconds=60.0)
    assert again == pytest.approx(plenty, rel=0.1)


def test_the_allowance_of_a_process_hears_that_its_cameras_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    before = EMBEDDING_BUDGET._scarce()
    monkeypatch.setattr(CPU_SLOTS, "_queue", deque(threading.Lock() for _ in range(CPU_SLOTS._most)))
    assert (before, EMBEDDING_BUDGET._scarce()) == (False, True)


def test_newcomers_may_overdraw_and_the_rest_waits() -> None:
    clock = Clock()
    budget = EmbeddingBudget(0.5, clock=clock)
    while budget.permits(Urgency.OPEN):
        budget.spend(0.003)
    assert not budget.permits(Urgency.CHECK)
    assert budget.permits(Urgency.NEEDS_CHECK)
    while budget.permits(Urgency.NEEDS_CHECK):
        budget.spend(0.003)
    assert budget.permits(Urgency.NEW)
    clock.now += 1.5
    assert budget.permits(Urgency.CHECK)


def test_a_long_rest_saves_up_no_more_than_a_burst(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    clock = Clock()
    budget = EmbeddingBudget(0.5, clock=clock)
    clock.now += 3600.0
    looks = 0
    while budget.permits(Urgency.OPEN):
        budget.spend(0.01)
        looks += 1
    assert looks == pytest.approx(BURST * 0.5 * 2 / 0.01, abs=2)
