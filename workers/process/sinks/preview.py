"""The live picture of one camera: its frames with boxes around faces, while a user watches."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

import cv2
import numpy as np
import redis

from facetrack.core.images import jpeg
from tenants.models import Tenant
from workers.process.sinks.outage import Unavailable
from workers.recognition.types import Face, Picture

log = logging.getLogger(__name__)

ASKED_SECONDS = 0.7
MAX_SIDE = 960
AWAY_SECONDS = 5.0
GREEN = (80, 200, 90)


class PreviewTarget(Protocol):
    """Where live pictures are shown. Each method raises Unavailable or RedisError."""

    def watched(self, tenant: Tenant, camera: UUID) -> bool:
        """Whether a user watches the camera."""

    def show(self, tenant: Tenant, camera: UUID, epoch: int, picture: bytes) -> None:
        """Make this JPEG the newest picture of a camera that runs at `epoch`."""


class Preview:
    """The live picture of one run; shows frames while a user watches."""

    def __init__(self, tenant: Tenant, camera: UUID, epoch: int, screen: PreviewTarget) -> None:
        self._tenant, self._camera, self._epoch, self._screen = tenant, camera, epoch, screen
        self._watched = False
        self._ask_at = 0.0

    def show(self, picture: Picture, faces: Sequence[Face]) -> None:
        """Publish a frame with its faces, if a user watches. Never raises if it cannot be shown."""
        now = time.monotonic()
        try:
            if now >= self._ask_at:
                self._ask_at = now + ASKED_SECONDS
                self._watched = self._screen.watched(self._tenant, self._camera)
            if self._watched:
                seen = jpeg(annotated(picture, faces), quality=75)
                self._screen.show(self._tenant, self._camera, self._epoch, seen)
        except (redis.RedisError, Unavailable) as error:
            self._watched, self._ask_at = False, now + AWAY_SECONDS
            log.debug("no live picture: %s", error)


def annotated(picture: Picture, faces: Sequence[Face], *, max_side: int = MAX_SIDE) -> Picture:
    """A smaller copy with the boxes of the faces."""
    scale = min(1.0, max_side / max(picture.shape[:2]))
    size = (max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale)))
    small = np.array(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    for face in faces:
        left, top, right, bottom = (round(float(side) * scale) for side in face.box)
        cv2.rectangle(small, (left, top), (right, bottom), GREEN, 2)
    return small
