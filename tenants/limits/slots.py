"""How much may be open at once: streams, and requests that wait for a worker.

Each has a slot while it lasts. Slots of a user or key and of a tenant are counted in Redis, for all web
processes together; this process counts its own beside that, so that its limits hold while Redis is away. A
slot ends by itself unless it is renewed: a process that was killed keeps none.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from enum import StrEnum
from functools import lru_cache
from typing import Any
from uuid import UUID, uuid4

import redis
from django.conf import settings

from facetrack.core.breaker import Breaker
from facetrack.core.waiting import give_back
from tenants.access import actor
from tenants.access.rights import Access
from tenants.limits.turns import give_turn
from tenants.models import ActorKind
from tenants.queries import active_tenant

log = logging.getLogger(__name__)

LASTS_SECONDS = {"stream": 30.0, "wait": 60.0}
"""Without being renewed; a request waits for less."""
AGAIN_SECONDS = 5
_KEY_KEPT = 600
_TAKE = """
local t = redis.call('TIME')
local now = t[1] + t[2] / 1000000
for i, key in ipairs(KEYS) do
  redis.call('ZREMRANGEBYSCORE', key, '-inf', now)
  local limit = tonumber(ARGV[3 + i])
  if limit >= 0 and redis.call('ZCARD', key) >= limit then return i end
end
for _, key in ipairs(KEYS) do
  redis.call('ZADD', key, now + ARGV[2], ARGV[1])
  redis.call('EXPIRE', key, ARGV[3])
end
return 0
"""


class Kind(StrEnum):
    """What is counted; each is a setting of its own."""

    STREAM = "stream"
    WAIT = "wait"

    def limits(self) -> list[int]:
        """Of a user or key, of a tenant, of a process."""
        found: list[int] = getattr(settings, f"FACETRACK_{self.upper()}S")
        return found


_NAMES = {
    Kind.STREAM: "open live pictures, event streams and exports",
    Kind.WAIT: "requests that wait for a worker",
}
_WHOSE = ("You have", "Your organisation has")


class SlotsFull(Exception):
    """A limit is reached: 429 for that of the caller or the tenant, 503 for that of the process."""

    def __init__(self, kind: Kind, whose: int) -> None:
        limit = kind.limits()[whose]
        if whose == 2:
            said = f"This server has reached its limit: {limit} {_NAMES[kind]}."
        else:
            said = f"{_WHOSE[whose]} {limit} {_NAMES[kind]}, the limit. Wait for one to end, or close one."
        super().__init__(f"{said} Try again in {AGAIN_SECONDS} seconds.")
        self.status = 503 if whose == 2 else 429
        self.seconds = AGAIN_SECONDS


class _LocalSlots:
    """The slots of this process: until when each counts, by what it counts for."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._until: dict[str, dict[str, float]] = {}

    def take(self, slot: str, counters: Sequence[str], limits: Sequence[int], seconds: float) -> int | None:
        """Which of the limits is reached; None where the slot was taken."""
        now = time.monotonic()
        with self._lock:
            for number, (name, limit) in enumerate(zip(counters, limits, strict=True)):
                counted = self._until.get(name, {})
                for ended in [one for one, end in counted.items() if end <= now]:
                    del counted[ended]
                if len(counted) >= limit:
                    return number
            self._put(slot, counters, now + seconds)
        return None

    def renew(self, slot: str, counters: Sequence[str], seconds: float) -> None:
        with self._lock:
            self._put(slot, counters, time.monotonic() + seconds)

    def release(self, slot: str, counters: Sequence[str]) -> None:
        with self._lock:
            for name in counters:
                kept = self._until.get(name, {})
                kept.pop(slot, None)
                if not kept:
                    self._until.pop(name, None)

    def _put(self, slot: str, counters: Sequence[str], until: float) -> None:
        for name in counters:
            self._until.setdefault(name, {})[slot] = until


_own = _LocalSlots()
_breaker = Breaker()
_waiting: ContextVar[bool] = ContextVar("waiting", default=False)


class Slot:
    """One place. Its methods take at most a second or two, where Redis hangs; they never raise for it."""

    def __init__(self, kind: Kind, tenant: UUID, caller: str) -> None:
        self._id, self._kind, self._seconds = uuid4().hex, kind, LASTS_SECONDS[kind]
        everybodys = f"slots.{kind}.{tenant.hex}"
        self._shared = (f"{everybodys}.{caller}", everybodys)
        self._counters = (*self._shared, f"slots.{kind}")

    def take(self) -> None:
        """Raises SlotsFull."""
        limits = self._kind.limits()
        reached = _own.take(self._id, self._counters, limits, self._seconds)
        if reached is not None:
            raise SlotsFull(self._kind, reached)
        elsewhere = self._tell(limits[:2])
        if elsewhere:
            _own.release(self._id, self._counters)
            raise SlotsFull(self._kind, elsewhere - 1)

    def renew(self) -> None:
        """It is still in use. A slot that had ended meanwhile counts again."""
        _own.renew(self._id, self._counters, self._seconds)
        self._tell((-1, -1))

    def release(self) -> None:
        _own.release(self._id, self._counters)
        _asked(lambda client: [client.zrem(key, self._id) for key in self._shared])

    def _tell(self, limits: Sequence[int]) -> int:
        """Tell the other processes; the number of the limit that is reached there, or 0."""
        words = (*self._shared, self._id, self._seconds, _KEY_KEPT, *limits)
        return int(_asked(lambda client: client.eval(_TAKE, len(self._shared), *words)) or 0)


def take(kind: Kind, access: Access) -> Slot:
    """A slot for the caller with this access. Renew it while it is in use, and release it. Raises
    SlotsFull."""
    caller = f"key.{access.key}" if access.user is None else f"user.{access.user.pk}"
    slot = Slot(kind, access.tenant.pk, caller)
    slot.take()
    return slot


@contextmanager
def waiting() -> Iterator[None]:
    """Around what keeps a request of the active tenant waiting; one within the other counts once.

    For people and programs who ask; commands and workers wait without a limit. Raises SlotsFull.
    """
    who = actor.current()
    if _waiting.get() or who.kind not in (ActorKind.USER, ActorKind.KEY):
        yield
        return
    slot = Slot(Kind.WAIT, active_tenant().pk, f"{who.kind}.{who.id}")
    slot.take()
    give_turn()
    token = _waiting.set(True)
    try:
        yield
    finally:
        _waiting.reset(token)
        slot.release()


@lru_cache(maxsize=1)
def _client() -> redis.Redis:
    return redis.Redis.from_url(settings.REDIS_URL, socket_timeout=1.0, socket_connect_timeout=1.0)


def _asked(question: Any) -> Any:
    """The answer of Redis; None while it is away."""
    if not _breaker.allows():
        return None
    give_back()
    try:
        answer = question(_client())
    except (redis.RedisError, OSError) as error:
        _breaker.failed()
        log.warning("slots are counted by this process alone, Redis is unavailable: %s", error)
        return None
    _breaker.succeeded()
    return answer
