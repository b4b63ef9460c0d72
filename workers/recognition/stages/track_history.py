"""The faces of one track so far, and whether they still belong to one person."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from enum import Enum

import cv2
import numpy as np

from workers.recognition.types import Candidate, Face, Floats, Frame, Shot, Verdict

MAX_SHOT = 512  # pixels


@dataclass(frozen=True, slots=True)
class Sample:
    """One embedded face of a track. `vote` is the staff member it resembles, if any.

    Kept samples lose their `shot`: a track may last for hours, and pictures take most of the memory.
    """

    embedding: Floats
    quality: float
    index: int
    at: float
    shot: Shot | None
    vote: Candidate | None = None


@dataclass(frozen=True, slots=True)
class TrackSpan:
    """When a track was first and last seen, and how often."""

    first_frame: int
    last_frame: int
    started_at: float
    last_seen_at: float
    faces: int = 1
    usable: int = 0

    @classmethod
    def starting(cls, frame: Frame) -> TrackSpan:
        return cls(frame.index, frame.index, frame.at, frame.at, faces=0)

    def extended(self, frame: Frame, *, usable: bool) -> TrackSpan:
        return TrackSpan(
            first_frame=self.first_frame,
            last_frame=frame.index,
            started_at=self.started_at,
            last_seen_at=frame.at,
            faces=self.faces + 1,
            usable=self.usable + usable,
        )


class Agreement(Enum):
    """How a new sample fits the earlier ones."""

    SAME = "same"
    DOUBTFUL = "doubtful"
    ANOTHER = "another"


@dataclass(slots=True)
class TrackHistory:
    """The faces of one track. Keeps the best `max_samples`, and those that may belong to another person.

    `stranger` is the similarity below which two faces disagree strongly, `same` the one from which two faces
    are certainly of one person. Two doubtful samples in a row that agree with each other are another person:
    one alone is a blurred or half hidden face.
    """

    span: TrackSpan
    max_samples: int
    stranger: float
    same: float
    samples: list[Sample] = field(default_factory=list)
    doubtful: list[Sample] = field(default_factory=list)
    embedded: int = 0
    first_usable_at: float | None = None
    last_sample: Sample | None = None
    best_shot: Shot | None = None
    refusals: Counter[str] = field(default_factory=Counter)
    last_box: Floats | None = None
    _before_doubt: TrackSpan | None = None
    _box_before: Floats | None = None
    _box_before_doubt: Floats | None = None

    def see(self, frame: Frame, *, usable: bool, box: Floats | None = None) -> None:
        """Counts a face of the track; without a `box` it has not moved."""
        self._box_before = self.last_box
        self.last_box = self.last_box if box is None else box
        self.span = self.span.extended(frame, usable=usable)
        if usable and self.first_usable_at is None:
            self.first_usable_at = frame.at

    def refuse(self, reason: str) -> None:
        """Remembers why a face was unusable; the part in brackets has its figures."""
        self.refusals[reason.partition(" (")[0]] += 1

    @property
    def refused_for(self) -> str:
        """The most frequent fault of the unusable faces; empty if all were usable."""
        return self.refusals.most_common(1)[0][0] if self.refusals else ""

    def add(self, sample: Sample, before: TrackSpan) -> Agreement:
        """Adds a sample. `before` is the span before this face was counted."""
        self.embedded += 1
        if self._resembles(sample):
            self.doubtful.clear()
            self._keep(sample)
            return Agreement.SAME
        if not self.doubtful:
            self._before_doubt, self._box_before_doubt = before, self._box_before
        self.doubtful.append(sample)
        if len(self.doubtful) < 2:
            return Agreement.DOUBTFUL
        if float(self.doubtful[-2].embedding @ sample.embedding) >= self.same:
            return Agreement.ANOTHER
        self.doubtful.pop(0)
        return Agreement.DOUBTFUL

    def split(self) -> TrackHistory:
        """Ends this track before the doubtful faces, which become the evidence of the returned track."""
        if self._before_doubt is None or not self.doubtful:
            raise ValueError("a track without doubtful faces cannot be split")
        whole, self.span = self.span, self._before_doubt
        box, self.last_box = self.last_box, self._box_before_doubt
        first = self.doubtful[0]
        rest = TrackHistory(
            span=TrackSpan(
                first_frame=first.index,
                last_frame=whole.last_frame,
                started_at=first.at,
                last_seen_at=whole.last_seen_at,
                faces=whole.faces - self.span.faces,
                usable=whole.usable - self.span.usable,
            ),
            max_samples=self.max_samples,
            stranger=self.stranger,
            same=self.same,
            first_usable_at=first.at,
            embedded=len(self.doubtful),
            last_box=box,
        )
        for sample in self.doubtful:
            rest._keep(sample)
        self.doubtful = []
        return rest

    def seconds(self) -> float:
        """From the first usable face to the last face."""
        return 0.0 if self.first_usable_at is None else self.span.last_seen_at - self.first_usable_at

    def good(self, min_quality: float) -> int:
        """The number of kept samples of at least that quality."""
        return sum(sample.quality >= min_quality for sample in self.samples)

    def share_of(self, identity: str) -> float:
        """The part of the votes, weighted by quality, that went to `identity`; 0.0 without votes."""
        total = sum(sample.quality for sample in self.samples)
        won = sum(s.quality for s in self.samples if s.vote is not None and s.vote.identity == identity)
        return won / total if total else 0.0

    def embeddings(self) -> Floats:
        """(N, 512) of the kept samples."""
        return np.stack([sample.embedding for sample in self.samples])

    def qualities(self) -> Floats:
        """(N,) of the kept samples."""
        return np.array([sample.quality for sample in self.samples], dtype=np.float32)

    def _resembles(self, sample: Sample) -> bool:
        """Near one of the kept faces or the last one: a head may turn a little from frame to frame."""
        known = [*self.samples, *([self.last_sample] if self.last_sample else [])]
        return not known or max(float(k.embedding @ sample.embedding) for k in known) >= self.stranger

    def _keep(self, sample: Sample) -> None:
        if sample.shot and (self.best_shot is None or sample.shot.quality > self.best_shot.quality):
            self.best_shot = sample.shot
        self.last_sample = replace(sample, shot=None)
        self.samples.append(self.last_sample)
        if len(self.samples) > self.max_samples:
            worst = min(range(len(self.samples)), key=lambda i: self.samples[i].quality)
            del self.samples[worst]


@dataclass(slots=True)
class Track:
    """A track under way: its evidence, its verdict once reported, and the tracks seen beside it.

    `usable` is whether its last face could be recognised, `looked_at` when it was last examined for that,
    `upright_at` when its face was last found to be upright, `upright_looks` how often in a row,
    `needs_check` whether it may have slid to another person since, `judged` the input of its last decision,
    `ambiguous` whether it then resembled a person, but not clearly enough: the next face may decide.
    """

    number: int
    history: TrackHistory
    co_visible: set[int] = field(default_factory=set)
    verdict: Verdict | None = None
    reports: int = 0
    ended: bool = False
    look: Floats | None = None
    usable: bool = True
    needs_check: bool = False
    looked_at: float = float("-inf")
    upright_at: float = float("-inf")
    upright_looks: int = 0
    patience: float = 0.0
    judged: int = 0
    ambiguous: bool = False


def crop_of(frame: Frame, face: Face, quality: float, margin: float) -> Shot:
    """The face with `margin` sides of its box around it as far as the frame goes, 512 pixels at most."""
    height, width = frame.picture.shape[:2]
    border = float(max(face.box[2:] - face.box[:2])) * margin
    left, top = (max(0, int(v - border)) for v in face.box[:2])
    right = min(width, int(face.box[2] + border) + 1)
    bottom = min(height, int(face.box[3] + border) + 1)
    corner = np.array([left, top, left, top], dtype=np.float32)
    cut = frame.picture[top:bottom, left:right]
    scale = min(1.0, MAX_SHOT / max(cut.shape[:2]))
    if scale < 1:
        size = (max(1, round(cut.shape[1] * scale)), max(1, round(cut.shape[0] * scale)))
        cut = np.asarray(cv2.resize(cut, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    return Shot(
        picture=cut.copy(),
        box=((face.box - corner) * scale).astype(np.float32),
        quality=quality,
        at=frame.at,
    )
