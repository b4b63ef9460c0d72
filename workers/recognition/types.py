"""The values that the stages of the recognition pipeline exchange: frozen, slotted, free of I/O.

Conventions, everywhere below:
  picture   uint8 array (H, W, 3), channels in BGR order (OpenCV's)
  box       float32 (4,): x1, y1, x2, y2 in pixels of the frame, origin top left
  landmarks float32 (5, 2): left eye, right eye, nose tip, left and right mouth corner as the
            viewer sees them, x then y in pixels of the frame (the order of RetinaFace and ArcFace)
  embedding float32 (512,), L2-normalised, so that a dot product is the cosine similarity
  at        float, seconds; POSIX time for a live source, position in the clip for a replay
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
Floats = NDArray[np.float32]


class Decision(StrEnum):
    """The result of a track."""

    STAFF = "staff"
    VISITOR = "visitor"
    NEW_VISITOR = "new_visitor"
    UNSURE = "unsure"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Face:
    """One detection in one frame. `score` is the detector's confidence, 0..1."""

    box: Floats
    landmarks: Floats
    score: float


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture of a source. `index` counts frames of the source from 0, analysed or not.

    The other fields are computed ahead, while the previous frame is analysed: `small` is the picture as the
    detector wants it, `cells` is what the motion gate compares, `found` are the faces. A pipeline computes
    what is missing.
    """

    index: int
    at: float
    picture: Picture
    small: Picture | None = None
    cells: Floats | None = None
    found: tuple[Face, ...] | None = None


@dataclass(frozen=True, slots=True)
class Quality:
    """How well a face can be recognised: `score` 0..1 and, if it is refused, why."""

    score: float
    reasons: tuple[str, ...] = ()

    @property
    def acceptable(self) -> bool:
        return not self.reasons


@dataclass(frozen=True, slots=True)
class Candidate:
    """A known person whose template is near a query. `score` is the cosine similarity."""

    identity: str
    score: float


@dataclass(frozen=True, slots=True)
class Shot:
    """The best picture of a track: a JPEG-ready crop around the face, with some margin.

    `box` is in pixels of this `picture`, not of the frame.
    """

    picture: Picture
    box: Floats
    quality: float
    at: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of a track's votes. `identity` is None unless a known person was found.

    `score` is the similarity to `identity` or, without one, to the nearest known person
    (0.0 if no person is known). `reason` says in plain words why, for reviewers.
    """

    decision: Decision
    identity: str | None
    score: float
    reason: str


@dataclass(frozen=True, slots=True)
class TrackReport:
    """The pipeline's report of a track: once when it is decided, once more when it has ended.

    `template` is None for a rejected track. `sequence` is 0 for the first report of a track
    and grows by one with each further one, so that a replayed report can be told from a new one.
    """

    track: int
    sequence: int
    ended: bool
    verdict: Verdict
    first_frame: int
    last_frame: int
    started_at: float
    last_seen_at: float
    faces: int
    usable_faces: int
    template: Floats | None
    shot: Shot | None
    last_box: Floats | None = None
    """Where the face was at `last_frame`, in pixels of the frame."""


@dataclass(slots=True)
class Counters:
    """Counters of a pipeline since it was made. `still_frames` were not analysed: nothing had moved."""

    frames: int = 0
    still_frames: int = 0
    faces: int = 0
    usable_faces: int = 0
    embedded_faces: int = 0
    tracks: int = 0
    splits: int = 0
    scene_changes: int = 0
    turned_faces: int = 0
    decisions: dict[Decision, int] = field(default_factory=lambda: dict.fromkeys(Decision, 0))


class Gallery(Protocol):
    """The known people of one tenant, as the pipeline sees them."""

    def staff(self, template: Floats) -> list[Candidate]:
        """The nearest staff members, best first, exact; at most 5."""

    def visitors(self, template: Floats) -> list[Candidate]:
        """The nearest visitors, best first; at most 5."""


class Detector(Protocol):
    """Finds faces."""

    upright_only: bool
    """Whether it finds no face that is turned by 90 degrees or more."""

    def detect(self, picture: Picture) -> list[Face]:
        """Faces in the picture, best score first."""


class Embedder(Protocol):
    """Turns aligned faces into embeddings."""

    pack: str
    size: int
    template: Floats
    """(5, 2): where the five landmarks lie in an aligned `size` x `size` crop."""

    def embed(self, crops: list[Picture]) -> Floats:
        """(N, 512), L2-normalised, for N aligned BGR crops of `size` x `size`."""
