"""Rules that join sightings to visits and templates to a person. Pure: `now` and all values are passed in."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

CLOCK_DIFFERENCE = timedelta(minutes=5)
"""How far a worker's clock may be ahead of the server's before its times are corrected."""

TEMPLATE_WEIGHT_LIMIT = 10.0
"""Maximum weight of older sightings, so that a visitor's template follows their appearance."""


@dataclass(frozen=True, slots=True)
class TimeSpan:
    """The first and last time a person was seen."""

    started_at: datetime
    last_seen_at: datetime

    def and_also(self, other: "TimeSpan") -> "TimeSpan":
        """The span that covers both."""
        return TimeSpan(min(self.started_at, other.started_at), max(self.last_seen_at, other.last_seen_at))


def put_right(seen: TimeSpan, now: datetime) -> TimeSpan:
    """A span corrected for clock errors: a worker's clock may be ahead of ours, or go back during a track.

    Times in the future become now; a stay that ended in the future could not be closed before then.
    """
    last = min(seen.last_seen_at, now + CLOCK_DIFFERENCE)
    started = min(seen.started_at, now + CLOCK_DIFFERENCE)
    return TimeSpan(min(started, last), max(started, last))


def joins(last_seen_at: datetime, started_at: datetime, reentry_seconds: int) -> bool:
    """Whether a sighting that begins at `started_at` still belongs to a visit last seen at `last_seen_at`."""
    return started_at - last_seen_at <= timedelta(seconds=reentry_seconds)


def is_over(last_seen_at: datetime, now: datetime, reentry_seconds: int) -> bool:
    """Whether a visit can be closed: its re-entry window has passed."""
    return not joins(last_seen_at, now, reentry_seconds)


def merge_templates(
    known: NDArray[np.float32], weight: float, seen: NDArray[np.float32], seen_weight: float
) -> tuple[NDArray[np.float32], float]:
    """The weighted mean of two templates (512,), L2-normalised again, and its weight."""
    weight = min(weight, TEMPLATE_WEIGHT_LIMIT)
    mean = known * weight + seen * seen_weight
    return (mean / np.linalg.norm(mean)).astype(np.float32), weight + seen_weight


def outweighs(
    rejected: NDArray[np.float32],
    pictures: NDArray[np.float32],
    template: NDArray[np.float32],
    match: float,
) -> NDArray[np.bool_]:
    """Which rejections (N, 512) of an employee count against their enrolled pictures (M, 512).

    A rejection counts where users rejected that face more often than pictures, or the template of them all
    (512,), show the same face: so one click never counts against pictures that match. Faces are the same from
    the similarity `match`. Everything is L2-normalised.
    """
    clicks = (rejected @ rejected.T >= match).sum(axis=1)
    agreeing = (rejected @ pictures.T >= match).sum(axis=1)
    whole = rejected @ template >= match
    counts: NDArray[np.bool_] = clicks > np.maximum(agreeing, whole)
    return counts
