"""What joins sightings to visits and templates to a person. Pure: `now` and every value are passed in."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import NAMESPACE_OID, UUID, uuid5

import numpy as np
from numpy.typing import NDArray

TEMPLATE_WEIGHT_LIMIT = 10.0
"""A visitor's template keeps following how they look: older sightings weigh at most this much."""


@dataclass(frozen=True, slots=True)
class TrackFacts:
    """What a worker says of one track; `decision` is a value of `visits.models.Decision`.

    `person` is the staff member or visitor that it was matched to. `template` is float32 (512,),
    L2-normalised, made with the model pack `pack`; None for a track that is not to be remembered.
    `shot` is the best picture as JPEG.
    """

    camera: UUID
    epoch: int
    track: int
    sequence: int
    ended: bool
    decision: str
    person: UUID | None
    score: float
    reason: str
    started_at: datetime
    last_seen_at: datetime
    faces: int
    quality: float
    pack: str
    template: NDArray[np.float32] | None
    shot: bytes | None

    @property
    def sighting_id(self) -> UUID:
        """UUIDv5 of camera, epoch and track: a report that comes twice finds the row of the first."""
        return uuid5(NAMESPACE_OID, f"{self.camera}/{self.epoch}/{self.track}")


def joins(last_seen_at: datetime, started_at: datetime, reentry_seconds: int) -> bool:
    """Whether a sighting that begins at `started_at` still belongs to a visit last seen at `last_seen_at`."""
    return started_at - last_seen_at <= timedelta(seconds=reentry_seconds)


def is_over(last_seen_at: datetime, now: datetime, reentry_seconds: int) -> bool:
    """Whether a visit can be closed: nobody can join it any more."""
    return not joins(last_seen_at, now, reentry_seconds)


def merge_templates(
    known: NDArray[np.float32], weight: float, seen: NDArray[np.float32], seen_weight: float
) -> tuple[NDArray[np.float32], float]:
    """The weighted mean of two templates (512,), L2-normalised again, and its weight."""
    weight = min(weight, TEMPLATE_WEIGHT_LIMIT)
    mean = known * weight + seen * seen_weight
    return (mean / np.linalg.norm(mean)).astype(np.float32), weight + seen_weight
