"""A camera's live video for a viewer, read from Redis."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator
from uuid import UUID

from redis.exceptions import RedisError

from tenants.models import Tenant
from workers.process.sinks.pictures import live, watch

log = logging.getLogger(__name__)

BOUNDARY = "facetrack"
MAX_SECONDS = 300.0
"""Seconds after which a stream ends; the page then requests it again."""
MAX_FIRST_SECONDS = 5.0
"""Seconds to wait for the first picture: a worker sends one within a second of the first viewer's request."""
WATCH_SECONDS = 2.0
STEP_SECONDS = 0.12

NO_PICTURE = (
    f"No picture came within {MAX_FIRST_SECONDS:.0f} seconds. The camera's state and status_detail say why. "
    "Try again in a few seconds."
)


async def moving_picture(tenant: Tenant, camera_id: UUID) -> AsyncGenerator[bytes, None]:
    """Parts of a multipart/x-mixed-replace answer: each new picture, for MAX_SECONDS at most.

    Without a first picture within MAX_FIRST_SECONDS its only part is a text that says so.
    """
    begun = time.monotonic()
    until, told, shown = begun + MAX_SECONDS, 0.0, b""
    yield b"\r\n"  # a preamble, so that the client gets an answer at once
    while (now := time.monotonic()) < until:
        try:
            if now - told > WATCH_SECONDS:
                await asyncio.to_thread(watch, tenant.pk, [camera_id])
                told = now
            picture = await asyncio.to_thread(live, tenant.pk, camera_id)
        except RedisError as error:
            log.info("no live picture, Redis is unavailable: %s", error)
            picture = None
            await asyncio.sleep(1.0)
        if picture and picture != shown:
            shown = picture
            yield _part("image/jpeg", picture)
        elif not shown and now - begun > MAX_FIRST_SECONDS:
            yield _part("text/plain; charset=utf-8", NO_PICTURE.encode())
            return
        await asyncio.sleep(STEP_SECONDS)


def _part(kind: str, content: bytes) -> bytes:
    head = f"--{BOUNDARY}\r\nContent-Type: {kind}\r\nContent-Length: {len(content)}\r\n\r\n"
    return head.encode() + content + b"\r\n"
