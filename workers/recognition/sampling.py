"""Which faces of a frame are embedded, and what each adds to the evidence of its track."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from workers.recognition.budget import EmbeddingBudget, Urgency, is_steady, urgency_of
from workers.recognition.config import PipelineConfig
from workers.recognition.orientation import QuarterTurn
from workers.recognition.stages.align import aligned, thumbnails
from workers.recognition.stages.detect import Letterbox, refined
from workers.recognition.stages.quality import assess, best_possible_quality
from workers.recognition.stages.track import Followed
from workers.recognition.stages.track_history import Sample, Track, TrackSpan, crop_of
from workers.recognition.stages.upright import HINTS, UNCLEAR, needed_turn
from workers.recognition.types import Counters, Face, Floats, Frame, Gallery, Picture, Quality

if TYPE_CHECKING:  # models are in a higher layer
    from workers.recognition.models.loading import FaceModels

SIDE = 16  # pixels of a thumbnail


@dataclass(frozen=True, slots=True)
class SelectedFace:
    """A usable face of a frame that has to be embedded. `before` is its track's span without it."""

    track: Track
    face: Face
    crop: Picture
    quality: float
    before: TrackSpan


class FaceSampler:
    """Selects and embeds the faces of one source."""

    def __init__(
        self,
        models: FaceModels,
        gallery: Gallery,
        config: PipelineConfig,
        counters: Counters,
        budget: EmbeddingBudget | None,
    ) -> None:
        """Without an `budget` faces are embedded whenever it is worth it."""
        self._models, self._gallery, self._limits = models, gallery, models.thresholds
        self._config, self._counters, self._budget = config, counters, budget
        self._thumbnail = (models.embedder.template * (SIDE / models.embedder.size)).astype(np.float32)

    def taken(
        self, frame: Frame, view: Letterbox, seen: Sequence[tuple[Track, Followed]]
    ) -> list[tuple[SelectedFace, Sample]]:
        """Counts the faces of the frame and embeds those that can still change a decision."""
        wanted = self._wanted(frame, view, seen)
        looks = self._usable(frame, view, sorted(wanted, key=lambda one: (one[0], one[1].number)))
        for track, one in seen:
            track.history.see(frame, usable=track.usable, box=one.face.box)
            self._counters.usable_faces += track.usable
        return self._embedded(frame, looks)

    def _wanted(
        self, frame: Frame, view: Letterbox, seen: Sequence[tuple[Track, Followed]]
    ) -> list[tuple[Urgency, Track, Face]]:
        expected = [self._outlook(one.face, frame) for _, one in seen]
        fair = [one.face for (_, one), hope in zip(seen, expected, strict=True) if not hope.reasons]
        thumbs = iter(self._thumbnails(view, fair))
        wanted = []
        for (track, one), hope in zip(seen, expected, strict=True):
            if hope.reasons:
                _refuse(track, hope.reasons)
                continue
            track.needs_check |= not is_steady(track, one, next(thumbs))
            urgency = urgency_of(track, hope.score, frame.at, self._config)
            if urgency is not None:
                wanted.append((urgency, track, one.face))
        return wanted

    def _usable(
        self, frame: Frame, view: Letterbox, wanted: Sequence[tuple[Urgency, Track, Face]]
    ) -> list[SelectedFace]:
        """The usable ones of these faces, as far as there is time for them."""
        looks = []
        for urgency, track, face in wanted:
            if self._budget is not None and not self._budget.permits(urgency):
                break  # the rest is less urgent
            look = self._look_at(track, face, frame, view)
            if look is not None:
                looks.append(look)
        return looks

    def _outlook(self, face: Face, frame: Frame) -> Quality:
        height, width = frame.picture.shape[:2]
        min_width, sure = self._config.camera.min_face, self._models.sure
        return best_possible_quality(face, (width, height), min_width=min_width, sure=sure)

    def _thumbnails(self, view: Letterbox, faces: Sequence[Face]) -> Floats:
        """(N, SIDE * SIDE), in the order of `faces`."""
        if not faces:
            return np.empty((0, SIDE * SIDE), dtype=np.float32)
        landmarks = np.stack([face.landmarks for face in faces]) * np.float32(view.scale)
        return thumbnails(view.picture, landmarks, self._thumbnail, SIDE)

    def _look_at(self, track: Track, face: Face, frame: Frame, view: Letterbox) -> SelectedFace | None:
        """Face, crop and quality of a face that is worth embedding; otherwise records why it is unusable."""
        track.looked_at = frame.at
        face = refined(self._models.detector, frame.picture, face, view.scale)
        embedder, (height, width) = self._models.embedder, frame.picture.shape[:2]
        crop = aligned(frame.picture, face.landmarks, embedder.template, embedder.size)
        min_width, sure = self._config.camera.min_face, self._models.sure
        quality = assess(face, crop, (width, height), min_width=min_width, sure=sure)
        reasons = quality.reasons or self._turned(track, face, frame)
        if reasons:
            _refuse(track, reasons)
            return None
        track.usable, track.needs_check = True, False
        return SelectedFace(track, face, crop, quality.score, track.history.span)

    def _turned(self, track: Track, face: Face, frame: Frame) -> tuple[str, ...]:
        """Why the face is not upright; empty if it is. Heads do not turn over between two frames."""
        known = track.upright_looks >= self._config.min_faces and not track.needs_check
        if known and 0 <= frame.at - track.upright_at < self._config.upright_seconds:
            return ()
        turn = needed_turn(self._models.detector, frame.picture, face)
        if turn is QuarterTurn.NONE:
            track.upright_at, track.upright_looks = frame.at, track.upright_looks + 1
            return ()
        track.upright_looks = 0
        self._counters.turned_faces += 1
        return (UNCLEAR if turn is None else f"it is not upright (turn the picture {HINTS[turn]})",)

    def _embedded(self, frame: Frame, looks: list[SelectedFace]) -> list[tuple[SelectedFace, Sample]]:
        """Embedding costs more than all else but detection: only faces that can still change a decision."""
        if not looks:
            return []
        self._counters.embedded_faces += len(looks)
        with nullcontext() if self._budget is None else self._budget.charged():
            embeddings = self._models.embedder.embed([look.crop for look in looks])
        return [
            (look, self._sample(frame, look, embedding))
            for look, embedding in zip(looks, embeddings, strict=True)
        ]

    def _sample(self, frame: Frame, look: SelectedFace, embedding: Floats) -> Sample:
        nearest = self._gallery.staff(embedding)[:1]
        best = look.track.history.best_shot
        better = best is None or look.quality > best.quality
        return Sample(
            embedding=embedding,
            quality=look.quality,
            index=frame.index,
            at=frame.at,
            shot=crop_of(frame, look.face, look.quality, self._config.shot_margin) if better else None,
            vote=nearest[0] if nearest and nearest[0].score >= self._limits.review else None,
        )


def _refuse(track: Track, reasons: tuple[str, ...]) -> None:
    track.usable = False
    track.history.refuse(reasons[0])
