"""Requests take turns (`tenants.limits.turns`) before any of them costs more than reading its headers."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from contextlib import ExitStack
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.http import parse_cookie

from tenants.access.addresses import address_behind, network_of
from tenants.accounts.devices import device_in
from tenants.limits.bodies import Bodies
from tenants.limits.turns import AGAIN_SECONDS, CallerKind, Crowded, QueuePlace, Turns, during, is_served
from tenants.web.throttling import LOGIN_PATHS, SAFE_METHODS

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]

BEGUN = frozenset({"http.response.start", "websocket.accept", "websocket.close"})
"""An answer begins when the work is done; what streams after that has slots of its own."""
TRY_AGAIN_LATER = 1013
WITHOUT_PASSWORD = tuple(f"/api/v1/auth/{name}/" for name in ("token/refresh", "key-token", "logout"))
"""Programs renew what they have there: nothing is hashed, and no flood of passwords keeps them waiting."""


@lru_cache(maxsize=1)
def turns() -> Turns:
    """Of this process."""
    return Turns(settings.FACETRACK_TURNS)


@lru_cache(maxsize=1)
def bodies() -> Bodies:
    """Of this process: as much as the largest body there may be."""
    return Bodies((settings.DATA_UPLOAD_MAX_NUMBER_FILES + 1) * settings.DATA_UPLOAD_MAX_MEMORY_SIZE)


class TakeTurns:
    """ASGI middleware: a request or handshake waits for its turn; where none comes, it is to come again."""

    def __init__(self, application: Application) -> None:
        self.application = application

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.application(scope, receive, send)
            return
        headers = headers_of(scope)
        place = place_of(scope, headers)
        with ExitStack() as stack:
            try:
                stack.enter_context(bodies().held(place.host, _length(headers)))
                turn = stack.enter_context(during(await turns().take(place)))
            except Crowded as error:
                await _refuse(scope, send, error)
                return

            async def sending(message: Message) -> None:
                if message["type"] in BEGUN:
                    turn.give()
                await send(message)

            await self.application(scope, receive, sending)


def headers_of(scope: Message) -> dict[str, str]:
    """By name; those that come more than once are joined by commas."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    return headers


def place_of(scope: Message, headers: Mapping[str, str]) -> QueuePlace:
    """For whom the request is, by its headers alone: a lie in them gains nothing but another queue."""
    host = headers.get("host", "").rsplit(":", 1)[0].lower()
    peer = str((scope.get("client") or [""])[0])
    address = network_of(address_behind(peer, headers.get("x-forwarded-for", "")))
    shown, device = _shown(scope, headers)
    return QueuePlace(host if is_served(host) else "", shown, device or address)


def _length(headers: Mapping[str, str]) -> int:
    """Of the body, which the web server has read; it takes no other than one of this length."""
    length = headers.get("content-length", "0")
    return int(length) if length.isascii() and length.isdigit() and len(length) < 16 else 0


def _shown(scope: Message, headers: Mapping[str, str]) -> tuple[CallerKind, str]:
    """And the name of the device, if it is one."""
    cookies = parse_cookie(headers.get("cookie", ""))
    if device := device_in(cookies):
        return CallerKind.DEVICE, device
    signed_in = "authorization" in headers or settings.SESSION_COOKIE_NAME in cookies
    path = scope["path"]
    way_in = path.startswith(LOGIN_PATHS) and path not in WITHOUT_PASSWORD
    if signed_in and not way_in:
        return CallerKind.LOGIN, ""
    attempts = way_in and scope.get("method", "GET") not in SAFE_METHODS
    return (CallerKind.ATTEMPT if attempts else CallerKind.NOTHING), ""


async def _refuse(scope: Message, send: Send, error: Crowded) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": TRY_AGAIN_LATER})
        return
    kind, said = "text/plain", str(error)
    if scope["path"].startswith("/api/"):
        kind = "application/problem+json"
        problem = {"type": "about:blank", "title": "Service Unavailable", "status": 503}
        problem |= {"detail": said, "code": "crowded"}
        said = json.dumps(problem)
    headers = {"Content-Type": kind, "Retry-After": str(AGAIN_SECONDS), "Cache-Control": "no-store"}
    pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": 503, "headers": pairs})
    await send({"type": "http.response.body", "body": said.encode()})
