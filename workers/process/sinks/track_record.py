"""Records in the form in which they are kept on disk."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any
from uuid import UUID

import numpy as np

from visits.rules import TrackFacts


@dataclass(frozen=True, slots=True)
class TrackRecord:
    """A track's facts, for one tenant; `known_at` is the database's time when they were known."""

    tenant: UUID
    facts: TrackFacts
    link: float
    known_at: datetime

    def sealed(self) -> tuple[bytes, bytes]:
        """The event as JSON, and the picture (empty if there is none)."""
        picture = self.facts.shot or b""
        facts = replace(self.facts, shot=None)
        body = {
            "tenant": str(self.tenant),
            "link": self.link,
            "known_at": self.known_at.isoformat(),
            "facts": {field.name: _packed(getattr(facts, field.name)) for field in fields(facts)},
        }
        return json.dumps(body).encode(), picture

    @classmethod
    def opened(cls, event: bytes, picture: bytes) -> TrackRecord:
        """Raises ValueError, KeyError, TypeError for data that is not a record."""
        body = json.loads(event)
        facts = {name: _unpacked(value) for name, value in body["facts"].items()}
        return cls(
            tenant=UUID(body["tenant"]),
            facts=TrackFacts(**(facts | {"shot": picture or None})),
            link=float(body["link"]),
            known_at=datetime.fromisoformat(body["known_at"]),
        )


def _packed(value: Any) -> Any:
    match value:
        case UUID():
            return {"uuid": str(value)}
        case datetime():
            return {"time": value.isoformat()}
        case np.ndarray():
            data = base64.b64encode(value.astype(np.float32).tobytes()).decode()
            return {"floats": data, "shape": list(value.shape)}
        case bytes():
            return {"bytes": base64.b64encode(value).decode()}
        case _:
            return value


def _unpacked(value: Any) -> Any:
    match value:
        case {"uuid": text}:
            return UUID(text)
        case {"time": text}:
            return datetime.fromisoformat(text)
        case {"floats": data, "shape": shape}:
            return np.frombuffer(base64.b64decode(data), dtype=np.float32).reshape(shape)
        case {"bytes": data}:
            return base64.b64decode(data)
        case _:
            return value
