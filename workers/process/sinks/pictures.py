"""Live pictures in Redis: written while a user watches; the newest is kept for some minutes after that."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import cast
from uuid import UUID

import redis
from django.conf import settings

WATCHED_SECONDS = 6
"""Seconds for which a camera counts as watched after a viewer's last request."""
KEPT_SECONDS = 300
"""Seconds for which the newest picture is kept for the next viewer; then Redis deletes it."""
LIVE_SECONDS = 5.0
"""Maximum age in seconds of a picture that counts as live."""


@dataclass(frozen=True, slots=True)
class Still:
    """A picture as JPEG and its age in seconds."""

    jpeg: bytes
    age: float


@lru_cache(maxsize=1)
def store() -> redis.Redis:
    """The connection for pictures. It has time-outs, so that an outage of Redis never stops a camera."""
    return redis.Redis.from_url(settings.REDIS_URL, socket_timeout=1.0, socket_connect_timeout=1.0)


def watch(tenant: UUID, cameras: Iterable[UUID]) -> None:
    """Mark these cameras as watched. Raises redis.RedisError."""
    pipe = store().pipeline(transaction=False)
    for camera in cameras:
        pipe.set(_key("watched", tenant, camera), 1, ex=WATCHED_SECONDS)
    pipe.execute()


def is_watched(tenant: UUID, camera: UUID) -> bool:
    """Raises redis.RedisError."""
    return bool(store().exists(_key("watched", tenant, camera)))


def watched_among(cameras: Sequence[tuple[UUID, UUID]]) -> list[UUID]:
    """The watched ones of these cameras, given as tenant and camera. Raises redis.RedisError."""
    if not cameras:
        return []
    found = store().mget([_key("watched", tenant, camera) for tenant, camera in cameras])
    return [camera for (_, camera), seen in zip(cameras, cast(list[object], found), strict=True) if seen]


def keep(tenant: UUID, camera: UUID, jpeg: bytes) -> None:
    """Make this the newest picture. Raises redis.RedisError."""
    store().set(_key("preview", tenant, camera), jpeg, ex=KEPT_SECONDS)


def newest(tenant: UUID, camera: UUID) -> Still | None:
    """The newest stored picture. Raises redis.RedisError."""
    key = _key("preview", tenant, camera)
    pipe = store().pipeline()
    pipe.get(key)
    pipe.pttl(key)
    picture, left = pipe.execute()
    return Still(picture, max(0.0, KEPT_SECONDS - left / 1000)) if picture and left > 0 else None


def live(tenant: UUID, camera: UUID) -> bytes | None:
    """The newest picture, if it is live. Raises redis.RedisError."""
    still = newest(tenant, camera)
    return still.jpeg if still and still.age < LIVE_SECONDS else None


def forget(tenant: UUID, cameras: Iterable[UUID]) -> None:
    """Delete these cameras' pictures: they stopped, or a person was deleted. Raises redis.RedisError."""
    if keys := [_key(kind, tenant, camera) for camera in cameras for kind in ("preview", "watched")]:
        store().delete(*keys)


def _key(kind: str, tenant: UUID, camera: UUID) -> str:
    if not isinstance(tenant, UUID):
        raise TypeError(f"a live picture belongs to a tenant, not to {tenant!r}")
    return f"{kind}.{tenant}.{camera}"
