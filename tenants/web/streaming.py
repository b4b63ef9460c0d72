"""Streamed answers: each has a slot, keeps no database connection, and ends with the right to it."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from typing import Any

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase

from tenants.access.rights import Access, granted
from tenants.limits.slots import Kind, take
from tenants.web.access_recheck import AccessRecheck, Ended, shown_by

Parts = AsyncGenerator[bytes, None]


def streamed(
    request: HttpRequest,
    parts: Callable[[], Parts],
    *,
    permission: str | None = None,
    further: Callable[[Access], bool] | None = None,
    farewell: bytes = b"",
    **answer: Any,
) -> HttpResponseBase:
    """An answer of what `parts()` gives, for as long as the caller may have it (see `AccessRecheck`).

    `farewell` is sent where the right is gone. HEAD is answered without any part. Raises Full.
    """
    if request.method == "HEAD":
        return HttpResponse(**answer)
    access = granted(request)
    shown = shown_by(request)
    standing = AccessRecheck(shown, access, take(Kind.STREAM, access), permission=permission, further=further)
    return StreamingHttpResponse(_while_it_stands(parts(), standing, farewell), **answer)


async def _while_it_stands(parts: Parts, standing: AccessRecheck, farewell: bytes) -> Parts:
    """Looks at the right in time also where the next part lets itself be waited for."""
    awaited: asyncio.Task[bytes | None] | None = None
    try:
        while True:
            awaited = awaited or asyncio.create_task(_next(parts))
            await asyncio.wait([awaited], timeout=standing.seconds_left)
            if not standing.seconds_left and (ended := await standing.look()):
                if farewell and ended is not Ended.CHANGED:
                    yield farewell
                return
            if awaited.done():
                part, awaited = awaited.result(), None
                if part is None:
                    return
                yield part
    finally:
        try:
            await _closed(parts, awaited)
        finally:
            await standing.end()


async def _next(parts: Parts) -> bytes | None:
    return await anext(parts, None)


async def _closed(parts: Parts, awaited: asyncio.Task[bytes | None] | None) -> None:
    """A generator that is at work cannot be closed: its work ends first."""
    if awaited is not None:
        awaited.cancel()
        await asyncio.gather(awaited, return_exceptions=True)
    await parts.aclose()
