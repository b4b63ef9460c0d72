from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.recognition.config import PipelineConfig, Thresholds
from workers.recognition.stages.decide import MatchSummary, decide, is_settled, lost_to
from workers.recognition.types import Candidate, Decision, Verdict

LIMITS = Thresholds(match=0.40, review=0.30, margin=0.05)
CONFIG = PipelineConfig()
SEEN = MatchSummary(usable=12, good=10, seconds=3.0, share=1.0)


def people(**scores: float) -> tuple[Candidate, ...]:
    ranked = sorted(scores.items(), key=lambda item: -item[1])
    return tuple(Candidate(identity, score) for identity, score in ranked)


def verdict(summary: MatchSummary) -> Verdict:
    return decide(summary, LIMITS, CONFIG)


def test_clear_staff_are_staff() -> None:
    found = verdict(replace(SEEN, staff=people(ann=0.62, bob=0.2)))
    assert (found.decision, found.identity, found.score) == (Decision.STAFF, "ann", 0.62)


def test_staff_come_before_visitors() -> None:
    found = verdict(replace(SEEN, staff=people(ann=0.5), visitors=people(visitor=0.9)))
    assert found.decision is Decision.STAFF


def test_a_known_visitor_is_that_visitor() -> None:
    found = verdict(replace(SEEN, staff=people(ann=0.1), visitors=people(seven=0.7, nine=0.2)))
    assert (found.decision, found.identity) == (Decision.VISITOR, "seven")


def test_who_resembles_nobody_is_new() -> None:
    found = verdict(replace(SEEN, staff=people(ann=0.29), visitors=people(seven=0.1)))
    assert (found.decision, found.identity) == (Decision.NEW_VISITOR, None)
    assert found.score == 0.29


@pytest.mark.parametrize(
    "summary",
    [
        replace(SEEN, staff=people(ann=0.39)),
        replace(SEEN, visitors=people(seven=0.31)),
        replace(SEEN, staff=people(ann=0.55, bob=0.52)),
        replace(SEEN, visitors=people(seven=0.55, nine=0.52)),
        replace(SEEN, staff=people(ann=0.55), share=0.4),
        replace(SEEN, staff=people(ann=0.38), visitors=people(seven=0.42)),
    ],
    ids=["near staff", "near visitor", "two staff", "two visitors", "few votes", "staff or visitor"],
)
def test_what_is_not_clear_is_unsure_and_names_nobody(summary: MatchSummary) -> None:
    found = verdict(summary)
    assert (found.decision, found.identity) == (Decision.UNSURE, None)
    assert found.reason


def test_too_few_faces_are_never_a_person() -> None:
    found = verdict(replace(SEEN, usable=2, staff=people(ann=0.9)))
    assert found.decision is Decision.REJECTED


def test_a_stranger_who_was_never_seen_well_is_not_remembered() -> None:
    assert verdict(replace(SEEN, good=1)).decision is Decision.REJECTED


def test_staff_settle_early_strangers_late_and_doubts_never() -> None:
    early = replace(SEEN, usable=3, good=3, seconds=0.2)

    def settled(summary: MatchSummary) -> bool:
        return is_settled(verdict(summary), summary, CONFIG)

    assert settled(replace(early, staff=people(ann=0.6)))
    assert not settled(replace(early, visitors=people(seven=0.6)))
    assert not settled(replace(early, good=9))
    assert settled(replace(SEEN, visitors=people(seven=0.6)))
    assert settled(SEEN)
    assert not settled(replace(SEEN, staff=people(ann=0.35)))
    assert not settled(replace(SEEN, good=0))


def test_the_weaker_of_two_claims_is_left_unsure() -> None:
    lost = lost_to(Verdict(Decision.STAFF, "ann", 0.5, ""), rival=4)
    assert (lost.decision, lost.identity) == (Decision.UNSURE, None)
    assert "track 4" in lost.reason


scores = st.dictionaries(st.sampled_from("abcdef"), st.floats(-1, 1), max_size=5)


@given(staff=scores, visitors=scores, usable=st.integers(0, 30), share=st.floats(0, 1))
def test_nobody_is_ever_named_below_link_or_without_the_margin(
    staff: dict[str, float], visitors: dict[str, float], usable: int, share: float
) -> None:
    summary = MatchSummary(usable, usable, 5.0, people(**staff), share, people(**visitors))
    found = verdict(summary)
    if found.identity is None:
        return
    ranked = summary.staff if found.decision is Decision.STAFF else summary.visitors
    assert ranked[0].identity == found.identity
    assert ranked[0].score >= LIMITS.match
    assert len(ranked) < 2 or ranked[0].score - ranked[1].score >= LIMITS.margin
    assert usable >= CONFIG.min_faces


@pytest.mark.parametrize("wrong", [{"match": 0.2}, {"review": 0.5}, {"margin": -0.1}, {"match": 1.0}])
def test_thresholds_that_contradict_each_other_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"thresholds|margin"):
        Thresholds(**({"match": 0.4, "review": 0.3, "margin": 0.05} | wrong))
