"""HTTP on plain asyncio streams, from any of this machine's addresses, as well or as badly as is wanted."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping
from contextlib import suppress

SMALL_BUFFER = 4_096
PART = 65_536
PATIENCE = 45.0
NO_ANSWER = "no answer"

Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def connect(port: int, address: str, *, deaf: bool = False) -> Stream:
    """From `address`; with a small buffer where nothing is going to be read. Raises OSError."""
    own = socket.socket()
    try:
        own.setblocking(False)
        if deaf:
            own.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BUFFER)
        own.bind((address, 0))
        async with asyncio.timeout(PATIENCE):
            await asyncio.get_running_loop().sock_connect(own, ("127.0.0.1", port))
        return await asyncio.open_connection(sock=own, limit=PART)
    except BaseException:
        own.close()
        raise


def head(method: str, path: str, headers: Mapping[str, str]) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode()


async def status_of(reader: asyncio.StreamReader) -> int:
    """Of the answer that comes; 0 where the connection ends without one."""
    words = (await reader.readline()).split()
    return int(words[1]) if len(words) > 1 and words[1].isdigit() else 0


async def rest(reader: asyncio.StreamReader) -> bytes:
    """The answer's head and what is shown of its body until the connection ends; the first 200 kB of it."""
    kept = b""
    while part := await reader.read(PART):
        if len(kept) < 200_000:
            kept += part
    return kept


async def send(writer: asyncio.StreamWriter, data: bytes) -> None:
    """All of it, or as much as is taken: a server that has refused already takes no more."""
    with suppress(ConnectionError):
        for start in range(0, len(data), PART):
            writer.write(data[start : start + PART])
            await writer.drain()


def close(writer: asyncio.StreamWriter) -> None:
    """At once, whatever was not sent or read."""
    writer.transport.abort()
