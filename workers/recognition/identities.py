"""Which identity each track of a source has. One identity per frame; a decision can be withdrawn."""

from __future__ import annotations

from collections.abc import Iterable

from workers.recognition.config import PipelineConfig, Thresholds
from workers.recognition.stages.decide import MatchSummary, decide, is_ripe, is_settled, lost_to
from workers.recognition.stages.embed import template_of
from workers.recognition.stages.track_history import Track, TrackHistory, TrackSpan
from workers.recognition.types import (
    Candidate,
    Counters,
    Decision,
    Floats,
    Frame,
    Gallery,
    TrackReport,
    Verdict,
)

NAMED = (Decision.STAFF, Decision.VISITOR, Decision.NEW_VISITOR)
MAX_PAST = 50  # ended tracks whose identity may still be contested


class IdentityAssigner:
    """The tracks of one source with their verdicts: living ones, and ended ones seen beside them."""

    def __init__(
        self, gallery: Gallery, limits: Thresholds, config: PipelineConfig, counters: Counters
    ) -> None:
        self.living: dict[int, Track] = {}
        """The tracks that have not ended, by number."""
        self._past: dict[int, Track] = {}
        self._gallery, self._limits = gallery, limits
        self._config, self._counters = config, counters

    def begin(self, number: int, frame: Frame) -> Track:
        """A new track, first seen in this frame."""
        self._counters.tracks += 1
        history = TrackHistory(
            span=TrackSpan.starting(frame),
            max_samples=self._config.samples,
            stranger=self._limits.review - self._limits.margin,
            same=self._limits.match,
        )
        self.living[number] = Track(number, history)
        return self.living[number]

    def settled(self, numbers: Iterable[int]) -> list[TrackReport]:
        """Reports of those of these tracks that can be decided now."""
        tracks = [self.living[number] for number in sorted(set(numbers) & set(self.living))]
        undecided = [track for track in tracks if track.verdict is None and track.history.samples]
        return [report for track in undecided for report in self._settle(track)]

    def _settle(self, track: Track) -> list[TrackReport]:
        """Reports a track once the evidence suffices; decides again only when there is more evidence."""
        history = track.history
        ripe = is_ripe(history.span.usable, history.seconds(), self._config)
        if track.judged == history.embedded * 2 + ripe:
            return []
        track.judged = history.embedded * 2 + ripe
        summary = self._summary(track, everybody=ripe)
        verdict = decide(summary, self._limits, self._config)
        track.ambiguous = verdict.decision is Decision.UNSURE
        if not is_settled(verdict, summary, self._config):
            return []
        return self._claim(track, verdict)

    def end(self, numbers: Iterable[int]) -> list[TrackReport]:
        """The last reports of tracks that are over."""
        reports: list[TrackReport] = []
        for number in numbers:
            track = self.living.pop(number, None)
            if track is None:
                continue
            track.ended = True
            self._past[number] = track
            reports += self._claim(track, self._last_verdict(track))
        self._forget()
        return reports

    def _last_verdict(self, track: Track) -> Verdict:
        """A settled verdict stands; its score is that of all the faces seen.

        A new visitor keeps the score of the first verdict, because the index knows them by now.
        """
        if track.verdict is not None and track.verdict.decision is Decision.NEW_VISITOR:
            return track.verdict
        final = decide(self._summary(track, everybody=True), self._limits, self._config)
        settled = track.verdict
        if settled is None or (final.decision, final.identity) == (settled.decision, settled.identity):
            return final
        return settled

    def _claim(self, track: Track, verdict: Verdict) -> list[TrackReport]:
        """Reports a verdict. One identity per frame: of two tracks seen together, the weaker is unsure."""
        rival = self._rival(track, verdict)
        if rival is None or rival.verdict is None:
            return [self._report(track, verdict)]
        if rival.verdict.decision is Decision.NEW_VISITOR or rival.verdict.score >= verdict.score:
            # A living track may still prove to be another person.
            return [self._report(track, lost_to(verdict, rival.number))] if track.ended else []
        return [self._report(rival, lost_to(rival.verdict, track.number)), self._report(track, verdict)]

    def _rival(self, track: Track, verdict: Verdict) -> Track | None:
        """A track seen in the same frame as this one that has the same identity."""
        if verdict.identity is None:
            return None
        for number in sorted(track.co_visible):
            other = self.living.get(number) or self._past.get(number)
            if other is not None and self._identity(other, verdict.decision) == verdict.identity:
                return other
        return None

    def _identity(self, track: Track, decision: Decision) -> str | None:
        """The identity of a track among the staff or the visitors, as `decision` asks."""
        settled = track.verdict
        if settled is not None and settled.decision is Decision.NEW_VISITOR and decision is Decision.VISITOR:
            nearest = self._gallery.visitors(self._template(track))[:1]
            return nearest[0].identity if nearest and nearest[0].score >= self._limits.match else None
        return settled.identity if settled is not None and settled.decision is decision else None

    def _report(self, track: Track, verdict: Verdict) -> TrackReport:
        history, span, sequence = track.history, track.history.span, track.reports
        track.verdict, track.reports = verdict, track.reports + 1
        if track.ended:
            self._counters.decisions[verdict.decision] += 1
        rejected = verdict.decision is Decision.REJECTED
        return TrackReport(
            track=track.number,
            sequence=sequence,
            ended=track.ended,
            verdict=verdict,
            first_frame=span.first_frame,
            last_frame=span.last_frame,
            started_at=span.started_at,
            last_seen_at=span.last_seen_at,
            faces=span.faces,
            usable_faces=span.usable,
            template=None if rejected else self._template(track),
            shot=history.best_shot,
            last_box=history.last_box,
        )

    def _summary(self, track: Track, *, everybody: bool) -> MatchSummary:
        """What is known of a track; without `everybody` the visitors' index is not searched."""
        history = track.history
        if not history.samples:
            return MatchSummary(usable=0, good=0, seconds=0.0, refused=history.refused_for)
        template = self._template(track)
        staff = tuple(self._gallery.staff(template))
        return MatchSummary(
            usable=history.span.usable,
            good=history.good(self._config.good_quality),
            seconds=history.seconds(),
            staff=staff,
            share=history.share_of(staff[0].identity) if staff else 0.0,
            visitors=self._visitors(staff, template) if everybody else (),
            refused=history.refused_for,
        )

    def _visitors(self, staff: tuple[Candidate, ...], template: Floats) -> tuple[Candidate, ...]:
        """A clear match with a staff member needs no search of the visitors' index, which may be remote."""
        if staff and staff[0].score >= self._limits.match:
            return ()
        return tuple(self._gallery.visitors(template))

    def _template(self, track: Track) -> Floats:
        return template_of(track.history.embeddings(), track.history.qualities())

    def _forget(self) -> None:
        """Keeps the newest ended tracks that were named and seen beside a living one; drops the others.

        A picture on the wall is a track that may live for weeks, beside every person who passes.
        """
        needed = {number for track in self.living.values() for number in track.co_visible}
        named = [
            n for n, t in self._past.items() if n in needed and t.verdict and t.verdict.decision in NAMED
        ]
        self._past = {number: self._past[number] for number in sorted(named)[-MAX_PAST:]}
        for track in self.living.values():
            track.co_visible &= self.living.keys() | self._past.keys()
