"""The decision on a track. Pure rules on numbers; never a forced match."""

from __future__ import annotations

from dataclasses import dataclass

from workers.recognition.config import PipelineConfig, Thresholds
from workers.recognition.types import Candidate, Decision, Verdict


@dataclass(frozen=True, slots=True)
class MatchSummary:
    """What is known of a track when it is judged.

    usable, good  faces that could be embedded, and those of good quality
    seconds       from the first usable face to the last
    staff         staff nearest to the track's template, best first
    share         part of the votes, weighted by quality, that `staff[0]` won face by face, 0..1
    visitors      visitors nearest to the template, best first
    refused       the most frequent fault of the unusable faces
    """

    usable: int
    good: int
    seconds: float
    staff: tuple[Candidate, ...] = ()
    share: float = 0.0
    visitors: tuple[Candidate, ...] = ()
    refused: str = ""


def decide(summary: MatchSummary, limits: Thresholds, config: PipelineConfig) -> Verdict:
    """The verdict that the evidence allows now. Staff come first, then known visitors, then strangers."""
    if summary.usable < config.min_faces:
        seen = f"{summary.usable} usable faces, {config.min_faces} needed{_mostly(summary)}"
        return Verdict(Decision.REJECTED, None, 0.0, f"not seen well enough: {seen}")
    staff, visitor = _score(summary.staff), _score(summary.visitors)
    if staff >= limits.match:
        return _staff(summary, limits, config)
    if visitor >= limits.match:
        return _visitor(summary, limits)
    if max(staff, visitor) >= limits.review:
        nearest = summary.staff[0] if staff >= visitor else summary.visitors[0]
        return _unsure(nearest, "resembles a known person, but not clearly enough")
    return _stranger(summary, max(staff, visitor, 0.0), config)


def is_settled(verdict: Verdict, summary: MatchSummary, config: PipelineConfig) -> bool:
    """Whether a living track may be reported: staff at once, visitors when no better face is expected.

    Tracks that are unsure or rejected wait for their end: the next face may settle them.
    """
    if verdict.decision is Decision.STAFF:
        return True
    if verdict.decision in (Decision.VISITOR, Decision.NEW_VISITOR):
        return is_ripe(summary.usable, summary.seconds, config)
    return False


def is_ripe(usable: int, seconds: float, config: PipelineConfig) -> bool:
    """Whether a living track has been seen long enough to be called anything but staff."""
    return usable >= config.settle_faces and seconds >= config.settle_seconds


def lost_to(verdict: Verdict, rival: int) -> Verdict:
    """The verdict of the weaker of two tracks seen together that both claim one person."""
    reason = f"the same person is seen better at the same time (track {rival})"
    return Verdict(Decision.UNSURE, None, verdict.score, reason)


def _staff(summary: MatchSummary, limits: Thresholds, config: PipelineConfig) -> Verdict:
    best = summary.staff[0]
    if best.score - _score(summary.staff[1:]) < limits.margin:
        return _unsure(best, "two staff members resemble this face almost equally")
    if summary.share < config.min_share:
        return _unsure(best, f"only {summary.share:.0%} of the frames agree on the best match")
    agreed = "all" if summary.share == 1 else f"{summary.share:.0%} of the"
    return Verdict(Decision.STAFF, best.identity, best.score, f"{agreed} frames agree")


def _visitor(summary: MatchSummary, limits: Thresholds) -> Verdict:
    best = summary.visitors[0]
    staff = _score(summary.staff)
    if staff >= limits.review and best.score - staff < limits.margin:
        return _unsure(best, "a staff member resembles this face almost as much as a known visitor")
    if best.score - _score(summary.visitors[1:]) < limits.margin:
        return _unsure(best, "two known visitors resemble this face almost equally")
    return Verdict(Decision.VISITOR, best.identity, best.score, "seen before")


def _stranger(summary: MatchSummary, score: float, config: PipelineConfig) -> Verdict:
    if summary.good < config.new_faces:
        seen = f"{summary.good} good faces, {config.new_faces} needed{_mostly(summary)}"
        return Verdict(
            Decision.REJECTED, None, score, f"no known person, not seen well enough to remember: {seen}"
        )
    return Verdict(Decision.NEW_VISITOR, None, score, "resembles no known person")


def _unsure(nearest: Candidate, reason: str) -> Verdict:
    return Verdict(Decision.UNSURE, None, nearest.score, f"{reason} ({nearest.score:.2f})")


def _mostly(summary: MatchSummary) -> str:
    return f" (mostly: {summary.refused})" if summary.refused else ""


def _score(candidates: tuple[Candidate, ...]) -> float:
    return candidates[0].score if candidates else -1.0
