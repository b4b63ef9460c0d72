"""A worker's answer to a user's request, and the Redis key where it is put: one key per request.

Only the installation writes such keys. A worker at the edge answers over HTTPS; the installation checks the
ticket and writes the key (`workers.api.edge_previews`).
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any
from uuid import UUID

from workers.process.sinks.pictures import store

KEPT_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Answer:
    """The result: `detail` as text, `facts` for programs, `picture` as JPEG."""

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
    """The Redis key of a request's answer."""
    return f"reply.{request}"


def reply(key: str, answer: Answer) -> None:
    """Put the answer where its sender waits for it. Raises RedisError."""
    pipe = store().pipeline()
    pipe.lpush(key, answer.packed())
    pipe.expire(key, KEPT_SECONDS)
    pipe.execute()


class Operation(StrEnum):
    """Requests to a worker. `test` opens the source; `snapshot` is the newest frame."""

    RESTART = "restart"
    RELOAD = "reload"
    TEST = "test"
    SNAPSHOT = "snapshot"
    DEVICES = "devices"
