"""Pipeline: the frames of one source in, what became of each track out. No I/O, no Django, no clock."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from workers.attention import Allowance, Urgency, is_steady, urgency_of
from workers.config import PipelineConfig
from workers.stages.align import aligned, thumbnails
from workers.stages.decide import Standing, is_ripe, is_settled, judge, outdone
from workers.stages.detect import Letterbox, find_faces, refined, view_of, with_small
from workers.stages.embed import template_of
from workers.stages.evidence import Agreement, Evidence, Sample, Span, Track, crop_of
from workers.stages.motion import Scene, cells_of
from workers.stages.quality import assess, outlook
from workers.stages.track import Followed, Tracker
from workers.stages.zones import watched
from workers.types import (
    Candidate,
    Counters,
    Decision,
    Face,
    Floats,
    Frame,
    Gallery,
    Picture,
    Quality,
    TrackReport,
    Verdict,
)

if TYPE_CHECKING:  # engines live on the same floor
    from workers.engines import Engines

LOOK = 16
NAMED = (Decision.STAFF, Decision.VISITOR, Decision.NEW_VISITOR)
MOST_PAST = 50  # ended tracks whose claim may still be contested


@dataclass(frozen=True, slots=True)
class _Look:
    """A usable face of this frame that has to be embedded."""

    track: Track
    face: Face
    crop: Picture
    quality: float
    before: Span


class Pipeline:
    """Recognition on one source. One thread at a time; engines and gallery may be shared."""

    def __init__(
        self,
        engines: Engines,
        gallery: Gallery,
        config: PipelineConfig | None = None,
        allowance: Allowance | None = None,
    ) -> None:
        """Without an `allowance` faces are embedded whenever it is worth it: in clips time does not press."""
        self.counters = Counters()
        self.resting = False
        """Whether the last frame was not analysed; the next may not have to be shrunk for the detector."""
        self.faces: list[Face] = []
        """The faces that were seen last, for whoever shows them."""
        self._engines = engines
        self._gallery = gallery
        self._allowance = allowance
        self._config = config or PipelineConfig()
        self._limits = engines.thresholds
        self._side = min(self._config.camera.analysed_side, engines.longest_side)
        self._scene = Scene()
        # At few frames a second one missed frame must not end a track.
        self._tracker = Tracker(max(self._config.longest_gap, 2.5 / self._config.camera.fps))
        self._living: dict[int, Track] = {}
        self._past: dict[int, Track] = {}
        self._thumbnail = (engines.embedder.template * (LOOK / engines.embedder.size)).astype(np.float32)

    def process(self, frame: Frame) -> list[TrackReport]:
        """What this frame settled or ended.

        New visitors must be in the gallery before the next call. Whoever records two new visitors of one
        list, or of two cameras, asks the gallery once more before the second: both may be one person.
        """
        self.counters.frames += 1
        reports: list[TrackReport] = []
        glance = self._scene.look(frame.picture, frame.at, frame.cells)
        if glance.cut:
            self.counters.scene_changes += 1
            reports += self._end(self._tracker.end_all())
        self.resting = glance.still and not self._curious()
        if self.resting:
            return self._rest(frame)
        view = view_of(frame, self._side)
        camera, (height, width) = self._config.camera, frame.picture.shape[:2]
        found = find_faces(self._engines.detector, view) if frame.found is None else frame.found
        faces = [face for face in found if watched(face, (width, height), camera.zones, camera.masks)]
        self._scene.analysed(frame.at)
        self.faces = faces
        self.counters.faces += len(faces)
        step = self._tracker.update(faces, frame.at)
        reports += self._end(step.ended)
        for look, sample in self._embedded(frame, self._looks(frame, view, step.followed)):
            reports += self._weigh(look, sample)
        return reports + self._settled(one.track for one in step.followed)

    def prepared(self, frame: Frame) -> Frame:
        """The frame with what can be worked out while the one before is analysed; for the reading thread."""
        frame = replace(frame, cells=cells_of(frame.picture))
        return frame if self.resting else with_small(frame, self._side)

    def detected(self, frame: Frame) -> Frame:
        """A prepared frame with its faces; for another thread. Left alone while nothing moves."""
        if frame.small is None or self.resting:
            return frame
        return replace(frame, found=tuple(find_faces(self._engines.detector, view_of(frame, self._side))))

    def finish(self) -> list[TrackReport]:
        """The source is over: every track ends."""
        return self._end(self._tracker.end_all())

    def _curious(self) -> bool:
        """Whether another look at the same scene may still settle a track."""
        needed = self._config.settle_faces
        return any(
            t.verdict is None and t.usable and t.evidence.embedded < needed for t in self._living.values()
        )

    def _rest(self, frame: Frame) -> list[TrackReport]:
        """Nothing has moved: whoever was there is there, and nothing new is to be learned of them."""
        self.counters.still_frames += 1
        step = self._tracker.rest(frame.at)
        reports = self._end(step.ended)
        for number in step.resting:
            self._living[number].evidence.see(frame, usable=False)
        return reports + self._settled(step.resting)

    def _looks(self, frame: Frame, view: Letterbox, followed: Sequence[Followed]) -> list[_Look]:
        """Counts the faces of the frame and picks those to embed, the most urgent first."""
        together = {one.track for one in followed}
        seen = [self._outlook(one.face, frame) for one in followed]
        fair = [one.face for one, expected in zip(followed, seen, strict=True) if not expected.reasons]
        thumbs = iter(self._thumbnails(view, fair))
        wanted: list[tuple[Urgency, int, Face]] = []
        for one, expected in zip(followed, seen, strict=True):
            track = self._living.get(one.track) or self._begin(one.track, frame)
            track.beside |= together - {one.track}
            if expected.reasons:
                self._refuse(track, expected.reasons)
                continue
            track.shaken |= not is_steady(track, one, next(thumbs))
            urgency = urgency_of(track, expected.score, frame.at, self._config)
            if urgency is not None:
                wanted.append((urgency, one.track, one.face))
        looks = self._taken(frame, view, sorted(wanted, key=lambda one: one[:2]))
        for one in followed:
            track = self._living[one.track]
            track.evidence.see(frame, usable=track.usable, box=one.face.box)
            self.counters.usable_faces += track.usable
        return looks

    def _taken(
        self, frame: Frame, view: Letterbox, wanted: Sequence[tuple[Urgency, int, Face]]
    ) -> list[_Look]:
        """Those of the faces that prove usable, as far as there is time for them."""
        looks = []
        for urgency, number, face in wanted:
            if self._allowance is not None and not self._allowance.permits(urgency):
                break  # what follows is less urgent
            look = self._look_at(self._living[number], face, frame, view)
            if look is not None:
                looks.append(look)
        return looks

    def _outlook(self, face: Face, frame: Frame) -> Quality:
        height, width = frame.picture.shape[:2]
        least, sure = self._config.camera.min_face, self._engines.sure
        return outlook(face, (width, height), least_width=least, sure=sure)

    def _thumbnails(self, view: Letterbox, faces: Sequence[Face]) -> Floats:
        """(N, LOOK * LOOK), in the order of `faces`."""
        if not faces:
            return np.empty((0, LOOK * LOOK), dtype=np.float32)
        landmarks = np.stack([face.landmarks for face in faces]) * np.float32(view.scale)
        return thumbnails(view.picture, landmarks, self._thumbnail, LOOK)

    def _look_at(self, track: Track, face: Face, frame: Frame, view: Letterbox) -> _Look | None:
        """Face, crop and quality of a face that is worth embedding; remembers why it is of no use."""
        track.looked_at = frame.at
        face = refined(self._engines.detector, frame.picture, face, view.scale)
        embedder, (height, width) = self._engines.embedder, frame.picture.shape[:2]
        crop = aligned(frame.picture, face.landmarks, embedder.template, embedder.size)
        least, sure = self._config.camera.min_face, self._engines.sure
        quality = assess(face, crop, (width, height), least_width=least, sure=sure)
        if quality.reasons:
            self._refuse(track, quality.reasons)
            return None
        track.usable, track.shaken = True, False
        return _Look(track, face, crop, quality.score, track.evidence.span)

    def _refuse(self, track: Track, reasons: tuple[str, ...]) -> None:
        track.usable = False
        track.evidence.refuse(reasons[0])

    def _begin(self, number: int, frame: Frame) -> Track:
        self.counters.tracks += 1
        evidence = Evidence(
            span=Span.starting(frame),
            most=self._config.samples,
            stranger=self._limits.review - self._limits.margin,
            same=self._limits.link,
        )
        self._living[number] = Track(number, evidence)
        return self._living[number]

    def _embedded(self, frame: Frame, looks: list[_Look]) -> list[tuple[_Look, Sample]]:
        """Embedding costs more than all else but detection: only faces that can still change something."""
        if not looks:
            return []
        self.counters.embedded_faces += len(looks)
        with nullcontext() if self._allowance is None else self._allowance.charged():
            embeddings = self._engines.embedder.embed([look.crop for look in looks])
        return [
            (look, self._sample(frame, look, embedding))
            for look, embedding in zip(looks, embeddings, strict=True)
        ]

    def _sample(self, frame: Frame, look: _Look, embedding: Floats) -> Sample:
        nearest = self._gallery.staff(embedding)[:1]
        best = look.track.evidence.best_shot
        better = best is None or look.quality > best.quality
        return Sample(
            embedding=embedding,
            quality=look.quality,
            index=frame.index,
            at=frame.at,
            shot=crop_of(frame, look.face, look.quality, self._config.shot_margin) if better else None,
            vote=nearest[0] if nearest and nearest[0].score >= self._limits.review else None,
        )

    def _weigh(self, look: _Look, sample: Sample) -> list[TrackReport]:
        """Adds a face to its track; where that has slid to another person, they get a track of their own."""
        track = look.track
        agreement = track.evidence.add(sample, look.before)
        if agreement is Agreement.SAME and track.verdict is not None:
            track.patience = min(
                2 * max(track.patience, self._config.check_seconds), self._config.longest_check
            )
        if agreement is not Agreement.ANOTHER:
            return []
        self.counters.splits += 1
        self.counters.tracks += 1
        rest = track.evidence.split()
        number = self._tracker.split(track.number)
        self._living[number] = Track(
            number, rest, beside=track.beside - {number}, look=track.look, looked_at=track.looked_at
        )
        return self._end((track.number,))

    def _settled(self, numbers: Iterable[int]) -> list[TrackReport]:
        tracks = [self._living[number] for number in sorted(set(numbers) & set(self._living))]
        undecided = [track for track in tracks if track.verdict is None and track.evidence.samples]
        return [report for track in undecided for report in self._settle(track)]

    def _settle(self, track: Track) -> list[TrackReport]:
        """Reports a track once the evidence is enough; asked again only when there is more of it."""
        evidence = track.evidence
        ripe = is_ripe(evidence.span.usable, evidence.seconds(), self._config)
        if track.judged == evidence.embedded * 2 + ripe:
            return []
        track.judged = evidence.embedded * 2 + ripe
        standing = self._standing(track, everybody=ripe)
        verdict = judge(standing, self._limits, self._config)
        track.close = verdict.decision is Decision.UNSURE
        if not is_settled(verdict, standing, self._config):
            return []
        return self._claim(track, verdict)

    def _end(self, numbers: Iterable[int]) -> list[TrackReport]:
        reports: list[TrackReport] = []
        for number in numbers:
            track = self._living.pop(number, None)
            if track is None:
                continue
            track.ended = True
            self._past[number] = track
            reports += self._claim(track, self._last_verdict(track))
        self._forget()
        return reports

    def _last_verdict(self, track: Track) -> Verdict:
        """A settled verdict stands; its score is that of all the faces seen."""
        final = judge(self._standing(track, everybody=True), self._limits, self._config)
        settled = track.verdict
        if settled is None or (final.decision, final.identity) == (settled.decision, settled.identity):
            return final
        return settled

    def _claim(self, track: Track, verdict: Verdict) -> list[TrackReport]:
        """Reports a verdict. One identity a frame: of two tracks seen together the weaker is left unsure."""
        rival = self._rival(track, verdict)
        if rival is None or rival.verdict is None:
            return [self._report(track, verdict)]
        if rival.verdict.decision is Decision.NEW_VISITOR or rival.verdict.score >= verdict.score:
            # A living track may still prove to be somebody else.
            return [self._report(track, outdone(verdict, rival.number))] if track.ended else []
        return [self._report(rival, outdone(rival.verdict, track.number)), self._report(track, verdict)]

    def _rival(self, track: Track, verdict: Verdict) -> Track | None:
        """A track seen in the same frame as this one that has been given the same identity."""
        if verdict.identity is None:
            return None
        for number in sorted(track.beside):
            other = self._living.get(number) or self._past.get(number)
            if other is not None and self._identity(other, verdict.decision) == verdict.identity:
                return other
        return None

    def _identity(self, track: Track, decision: Decision) -> str | None:
        """Who a track is among the staff or the visitors, as `decision` asks."""
        settled = track.verdict
        if settled is not None and settled.decision is Decision.NEW_VISITOR and decision is Decision.VISITOR:
            nearest = self._gallery.visitors(self._template(track))[:1]
            return nearest[0].identity if nearest and nearest[0].score >= self._limits.link else None
        return settled.identity if settled is not None and settled.decision is decision else None

    def _report(self, track: Track, verdict: Verdict) -> TrackReport:
        evidence, span, sequence = track.evidence, track.evidence.span, track.reports
        track.verdict, track.reports = verdict, track.reports + 1
        if track.ended:
            self.counters.decisions[verdict.decision] += 1
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
            shot=evidence.best_shot,
            last_box=evidence.last_box,
        )

    def _standing(self, track: Track, *, everybody: bool) -> Standing:
        """What is known of a track; without `everybody` the visitors, who may be far away, are not asked."""
        evidence = track.evidence
        if not evidence.samples:
            return Standing(usable=0, good=0, seconds=0.0, refused=evidence.refused_for)
        template = self._template(track)
        staff = tuple(self._gallery.staff(template))
        return Standing(
            usable=evidence.span.usable,
            good=evidence.good(self._config.good_quality),
            seconds=evidence.seconds(),
            staff=staff,
            share=evidence.share_of(staff[0].identity) if staff else 0.0,
            visitors=self._visitors(staff, template) if everybody else (),
            refused=evidence.refused_for,
        )

    def _visitors(self, staff: tuple[Candidate, ...], template: Floats) -> tuple[Candidate, ...]:
        """Nobody needs the visitors' index, which may be far away, for a clear staff member."""
        if staff and staff[0].score >= self._limits.link:
            return ()
        return tuple(self._gallery.visitors(template))

    def _template(self, track: Track) -> Floats:
        return template_of(track.evidence.embeddings(), track.evidence.qualities())

    def _forget(self) -> None:
        """Keeps of the ended tracks those that were named and seen beside a living one, the newest only.

        A picture on the wall is a track that may live for weeks beside everybody who passes.
        """
        needed = {number for track in self._living.values() for number in track.beside}
        named = [
            n for n, t in self._past.items() if n in needed and t.verdict and t.verdict.decision in NAMED
        ]
        self._past = {number: self._past[number] for number in sorted(named)[-MOST_PAST:]}
        for track in self._living.values():
            track.beside &= self._living.keys() | self._past.keys()
