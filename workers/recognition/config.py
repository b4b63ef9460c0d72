"""The parameters of recognition, with the reason for each. No I/O, no Django.

`Thresholds` belong to a model pack (the catalogue holds them); `PipelineConfig` belongs to a camera and is
the same for every pack.
"""

from __future__ import annotations

from dataclasses import dataclass

Polygon = tuple[tuple[float, float], ...]
"""Corners x, y in fractions of the picture, 0..1, origin top left; closed by itself."""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Cosine similarities of one model pack, calibrated on pictures of people who are not customers.

    match   at or above: the same person.
    review  at or above but below `match`: a human has to decide.
    margin  by how much the best candidate must beat the second best person.

    Raises ValueError when they contradict each other.
    """

    match: float
    review: float
    margin: float

    def __post_init__(self) -> None:
        if not -1.0 < self.review <= self.match < 1.0:
            raise ValueError(f"thresholds need -1 < review <= match < 1, not {self.review} and {self.match}")
        if not 0.0 <= self.margin < 1.0:
            raise ValueError(f"the margin must be between 0 and 1, not {self.margin}")


@dataclass(frozen=True, slots=True)
class CameraConfig:
    """The parameters of one camera.

    fps            analysed frames a second. 10 follows a walking person (0.15 m between frames) and leaves
                   room for several cameras on two cores; the remaining frames are grabbed, not converted.
    analysed_side  longest side, pixels, that the detector sees; larger frames are shrunk for it, smaller
                   ones never enlarged. YuNet finds faces from 11 pixels on: at 640 those of 32 pixels of a
                   1080p camera. 1280 finds them more reliably and costs four times as much.
    min_face       narrower faces (pixels of the frame) are tracked and counted, never recognised: below
                   32 pixels the aligned crop is enlarged 2.5 times or more and embeddings of strangers meet.
    zones, masks   faces whose centre lies outside all zones, or in a mask, are ignored.
    """

    fps: float = 10.0
    analysed_side: int = 640
    min_face: float = 32.0
    zones: tuple[Polygon, ...] = ()
    masks: tuple[Polygon, ...] = ()

    def __post_init__(self) -> None:
        if self.fps <= 0:
            raise ValueError(f"the analysed frames a second must be positive, not {self.fps}")
        if self.analysed_side < 64:
            raise ValueError(f"the analysed side must be 64 pixels or more, not {self.analysed_side}")
        if self.min_face < 16:
            raise ValueError(f"the smallest face must be 16 pixels or more, not {self.min_face}")
        if any(len(polygon) < 3 for polygon in (*self.zones, *self.masks)):
            raise ValueError("a zone or a mask needs three corners or more")


@dataclass(frozen=True, slots=True)
class PipelineConfig:
    """How a track is followed and judged; the same for every camera and every model pack.

    max_gap         seconds a face may be missed before its track ends: a hand before the face, a turned head.
    min_faces       usable faces needed for any decision: single frames are too often wrong.
    settle_faces    usable faces, and
    settle_seconds  seconds since the first of them, before a living track is called anything but staff:
                    a person who comes nearer must not become a stranger by their first, worst faces.
    new_faces       good faces that a new visitor needs: the record of a poorly seen stranger would never
                    match again and grow into duplicates.
    good_quality    quality from which a face counts as good (see `stages.quality`).
    min_share       share of the votes, weighted by quality, that the winner of a track needs.
    samples         best embeddings kept of a track; more change its template by less than 0.01.
    spread_seconds  between two embeddings of an undecided track, after the first few: faces of one moment
                    agree even if they are wrong, and each embedding costs more than tracking all faces.
    max_pause       seconds between two embeddings of a track that stays undecided after `settle_faces`.
    clearly_better  quality by which a face must beat all earlier ones to be embedded sooner.
    upright_seconds for which a face that was found upright `min_faces` times is taken to stay so, unless its
                    track may have slid to another person.
    check_seconds   after which a settled track is embedded again, to notice that it has slid to another
                    person; doubled each time that it has not, up to
    max_check       seconds.
    shot_margin     border of the best shot, in sides of the face box.
    """

    camera: CameraConfig = CameraConfig()
    max_gap: float = 1.0
    min_faces: int = 3
    settle_faces: int = 8
    settle_seconds: float = 2.0
    new_faces: int = 4
    good_quality: float = 0.35
    min_share: float = 0.5
    samples: int = 12
    spread_seconds: float = 0.25
    max_pause: float = 2.0
    clearly_better: float = 0.15
    upright_seconds: float = 4.0
    check_seconds: float = 1.0
    max_check: float = 8.0
    shot_margin: float = 0.6
