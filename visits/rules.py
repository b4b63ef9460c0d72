"""What joins sightings to visits and templates to a person. Pure: `now` and every value are passed in."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import NAMESPACE_OID, UUID, uuid5

import numpy as np
from numpy.typing import NDArray

CLOCK_DIFFERENCE = timedelta(minutes=5)
"""How far a worker's clock may be ahead of the server's before it is put right."""

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


@dataclass(frozen=True, slots=True)
class Span:
    """From when to when somebody was seen."""

    started_at: datetime
    last_seen_at: datetime

    def belongs_to(self, stay: "Span", reentry_seconds: int) -> bool:
        """Whether a sighting is part of a stay: neither begins later than the window after the other ends.

        A report that comes late may be of long before the stay, and then is a stay of its own.
        """
        window = timedelta(seconds=reentry_seconds)
        return self.started_at - stay.last_seen_at <= window and stay.started_at - self.last_seen_at <= window

    def and_also(self, other: "Span") -> "Span":
        """From the first to the last of both."""
        return Span(min(self.started_at, other.started_at), max(self.last_seen_at, other.last_seen_at))


def put_right(seen: Span, now: datetime) -> Span:
    """A span that no clock contradicts: a worker's clock may be ahead of ours, or step back under a track.

    What lies in the future is seen now; a stay that ended tomorrow could not be closed before.
    """
    last = min(seen.last_seen_at, now + CLOCK_DIFFERENCE)
    started = min(seen.started_at, now + CLOCK_DIFFERENCE)
    return Span(min(started, last), max(started, last))


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
