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
WATCH_SECONDS = 2.0
STEP_SECONDS = 0.12


async def moving_picture(tenant: Tenant, camera_id: UUID) -> AsyncGenerator[bytes, None]:
    """Parts of a multipart/x-mixed-replace answer: each new picture, for MAX_SECONDS at most."""
    until = time.monotonic() + MAX_SECONDS
    told, shown = 0.0, b""
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
            head = f"--{BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(picture)}\r\n\r\n"
            yield head.encode() + picture + b"\r\n"
        await asyncio.sleep(STEP_SECONDS)
