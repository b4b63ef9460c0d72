"""Sends requests through the whole stack of middleware, and reads all that comes back."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any
from urllib.parse import urlencode

from asgiref.sync import async_to_sync
from django.conf import settings
from django.core.handlers.base import BaseHandler
from django.core.handlers.wsgi import WSGIRequest
from django.test import RequestFactory

MAX_CHUNKS = 50


@dataclass(frozen=True, slots=True)
class Order:
    """A request before it is sent."""

    method: str
    host: str
    path: str
    query: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    kind: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    cookies: dict[str, str] = field(default_factory=dict)
    checked_for_csrf: bool = False
    address: str = "192.0.2.1"

    @property
    def text(self) -> str:
        """All that the request says."""
        said = [
            self.host,
            self.path,
            urlencode(self.query),
            *self.query.values(),
            self.body.decode("latin-1"),
        ]
        return "\n".join([*said, *self.headers.values(), *self.cookies.values()])


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        lines = [f"{name}: {value}" for name, value in self.headers.items()]
        return "\n".join([*lines, self.body.decode("utf-8", "replace")])


class Browser:
    """As a web server does, without a socket between."""

    def __init__(self) -> None:
        self._handler = BaseHandler()
        self._handler.load_middleware()
        self._factory = RequestFactory()

    def send(self, order: Order) -> Answer:
        response: Any = self._handler.get_response(self._request(order))
        try:
            body = self._body(response)
        finally:
            response.close()
        cookies = "; ".join(f"{name}={morsel.value}" for name, morsel in response.cookies.items())
        return Answer(response.status_code, {**dict(response.items()), "Set-Cookie": cookies}, body)

    def _request(self, order: Order) -> WSGIRequest:
        environ = {
            f"HTTP_{name.upper().replace('-', '_')}": value.encode().decode("latin-1")
            for name, value in order.headers.items()
        }
        environ |= {"SERVER_NAME": order.host, "REMOTE_ADDR": order.address}
        if order.cookies:
            environ["HTTP_COOKIE"] = "; ".join(f"{name}={value}" for name, value in order.cookies.items())
        if order.query:
            environ["QUERY_STRING"] = urlencode(order.query)
        kind = order.kind or "application/octet-stream"
        extra: dict[str, Any] = environ
        request = self._factory.generic(order.method, order.path, order.body, kind, **extra)
        request._dont_enforce_csrf_checks = not order.checked_for_csrf  # type: ignore[attr-defined]
        return request

    def _body(self, response: Any) -> bytes:
        if not response.streaming:
            return bytes(response.content)
        if not response.is_async:
            return b"".join(response.streaming_content)
        return async_to_sync(_first_chunks)(aiter(response.streaming_content))


async def _first_chunks(stream: AsyncIterator[bytes]) -> bytes:
    """What an endless answer says at first."""
    import asyncio

    found = BytesIO()
    try:
        for _ in range(MAX_CHUNKS):
            found.write(await asyncio.wait_for(anext(stream), 0.05))
    except (TimeoutError, StopAsyncIteration):
        pass
    return found.getvalue()


def session_cookie() -> str:
    return str(settings.SESSION_COOKIE_NAME)
