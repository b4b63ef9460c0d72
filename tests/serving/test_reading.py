"""Websockets on a real server whose other end does not read, or sends what is none."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.backing import ROOT

SMALL_BUFFER = 20_000
UNLIMITED = 40_000_000
"""Bytes that the systems' buffers on both sides do not hold."""


@pytest.fixture
def server() -> Iterator[tuple[subprocess.Popen[str], int]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.serving.loud"],
        cwd=ROOT,
        env=dict(os.environ),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        yield process, int(process.stdout.readline())
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def opened(port: int, path: str) -> socket.socket:
    """A websocket whose handshake is done."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BUFFER)
    connection.settimeout(20)
    connection.connect(("127.0.0.1", port))
    connection.sendall(handshake(path))
    assert connection.recv(2_000).startswith(b"HTTP/1.1 101")
    return connection


def handshake(path: str) -> bytes:
    return (
        f"GET {path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    ).encode()


def test_a_socket_that_never_reads_ends(server: tuple[subprocess.Popen[str], int]) -> None:
    process, port = server
    with opened(port, "/loud/"):
        assert process.stdout is not None
        words = process.stdout.readline()
    assert words.startswith("ended after ")
    assert int(words.split()[-1]) < UNLIMITED


def test_pings_are_not_answered_without_end(server: tuple[subprocess.Popen[str], int]) -> None:
    """The answers of a socket that does not read would wait in the server's memory."""
    _, port = server
    ping = b"\x89\xfd" + b"\0" * 4 + b"p" * 125
    with opened(port, "/quiet/") as connection:
        connection.settimeout(3)
        with pytest.raises((TimeoutError, ConnectionError)):
            connection.sendall(ping * (UNLIMITED // len(ping)))


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        (b"\x81\xff" + (100_000_000).to_bytes(8, "big") + b"\0" * 4, 1009),
        (b"\x81\xfe" + (5_000).to_bytes(2, "big") + b"\0" * 5_004, 1009),
        (
            (b"\x01\xfe" + (3_000).to_bytes(2, "big") + b"\0" * 3_004) + b"\x80\xfe\x0b\xb8" + b"\0" * 3_004,
            1009,
        ),
        (b"\x81\x02{}", 1002),
        (b"\xf1\x82" + b"\0" * 4 + b"{}", 1002),
        (b"\x81\x82" + b"\0" * 4 + b"\xff\xfe", 1007),
    ],
    ids=["huge", "large", "in parts", "unmasked", "reserved", "no utf-8"],
)
def test_a_frame_that_is_none_ends_the_socket(
    server: tuple[subprocess.Popen[str], int], frame: bytes, code: int
) -> None:
    with opened(server[1], "/quiet/") as connection:
        connection.sendall(frame)
        said = connection.recv(2_000)
        assert (said[0], int.from_bytes(said[2:4], "big")) == (0x88, code)
