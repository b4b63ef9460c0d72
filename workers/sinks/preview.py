"""Live pictures for those who watch: through Redis, only while somebody does, and never kept."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from functools import lru_cache
from uuid import UUID

import cv2
import numpy as np
import redis
from django.conf import settings

from facetrack.lib.images import jpeg
from workers.types import Face, Picture

log = logging.getLogger(__name__)

WATCHED_SECONDS = 6
"""How long a camera counts as watched after the last sign of a watcher."""
KEPT_SECONDS = 5
ASKED_SECONDS = 0.7
LONGEST_SIDE = 960
AWAY_SECONDS = 5.0
GREEN = (80, 200, 90)


@lru_cache(maxsize=1)
def store() -> redis.Redis:
    """The connection for pictures: with time-outs, so that Redis being away never stops a camera."""
    return redis.Redis.from_url(settings.REDIS_URL, socket_timeout=1.0, socket_connect_timeout=1.0)


def watch(tenant: UUID, camera: UUID) -> None:
    """Somebody looks. Raises redis.RedisError."""
    store().set(_key("watched", tenant, camera), 1, ex=WATCHED_SECONDS)


def newest(tenant: UUID, camera: UUID) -> bytes | None:
    """The newest picture as JPEG, None where none came lately. Raises redis.RedisError."""
    picture: bytes | None = store().get(_key("preview", tenant, camera))  # type: ignore[assignment]
    return picture


class Preview:
    """The live picture of one camera; shows frames while somebody watches."""

    def __init__(self, tenant: UUID, camera: UUID) -> None:
        self._tenant, self._camera = tenant, camera
        self._watched = False
        self._ask_at = 0.0

    def show(self, picture: Picture, faces: Sequence[Face]) -> None:
        """Publish a frame with its faces, if anybody watches. Never raises for Redis."""
        now = time.monotonic()
        try:
            if now >= self._ask_at:
                self._ask_at = now + ASKED_SECONDS
                self._watched = bool(store().exists(_key("watched", self._tenant, self._camera)))
            if self._watched:
                data = jpeg(annotated(picture, faces), quality=75)
                store().set(_key("preview", self._tenant, self._camera), data, ex=KEPT_SECONDS)
        except redis.RedisError as error:
            self._watched, self._ask_at = False, now + AWAY_SECONDS
            log.debug("no live picture: %s", error)


def annotated(picture: Picture, faces: Sequence[Face], *, longest: int = LONGEST_SIDE) -> Picture:
    """A smaller copy with the boxes of the faces."""
    scale = min(1.0, longest / max(picture.shape[:2]))
    size = (max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale)))
    small = np.array(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    for face in faces:
        left, top, right, bottom = (round(float(side) * scale) for side in face.box)
        cv2.rectangle(small, (left, top), (right, bottom), GREEN, 2)
    return small


def _key(kind: str, tenant: UUID, camera: UUID) -> str:
    if not isinstance(tenant, UUID):
        raise TypeError(f"a live picture belongs to a tenant, not to {tenant!r}")
    return f"{kind}.{tenant}.{camera}"
