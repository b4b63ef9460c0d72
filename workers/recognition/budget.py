"""Decides which visible faces are embedded. Only face detection costs more than embedding."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import IntEnum

from workers.recognition.config import PipelineConfig
from workers.recognition.stages.track import Followed
from workers.recognition.stages.track_history import Track, TrackHistory
from workers.recognition.types import Floats

SHARE = 0.25
"""Share of the cores for embedding. Decoding, finding and tracking the faces of 20 cameras of 640 x 360 at
5 frames a second take 1.4 of two cores; half a core more is 170 faces a second. With 0.35, such cameras did
not recover once they had fallen behind."""
LEFT_WHERE_SCARCE = 0.1
"""Part of that share while cameras wait for a core: a late embedding costs little, a lost frame breaks
tracks. It is not 0: on a machine that is too small for its cameras, no face would be named any more."""
BURST = 1.0
"""Seconds of that share that may be saved up, so that a group that enters is embedded at once."""

SAME_LOOK = 0.8
"""Similarity of two thumbnails of an aligned face; 95 % of the pairs of two people are below."""


class Urgency(IntEnum):
    """What embedding a face could change, the most important first.

    NEW     the track has too few faces for any decision
    SHAKEN  the track may have slid to another person
    OPEN    the track is undecided
    CHECK   the track is decided, and checked from time to time
    """

    NEW = 0
    NEEDS_CHECK = 1
    OPEN = 2
    CHECK = 3


DEBT = {Urgency.NEW: 2.0, Urgency.NEEDS_CHECK: 1.0, Urgency.OPEN: 0.0, Urgency.CHECK: 0.0}
"""Seconds by which the share may be overdrawn: a new track is worth more than a second opinion."""


def urgency_of(track: Track, best: float, at: float, config: PipelineConfig) -> Urgency | None:
    """How urgent it is to embed the track's face in the frame at `at` seconds; None if it is not worth it.

    `best` is the highest quality that this face can have.
    """
    history, waited = track.history, at - track.looked_at
    if history.last_sample is None or not track.usable:
        return Urgency.NEW
    if track.needs_check or history.doubtful:
        return Urgency.NEEDS_CHECK if waited >= config.spread_seconds / 2 else None
    if track.verdict is not None:
        return Urgency.CHECK if waited >= max(track.patience, config.check_seconds) else None
    if history.embedded < config.min_faces:
        return Urgency.NEW
    if track.ambiguous and history.embedded < 2 * config.samples:
        return Urgency.OPEN
    better = best > max(sample.quality for sample in history.samples) + config.clearly_better
    return Urgency.OPEN if better or waited >= _pause(history, best, config) else None


def is_steady(track: Track, one: Followed, look: Floats) -> bool:
    """Whether the face certainly still belongs to its track; keeps `look`, its thumbnail, for later."""
    before, track.look = track.look, look
    return one.steady and (before is None or float(before @ look) >= SAME_LOOK)


def _pause(history: TrackHistory, best: float, config: PipelineConfig) -> float:
    """Seconds between two embeddings of an undecided track.

    If many faces did not decide, the next one seldom does. This holds most of all for a face that cannot
    count as good, as small ones cannot, or if enough good ones have been seen.
    """
    helps = best >= config.good_quality and history.good(config.good_quality) < config.new_faces
    if helps:
        return config.spread_seconds * max(1.0, history.embedded / config.settle_faces)
    doublings = max(1, min(history.embedded - config.settle_faces + 1, 16))
    return min(config.max_pause, config.spread_seconds * 2.0**doublings)


class EmbeddingBudget:
    """The processor time that the cameras of a process may spend on embedding together. For many threads.

    A crowd at one camera may use what quiet cameras leave. Crowds at all cameras do not take the cores from
    face detection: frames would be lost, tracks would break, and new tracks would need still more embeddings.
    """

    def __init__(
        self,
        share: float = SHARE,
        *,
        scarce: Callable[[], bool] = lambda: False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`share` of all cores; `scarce` tells whether cameras wait for one; `clock` returns seconds."""
        self._rate = share * (os.cpu_count() or 1)
        self._scarce, self._clock = scarce, clock
        self._lock = threading.Lock()
        self._left, self._at = BURST, clock()

    def permits(self, urgency: Urgency) -> bool:
        """Whether there is time for such an embedding now."""
        with self._lock:
            return self._refilled() > -DEBT[urgency]

    @contextmanager
    def charged(self) -> Iterator[None]:
        """Counts the processor time of this thread within the block as spent."""
        began = time.thread_time()
        try:
            yield
        finally:
            self.spend(time.thread_time() - began)

    def spend(self, seconds: float) -> None:
        """Record processor time as spent."""
        with self._lock:
            self._left = self._refilled() - seconds / self._rate

    def _refilled(self) -> float:
        """Seconds of the share that are left; negative if it is overdrawn."""
        now = self._clock()
        more = (now - self._at) * (LEFT_WHERE_SCARCE if self._scarce() else 1.0)
        self._left, self._at = min(BURST, self._left + more), now
        return self._left
