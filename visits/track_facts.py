"""The record of one track: each field is declared here, once, with its type and its limits.

`visits.track_codec` reads and writes it as JSON for the spool and for HTTPS. The API of workers takes its
fields from here, and a sighting copies those that it has too.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Annotated
from uuid import NAMESPACE_OID, UUID, uuid5

import numpy as np
from msgspec import Meta, Struct
from numpy.typing import NDArray

from workers.recognition.models.catalogue import PACKS
from workers.recognition.types import Decision

SCHEMA_VERSION = 2
"""Raise it when a field is added, removed or changes its meaning, and let the codec read the former form."""
MAX_COUNT, MAX_EPOCH, MAX_SIMILARITY, MAX_REASON = 2**31 - 1, 10**18 - 1, 1.01, 300
FIRST_DAY, LAST_DAY = datetime(2000, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
"""No camera's clock is off by more than this."""


def _one_of(choices: Iterable[str]) -> Meta:
    names = sorted(choices)
    return Meta(extra={"choices": names}, extra_json_schema={"enum": names})


Count = Annotated[int, Meta(ge=0, le=MAX_COUNT)]
Instant = Annotated[datetime, Meta(tz=True)]
Template = NDArray[np.float32]


class TrackFacts(Struct, frozen=True, kw_only=True):
    """A worker's report of one track; `decision` is a value of `workers.recognition.types.Decision`.

    `person` is the matched staff member or visitor. `template` is float32 (512,), L2-normalised, made with
    the model pack `pack`; None for a rejected track only. `shot` is the best picture as JPEG. The limits
    hold for what is read (`visits.track_codec`), not for what is made in memory.
    """

    camera: UUID
    epoch: Annotated[int, Meta(ge=0, le=MAX_EPOCH)]
    track: Count
    sequence: Count
    ended: bool
    decision: Annotated[str, _one_of(Decision)]
    person: UUID | None = None
    score: Annotated[float, Meta(ge=-MAX_SIMILARITY, le=MAX_SIMILARITY)]
    reason: Annotated[str, Meta(max_length=MAX_REASON)] = ""
    started_at: Instant
    last_seen_at: Instant
    faces: Count
    quality: Annotated[float, Meta(ge=0, le=1)]
    pack: Annotated[str, _one_of(PACKS)]
    template: Template | None = None
    shot: bytes | None = None

    @property
    def sighting_id(self) -> UUID:
        """UUIDv5 of camera, epoch and track: a repeated report finds the row of the first."""
        return uuid5(NAMESPACE_OID, f"{self.camera}/{self.epoch}/{self.track}")
