"""What a real web server does with requests that do not come, or come in drops, or are too much."""

import json
import select
import socket
import time
from collections.abc import Iterator

import pytest

from tests.serving.conftest import CONNECTIONS, IDLE_SECONDS, OF_ADDRESS, REQUEST_SECONDS, Web
from tests.serving.test_reading import handshake

pytestmark = pytest.mark.django_db  # the server is of the database that tests have

HEAD = b"Host: acme.localhost\r\nContent-Type: application/json\r\n"
WHOLE = b"GET /login/ HTTP/1.1\r\nHost: acme.localhost\r\n\r\n"
TOKEN = b"POST /api/v1/auth/token/ HTTP/1.1\r\n" + HEAD
FOR_EVER = 60
"""Seconds after which a connection that is still open was not ended by the server's deadline of two."""


def drops(connection: socket.socket, first: bytes, drop: bytes) -> bytes:
    """Send a beginning, then a drop every 0.3 s until the server ends it; what it said."""
    connection.sendall(first)
    said, deadline = b"", time.monotonic() + FOR_EVER
    while time.monotonic() < deadline:
        readable, _, _ = select.select([connection], [], [], 0.3)
        try:
            if readable:
                part = connection.recv(65_536)
                if not part:
                    return said
                said += part
            else:
                connection.sendall(drop)
        except ConnectionError:
            return said
    raise AssertionError("the connection is held open")


@pytest.fixture
def connection(web: Web) -> Iterator[socket.socket]:
    with web.connect() as connection:
        yield connection


def response(connection: socket.socket) -> bytes:
    """All that comes until the server closes."""
    said = b""
    while True:
        try:
            part = connection.recv(65_536)
        except ConnectionError:
            return said
        if not part:
            return said
        said += part


@pytest.mark.parametrize(
    ("first", "drop"),
    [
        (b"GET / HTTP/1.1\r\nHost: acme.localhost\r\n", b"X-A: b\r\n"),
        (b"GET / HTTP/1.1\r\nX-A: ", b"b"),
        (b"GET ", b"/"),
        (TOKEN + b"Content-Length: 1000\r\n\r\n", b" "),
        (TOKEN + b"Content-Length: 1000\r\n\r\n", b""),
        (handshake("/ws/live/")[:60], b"x"),
        (WHOLE + b"GET / HTTP/1.1\r\nX-A: ", b"b"),
    ],
    ids=["headers", "a header", "first line", "body", "no body", "handshake", "pipelined"],
)
def test_a_request_in_drops_is_not_awaited(connection: socket.socket, first: bytes, drop: bytes) -> None:
    said = drops(connection, first, drop)
    assert b"HTTP/1.1 408 Request Timeout" in said or not said


def test_a_connection_that_says_nothing_is_ended(connection: socket.socket) -> None:
    assert response(connection) == b""


def test_a_connection_is_kept_for_a_while_between_requests(connection: socket.socket) -> None:
    for _ in range(2):
        connection.sendall(WHOLE)
        assert connection.recv(65_536).startswith(b"HTTP/1.1 200")
        time.sleep(REQUEST_SECONDS / 4)
    began = time.monotonic()
    response(connection)
    assert time.monotonic() - began > IDLE_SECONDS / 4


def test_what_is_slow_in_the_application_is_awaited(connection: socket.socket) -> None:
    """The deadline is for the request: what was sent whole is answered however long that takes."""
    connection.sendall(WHOLE * 5)
    said = b""
    while said.count(b"HTTP/1.1 200") < 5:
        part = connection.recv(65_536)
        assert part, said[-300:]
        said += part


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (TOKEN + b"Content-Length: 999999999999\r\n\r\n", 413),
        (TOKEN + b"Content-Length: 999999999999\r\nExpect: 100-continue\r\n\r\n", 413),
        (TOKEN + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", 411),
        (WHOLE[:-2] + b"Cookie: a=" + b"x" * 64_000 + b"\r\n\r\n", 431),
        (WHOLE[:-2] + b"X-A: b\r\n" * 5_000 + b"\r\n", 400),
        (TOKEN + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n", 400),
        (TOKEN + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        (TOKEN + b"Content-Length: -1\r\n\r\n", 400),
        (TOKEN + b"Content-Length: " + b"9" * 5_000 + b"\r\n\r\n", 413),
    ],
    ids=["large", "expect", "chunks", "cookie", "headers", "two lengths", "both", "negative", "digits"],
)
def test_what_is_too_much_is_refused_unread(connection: socket.socket, request_: bytes, status: int) -> None:
    connection.sendall(request_)
    said = response(connection)
    assert said.startswith(f"HTTP/1.1 {status} ".encode()), said[:200]
    if status in (411, 413):
        problem = json.loads(said.partition(b"\r\n\r\n")[2])
        assert problem["status"] == status


def test_one_address_has_so_many_connections(web: Web) -> None:
    held = [web.connect("127.0.0.7") for _ in range(OF_ADDRESS)]
    try:
        with web.connect("127.0.0.7") as one_more:
            assert response(one_more) == b""
        with web.connect("127.0.0.8") as another:
            another.sendall(WHOLE)
            assert another.recv(65_536).startswith(b"HTTP/1.1 200")
    finally:
        for connection in held:
            connection.close()


def test_the_oldest_that_waits_goes_where_there_are_too_many(web: Web) -> None:
    """So that whoever holds all there are keeps nobody out."""
    held = [web.connect(f"127.0.1.{number}") for number in range(CONNECTIONS)]
    try:
        with web.connect("127.0.0.9") as newcomer:
            newcomer.sendall(WHOLE)
            assert newcomer.recv(65_536).startswith(b"HTTP/1.1 200")
    finally:
        for connection in held:
            connection.close()
