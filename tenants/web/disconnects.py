"""Requests whose client has left: the database is not kept busy with them."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from django.conf import settings

from tenants.isolation.backend.statements import Statements, serving

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]

READING = frozenset({"GET", "HEAD"})
"""A request that writes is carried out to its end, even if its client has left: half of it would be worse."""

AGAIN_SECONDS = 0.1
"""How often an abandoned request that has not ended is stopped again: it may just have begun a statement."""


class LimitStatements:
    """ASGI middleware: each statement of a request has a limit, and ends when the request's client leaves.

    Django itself only cancels the task that waits for the thread in which the statement runs.
    """

    def __init__(self, application: Application) -> None:
        self.application = application

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        statements = Statements(settings.DB_LONGEST_STATEMENT)
        with serving(statements):
            await self._answer(statements, scope, receive, send)

    async def _answer(self, statements: Statements, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] not in READING:
            await self.application(scope, receive, send)
            return
        client = _Client(statements, receive, send)
        try:
            await self.application(scope, client.receive, client.send)
        finally:
            client.forget()


class _Client:
    """The two ends of one request, between the server and Django."""

    def __init__(self, statements: Statements, receive: Receive, send: Send) -> None:
        self._statements, self._receive, self._send = statements, receive, send
        self._answered = False
        self._stopping: asyncio.Task[None] | None = None

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.disconnect" and not self._answered and self._stopping is None:
            self._stopping = asyncio.create_task(self._stop())
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.body" and not message.get("more_body"):
            self._answered = True  # before the server hears of it, which then says that this client is gone
        await self._send(message)

    def forget(self) -> None:
        """The request has ended."""
        if self._stopping is not None:
            self._stopping.cancel()

    async def _stop(self) -> None:
        while True:
            await asyncio.to_thread(self._statements.abandon)
            await asyncio.sleep(AGAIN_SECONDS)
