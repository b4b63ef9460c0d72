"""Server-sent events: a tenant's journal as it grows, resumable by the last event id."""

import asyncio
import json
import logging
import time
from collections.abc import AsyncGenerator
from functools import partial
from typing import Any

from asgiref.sync import sync_to_async
from channels.layers import get_channel_layer
from django.http.response import HttpResponseBase
from drf_spectacular.utils import OpenApiParameter, extend_schema
from redis.exceptions import RedisError
from rest_framework.request import Request

from tenants.access.rights import Access, granted
from tenants.isolation.context import inside
from tenants.rest.faults import InvalidParameters
from tenants.rest.views import ApiView, unknown_parameters
from tenants.web.channels import groups_of
from tenants.web.streaming import streamed
from visits.api.events import AFTER, PERMISSION, STREAM_EVENT, asked_for
from visits.queries import EventPayload, event_of, events_after, live_cursor

log = logging.getLogger(__name__)

MAX_SECONDS = 600.0
"""A stream ends after this time; the browser reconnects by itself, with its last id."""
QUIET_SECONDS = 15.0
"""After this time without an event a comment is sent, so that proxies and clients keep the stream open."""
LAST_EVENT_ID = OpenApiParameter(
    "Last-Event-ID",
    str,
    OpenApiParameter.HEADER,
    description="As `after`, which it overrides. Browsers send it by themselves when they connect again.",
)
STREAM = {
    "type": "string",
    "description": "Server-sent events: lines `id`, `event` and `data` for each StreamEvent.",
    "x-event-schema": {"$ref": "#/components/schemas/StreamEvent"},
}


class EventStreamView(ApiView):
    """Sightings, visits and cameras of the tenant, as they change (text/event-stream).

    Each event has the journal's id, the kind as its name, and JSON as data: see the component StreamEvent. To
    resume, send the header `Last-Event-ID`, or `?after=`. The event `reset` means that you missed more than
    200 events, or that the journal no longer reaches back that far: its data name the address of the list of
    events that goes on where you were. The event `forbidden` means that you no longer have the right to
    listen. If your permissions change, the stream ends: connect again.
    """

    permission = PERMISSION
    further_components = (STREAM_EVENT,)
    http_method_names = ["get", "head"]
    further_problems = ("400", "503")

    @extend_schema(
        operation_id="events_stream",
        parameters=[AFTER, LAST_EVENT_ID],
        responses={(200, "text/event-stream"): STREAM},
    )
    def get(self, request: Request) -> HttpResponseBase:
        access = granted(request)
        return streamed(
            request,
            partial(_stream, access, _start(request, access)),
            permission=PERMISSION,
            farewell=b"event: forbidden\ndata: {}\n\n",
            content_type="text/event-stream",
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )

    def perform_content_negotiation(self, request: Request, force: bool = False) -> Any:
        """Browsers' EventSource accepts event streams only, so content negotiation must not refuse it."""
        return super().perform_content_negotiation(request, force=True)


def _start(request: Request, access: Access) -> int:
    """The number of the event after which to start: the newest, if none is named."""
    if faults := unknown_parameters(request, {"after"}):
        raise InvalidParameters(faults)
    after = asked_for(request, access, header=True)
    return event_of(access, live_cursor(access)) if after is None else after


async def _stream(access: Access, cursor: int) -> AsyncGenerator[bytes, None]:
    """The journal after `cursor`. Channel-layer hints say when to look, a timer where they fail."""
    until = time.monotonic() + MAX_SECONDS
    layer, groups = get_channel_layer(), groups_of(access)
    channel = ""
    yield b"retry: 2000\n\n"
    try:
        while time.monotonic() < until:
            if not channel:
                channel = await _joined(layer, groups)
            payload, cursor = await sync_to_async(_changes)(access, cursor)
            yield payload or b": quiet\n\n"
            channel = await _hint(layer, channel)
    finally:
        for group in groups if channel else ():
            await layer.group_discard(group, channel)


async def _joined(layer: Any, groups: frozenset[str]) -> str:
    """A channel of this stream that receives hints; empty while Redis is unavailable."""
    try:
        channel: str = await layer.new_channel()
        for group in groups:
            await layer.group_add(group, channel)
    except (RedisError, OSError):
        return ""
    return channel


async def _hint(layer: Any, channel: str) -> str:
    """Wait for a hint, or for QUIET_SECONDS; returns the channel, empty if it was lost."""
    if not channel:
        await asyncio.sleep(2.0)
        return ""
    try:
        async with asyncio.timeout(QUIET_SECONDS if channel else 2.0):
            await layer.receive(channel)
    except TimeoutError:
        return channel
    except (RedisError, OSError):
        return ""
    return channel


def _changes(access: Access, cursor: int) -> tuple[bytes, int]:
    """The events after `cursor` that this member may see, and the new cursor."""
    with inside(access.tenant):
        events, cursor = events_after(access, cursor)
    return "".join(_written(event) for event in events).encode(), cursor


def _written(event: EventPayload) -> str:
    return f"id: {event['id']}\nevent: {event['event']}\ndata: {json.dumps(event['data'])}\n\n"
