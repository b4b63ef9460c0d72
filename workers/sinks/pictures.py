"""Live pictures in Redis: written while somebody watches, the newest kept for some minutes after that."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import cast
from uuid import UUID

import redis
from django.conf import settings

WATCHED_SECONDS = 6
"""How long a camera counts as watched after the last sign of a watcher."""
KEPT_SECONDS = 300
"""How long the newest picture is there for the next who looks; then Redis forgets it."""
LIVE_SECONDS = 5.0
"""A picture of the last so many seconds is what happens now."""


@dataclass(frozen=True, slots=True)
class Still:
    """A picture as JPEG and its age in seconds."""

    jpeg: bytes
    age: float


@lru_cache(maxsize=1)
def store() -> redis.Redis:
    """The connection for pictures: with time-outs, so that Redis being away never stops a camera."""
    return redis.Redis.from_url(settings.REDIS_URL, socket_timeout=1.0, socket_connect_timeout=1.0)


def watch(tenant: UUID, cameras: Iterable[UUID]) -> None:
    """Somebody looks at these. Raises redis.RedisError."""
    pipe = store().pipeline(transaction=False)
    for camera in cameras:
        pipe.set(_key("watched", tenant, camera), 1, ex=WATCHED_SECONDS)
    pipe.execute()


def is_watched(tenant: UUID, camera: UUID) -> bool:
    """Raises redis.RedisError."""
    return bool(store().exists(_key("watched", tenant, camera)))


def watched_among(cameras: Sequence[tuple[UUID, UUID]]) -> list[UUID]:
    """Those at which somebody looks, of cameras given as tenant and camera. Raises redis.RedisError."""
    if not cameras:
        return []
    found = store().mget([_key("watched", tenant, camera) for tenant, camera in cameras])
    return [camera for (_, camera), seen in zip(cameras, cast(list[object], found), strict=True) if seen]


def keep(tenant: UUID, camera: UUID, jpeg: bytes) -> None:
    """Make this the newest picture. Raises redis.RedisError."""
    store().set(_key("preview", tenant, camera), jpeg, ex=KEPT_SECONDS)


def newest(tenant: UUID, camera: UUID) -> Still | None:
    """The newest picture that is kept. Raises redis.RedisError."""
    key = _key("preview", tenant, camera)
    pipe = store().pipeline()
    pipe.get(key)
    pipe.pttl(key)
    picture, left = pipe.execute()
    return Still(picture, max(0.0, KEPT_SECONDS - left / 1000)) if picture and left > 0 else None


def live(tenant: UUID, camera: UUID) -> bytes | None:
    """The newest picture if it is of this moment. Raises redis.RedisError."""
    still = newest(tenant, camera)
    return still.jpeg if still and still.age < LIVE_SECONDS else None


def forget(tenant: UUID, cameras: Iterable[UUID]) -> None:
    """Nobody is to see what these saw: they stopped, or somebody is forgotten. Raises redis.RedisError."""
    if keys := [_key(kind, tenant, camera) for camera in cameras for kind in ("preview", "watched")]:
        store().delete(*keys)


def _key(kind: str, tenant: UUID, camera: UUID) -> str:
    if not isinstance(tenant, UUID):
        raise TypeError(f"a live picture belongs to a tenant, not to {tenant!r}")
    return f"{kind}.{tenant}.{camera}"
