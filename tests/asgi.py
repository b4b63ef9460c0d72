"""A browser, or a program, that asks the ASGI application itself, as Daphne does."""

import asyncio
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from http.cookies import SimpleCookie
from typing import Any
from unittest.mock import patch
from urllib.parse import urlencode

from asgiref.sync import async_to_sync
from asgiref.testing import ApplicationCommunicator
from django.core.signals import request_finished, request_started
from django.db import close_old_connections

from facetrack.asgi import application


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    cookies: SimpleCookie
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    def json(self) -> Any:
        return json.loads(self.body)


class Asgi:
    """On a tenant's host, from an address. Keeps cookies, and sends forms with their CSRF token."""

    def __init__(self, host: str = "acme.localhost", address: str = "127.0.0.1") -> None:
        self.host, self.address = host, address
        self.cookies: dict[str, str] = {}

    def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> Answer:
        """Headers are named as in Python: `content_type`."""
        with _one_connection():
            return async_to_sync(self._ask)(method, path, body, headers)

    def ask_alone(self, method: str, path: str, body: bytes = b"", **headers: str) -> Answer:
        """As `ask`, on connections of its own: for rows that are committed, and for several threads."""
        return asyncio.run(self._ask(method, path, body, headers))

    def post_json(self, path: str, body: object, **headers: str) -> Answer:
        return self.ask("POST", path, json.dumps(body).encode(), content_type="application/json", **headers)

    def submit(self, path: str, form: Mapping[str, str], **headers: str) -> Answer:
        """Load the page of a form and send it."""
        found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', self.ask("GET", path).text)
        assert found, path
        body = urlencode({**form, "csrfmiddlewaretoken": found[1]}).encode()
        return self.ask("POST", path, body, content_type="application/x-www-form-urlencoded", **headers)

    async def _ask(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        opened: Any = ApplicationCommunicator(  # type: ignore[no-untyped-call]
            application, self._scope(method, path, body, headers)
        )
        await opened.send_input({"type": "http.request", "body": body})
        start = await opened.receive_output(timeout=60)
        content = b""
        while True:
            part = await opened.receive_output(timeout=60)
            content += part.get("body", b"")
            if not part.get("more_body"):
                break
        await asyncio.wait_for(opened.wait(timeout=60), 60)
        return self._answer(start, content)

    def _answer(self, start: Mapping[str, Any], content: bytes) -> Answer:
        cookies, headers = SimpleCookie(), {}
        for raw_name, raw_value in start["headers"]:
            name, value = raw_name.decode().lower(), raw_value.decode()
            if name == "set-cookie":
                cookies.load(value)
            else:
                headers[name] = value
        self.cookies |= {name: cookie.value for name, cookie in cookies.items()}
        return Answer(start["status"], headers, cookies, content)

    def _scope(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> dict[str, Any]:
        sent = {"host": self.host, "content_length": str(len(body))} | dict(headers)
        if self.cookies:
            sent["cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        path, _, query = path.partition("?")
        return {
            "type": "http",
            "http_version": "1.1",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "root_path": "",
            "scheme": "http",
            "query_string": query.encode(),
            "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in sent.items()],
            "client": [self.address, 40_000],
            "server": ["127.0.0.1", 80],
            "asgi": {"version": "3.0"},
        }


@contextmanager
def _one_connection() -> Iterator[None]:
    """The test's, whose transaction no other sees. Django gives each request a thread, with a connection of
    its own, and looks after connections at its ends; without that, what is synchronous runs in the thread
    that waits here."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    try:
        with patch("django.core.handlers.asgi.ThreadSensitiveContext", nullcontext):
            yield
    finally:
        for signal in (request_started, request_finished):
            signal.connect(close_old_connections)
