"""A track's record in the form in which a worker keeps it on disk. Both versions of that form are read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import Meta, Struct

from visits.track_codec import VERSIONS, InvalidTrack, decoded, encoded
from visits.track_facts import MAX_REASON, SCHEMA_VERSION, Instant, TrackFacts


class _Versioned(Struct):
    version: int = 1


class _Envelope(Struct, forbid_unknown_fields=True, kw_only=True):
    """What stands around the facts on disk."""

    version: int = 1
    tenant: UUID
    link: Annotated[float, Meta(ge=-2, le=2)]
    known_at: Instant
    facts: dict[str, Any]


@dataclass(frozen=True, slots=True)
class TrackRecord:
    """A track's facts, for one tenant; `known_at` is the database's time when they were known."""

    tenant: UUID
    facts: TrackFacts
    link: float
    known_at: datetime

    def sealed(self) -> tuple[bytes, bytes]:
        """The event as JSON, and the picture (empty if there is none)."""
        envelope = _Envelope(
            version=SCHEMA_VERSION,
            tenant=self.tenant,
            link=self.link,
            known_at=self.known_at,
            facts=encoded(self.facts),
        )
        return msgspec.json.encode(envelope), self.facts.shot or b""

    @classmethod
    def opened(cls, event: bytes, picture: bytes) -> TrackRecord:
        """The record that `sealed` returned, in this version or a former one. Raises InvalidTrack."""
        envelope = _envelope_of(event)
        facts = envelope.facts if envelope.version > 1 else _of_version_1(envelope.facts)
        return cls(
            tenant=envelope.tenant,
            facts=decoded(facts, shot=picture or None),
            link=envelope.link,
            known_at=envelope.known_at,
        )


def _envelope_of(event: bytes) -> _Envelope:
    """Raises InvalidTrack."""
    try:
        version = msgspec.json.decode(event, type=_Versioned).version
        if version not in VERSIONS:
            raise InvalidTrack(
                {"version": f"it is {version}, and this program reads {VERSIONS[0]} to {VERSIONS[-1]} only"}
            )
        return msgspec.json.decode(event, type=_Envelope)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidTrack({"record": str(error)}) from None
    except RecursionError:
        raise InvalidTrack({"record": "its values are nested too deeply"}) from None


def _of_version_1(facts: dict[str, Any]) -> dict[str, Any]:
    """Version 1 gave ids, times and templates the name of their type, and did not limit the reason."""
    plain = {name: _unpacked(value) for name, value in facts.items() if name != "shot"}
    if isinstance(reason := plain.get("reason"), str):
        plain["reason"] = reason[:MAX_REASON]
    return plain


def _unpacked(value: Any) -> Any:
    match value:
        case {"uuid": text} | {"time": text} | {"floats": text, "shape": [_]}:
            return text
        case _:
            return value
