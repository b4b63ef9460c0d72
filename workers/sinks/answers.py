"""What a worker answers to the person who asked it, and where that is put: under a key of the request's own.

Only the installation writes such keys. The answer of a worker at the edge comes over HTTPS, and is put there
after its ticket was checked (`workers.api.own_shown`).
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any
from uuid import UUID

from workers.sinks.pictures import store

KEPT_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of it: `detail` in words, `facts` for programs, `picture` as JPEG."""

    ok: bool
    worker: str = ""
    detail: str = ""
    facts: dict[str, Any] = field(default_factory=dict)
    picture: bytes = b""

    def packed(self) -> bytes:
        values = asdict(self)
        del values["picture"]
        return json.dumps(values).encode() + b"\n" + self.picture

    @classmethod
    def unpacked(cls, data: bytes) -> Answer:
        head, _, picture = data.partition(b"\n")
        return cls(**json.loads(head), picture=picture)


def key_of(request: UUID) -> str:
    """Where the answer to a request is waited for."""
    return f"reply.{request}"


def reply(key: str, answer: Answer) -> None:
    """Hand the answer to the person who waits for it. Raises RedisError."""
    pipe = store().pipeline()
    pipe.lpush(key, answer.packed())
    pipe.expire(key, KEPT_SECONDS)
    pipe.execute()
