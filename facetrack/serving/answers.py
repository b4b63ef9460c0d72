"""Limits for clients that do not read: what is sent to them is bounded, in bytes and in time."""

import asyncio
from typing import Any

from daphne.http_protocol import WebRequest
from twisted.internet.interfaces import IPushProducer
from zope.interface import implementer

STALLED_SECONDS = 20.0
"""Seconds without reading after which a client is dropped."""


@implementer(IPushProducer)
class Flow:
    """Twisted's signals while an answer is sent: its buffer for this client is full, or empty again."""

    def __init__(self) -> None:
        self._free = asyncio.Event()
        self._free.set()

    def pauseProducing(self) -> None:
        self._free.clear()

    def resumeProducing(self) -> None:
        self._free.set()

    def stopProducing(self) -> None:
        """The connection is lost: stop waiting."""
        self._free.set()

    async def free(self) -> None:
        await self._free.wait()


def flow_of(request: WebRequest, message: dict[str, Any]) -> Flow | None:
    """Register for an answer with more messages to come; at its end Twisted wants no producer registered."""
    if getattr(request, "channel", None) is None:  # the client is gone
        return None
    if not message.get("more_body"):
        if request.producer is not None:
            request.unregisterProducer()
        return None
    if request.producer is None:
        request.registerProducer(Flow(), True)
    flow: Flow = request.producer
    return flow


async def room(request: WebRequest, flow: Flow) -> None:
    """Wait until there is room for more, or drop the client."""
    try:
        async with asyncio.timeout(STALLED_SECONDS):
            await flow.free()
    except TimeoutError:
        request.transport.abortConnection()
