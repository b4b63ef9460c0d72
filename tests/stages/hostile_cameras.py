"""Cameras that mean harm, each as a server for any number of guests."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
import zlib
from collections.abc import Callable, Iterator

import cv2
import numpy as np

from tests.stages.listening import end

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=f\r\n"
PART = b"--f\r\nContent-Type: image/jpeg\r\n"
Attack = Callable[[socket.socket], None]


def flood(guest: socket.socket, data: bytes) -> None:
    while True:
        guest.sendall(data)


def picture(width: int, height: int) -> bytes:
    """A small JPEG that says it is of this size."""
    data = bytearray(cv2.imencode(".jpg", np.full((64, 64, 3), 90, dtype=np.uint8))[1].tobytes())
    at = data.index(b"\xff\xc0")
    data[at + 5 : at + 9] = struct.pack(">HH", height, width)
    return PART + b"Content-Length: %d\r\n\r\n" % len(data) + bytes(data) + b"\r\n"


def part_without_a_length(guest: socket.socket) -> None:
    guest.sendall(HEAD + b"\r\n" + PART + b"\r\n")
    flood(guest, b"\xff\xd8\xff\xe0" + b"A" * 65_532)


def part_of_two_gigabytes(guest: socket.socket) -> None:
    guest.sendall(HEAD + b"\r\n" + PART + b"Content-Length: 2000000000\r\n\r\n")
    flood(guest, b"\xff\xd8\xff\xe0" + b"A" * 65_532)


def gzip_bomb(guest: socket.socket) -> None:
    bomb = zlib.compressobj(9, zlib.DEFLATED, 31)
    guest.sendall(HEAD + b"Content-Encoding: gzip\r\n\r\n")
    while True:
        guest.sendall(bomb.compress(bytes(20_000_000)))


def gzip_behind_a_trick(guest: socket.socket) -> None:
    """A line that one reader takes for the end of the head and another for one more field."""
    guest.sendall(HEAD + b"\r\r\nContent-Encoding: gzip\r\n\r\n")
    flood(guest, zlib.compress(bytes(1_000_000)))


def head_without_end(guest: socket.socket) -> None:
    guest.sendall(b"HTTP/1.1 200 OK\r\n")
    flood(guest, b"X-Field: value\r\n" * 1000)


def line_without_end(guest: socket.socket) -> None:
    guest.sendall(b"HTTP/1.1 200 OK\r\nX-Field: ")
    flood(guest, b"a" * 65_536)


def chunk_with_an_endless_extension(guest: socket.socket) -> None:
    guest.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n1;")
    flood(guest, b"x" * 65_536)


def pictures_of_65500(guest: socket.socket) -> None:
    guest.sendall(HEAD + b"\r\n")
    flood(guest, picture(65_500, 65_500))


def larger_pictures_later(guest: socket.socket) -> None:
    guest.sendall(HEAD + b"\r\n")
    for _ in range(10):
        guest.sendall(picture(64, 64))
        time.sleep(0.04)
    while True:
        guest.sendall(picture(16_000, 16_000))
        time.sleep(0.01)


def byte_by_byte(guest: socket.socket) -> None:
    for byte in HEAD:
        guest.sendall(bytes([byte]))
        time.sleep(0.5)


def rtsp_head_without_end(guest: socket.socket) -> None:
    guest.sendall(b"RTSP/1.0 200 OK\r\nCSeq: 1\r\n")
    flood(guest, b"X-Field: value\r\n" * 1000)


def description_of_100_megabytes(guest: socket.socket) -> None:
    guest.sendall(b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nPublic: DESCRIBE\r\n\r\n")
    guest.recv(4096)
    guest.sendall(b"RTSP/1.0 200 OK\r\nCSeq: 2\r\nContent-Type: application/sdp\r\n")
    guest.sendall(b"Content-Length: 100000000\r\n\r\n")
    flood(guest, b"a=attribute\r\n" * 1000)


@contextlib.contextmanager
def hostile(attack: Attack) -> Iterator[int]:
    """The port of a server that does this to each guest."""

    def serve() -> None:
        while True:
            try:
                guest, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=harm, args=(guest,), daemon=True).start()

    def harm(guest: socket.socket) -> None:
        with guest, contextlib.suppress(OSError):
            guest.recv(4096)
            attack(guest)

    listener = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        end(thread, listener)
