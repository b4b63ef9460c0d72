"""Who may open a websocket: a page of the very host that it is opened on."""

import asyncio
from collections.abc import MutableMapping
from typing import Any

import pytest
from pytest_django import Settings

from facetrack.asgi import application
from tenants.web.origins import may_connect


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("acme.localhost:8000", "http://acme.localhost:8000"),
        ("acme.localhost", "http://acme.localhost"),
        ("acme.localhost:80", "http://acme.localhost"),
        ("ACME.localhost", "http://acme.LOCALHOST"),
        ("acme.localhost", "https://acme.localhost"),
        ("127.0.0.1:8000", "http://127.0.0.1:8000"),
    ],
)
def test_a_page_of_the_same_host_may(host: str, origin: str) -> None:
    assert may_connect(host, origin, cookie=True)


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("acme.localhost:8000", "http://other.localhost:8000"),
        ("acme.localhost:8000", "http://localhost:8000"),
        ("acme.localhost:8000", "http://acme.localhost:8001"),
        ("acme.localhost:8000", "http://acme.localhost"),
        ("acme.localhost:8000", "http://acme.localhost.evil.example:8000"),
        ("acme.localhost:8000", "http://evil-acme.localhost:8000"),
        ("acme.localhost:8000", "http://acme.localhost:8000@evil.example"),
        ("acme.localhost:8000", "http://evil.example/acme.localhost:8000"),
        ("acme.localhost:8000", "null"),
        ("acme.localhost:8000", ""),
        ("acme.localhost:8000", "file://"),
        ("acme.localhost:8000", "ftp://acme.localhost:8000"),
        ("acme.localhost:8000", "http://acme.localhost:x"),
        ("acme.localhost:8000", None),
        ("evil.example", "http://evil.example"),
        ("", "http://"),
        ("[", "http://["),
    ],
)
def test_any_other_may_not(host: str, origin: str | None) -> None:
    assert not may_connect(host, origin, cookie=True)


def test_a_program_without_cookies_needs_no_origin() -> None:
    assert may_connect("acme.localhost", None, cookie=False)


def test_behind_tls_a_page_came_over_tls(settings: Settings) -> None:
    settings.BEHIND_TLS = True
    assert may_connect("acme.localhost", "https://acme.localhost", cookie=True)
    assert not may_connect("acme.localhost", "http://acme.localhost", cookie=True)
    settings.CSRF_TRUSTED_ORIGINS = ["https://acme.localhost:8443"]
    assert may_connect("acme.localhost", "https://acme.localhost:8443", cookie=True)
    assert not may_connect("other.localhost", "https://acme.localhost:8443", cookie=True)


@pytest.mark.parametrize("origin", [b"http://other.localhost", None])
def test_the_handshake_is_refused(origin: bytes | None) -> None:
    """Before anything looks for the session."""
    sent: list[dict[str, Any]] = []
    headers = [(b"host", b"acme.localhost"), (b"cookie", b"sessionid=x")]
    headers += [(b"origin", origin)] if origin else []
    scope = {"type": "websocket", "path": "/ws/live/", "query_string": b"", "headers": headers}

    waiting: list[dict[str, Any]] = [
        {"type": "websocket.disconnect", "code": 1006},
        {"type": "websocket.connect"},
    ]

    async def receive() -> dict[str, Any]:
        return waiting.pop()

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(dict(message))

    asyncio.run(application(scope, receive, send))
    assert [message["type"] for message in sent] == ["websocket.close"]
