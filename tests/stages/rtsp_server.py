"""A small RTSP server for tests: H.264 over TCP (RFC 2326 interleaved, RFC 6184 packets), one client at once.

The far end of the network, as a camera would be: moving pictures, an optional login, a mood to fall silent.
"""

from __future__ import annotations

import base64
import socket
import struct
import threading
import time
from fractions import Fraction
from types import TracebackType
from typing import BinaryIO, Self

import av
import numpy as np

from tests.stages.listening import end

WIDTH, HEIGHT, FPS = 160, 120, 15
PAYLOAD = 96
MAX_BYTES = 1200


def encoded_pictures(count: int) -> list[list[bytes]]:
    """The NAL units of each of `count` pictures of a moving bar; parameter sets with each key frame."""
    encoder = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height, encoder.pix_fmt = WIDTH, HEIGHT, "yuv420p"
    encoder.time_base, encoder.framerate = Fraction(1, FPS), Fraction(FPS)
    encoder.options = {"preset": "ultrafast", "tune": "zerolatency", "g": "5"}
    pictures = []
    for i in range(count):
        picture = np.full((HEIGHT, WIDTH, 3), 60, dtype=np.uint8)
        picture[:, (i * 7) % WIDTH : (i * 7) % WIDTH + 20] = 220
        frame = av.VideoFrame.from_ndarray(picture, format="bgr24")
        frame.pts = i
        data = b"".join(bytes(packet) for packet in encoder.encode(frame))
        units = data.replace(b"\x00\x00\x00\x01", b"\x00\x00\x01").split(b"\x00\x00\x01")
        pictures.append([unit for unit in units if unit])
    return pictures


class RtspServer:
    """Serves on a free port of 127.0.0.1 while the `with` block lasts.

    `login` is "user:password" or empty; after `silent_after` pictures nothing more is sent.
    """

    def __init__(self, *, login: str = "", silent_after: int | None = None) -> None:
        self._login = base64.b64encode(login.encode()).decode() if login else ""
        self._silent_after = silent_after
        self._pictures = encoded_pictures(30)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._guests: list[socket.socket] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    @property
    def url(self) -> str:
        return f"rtsp://127.0.0.1:{self._listener.getsockname()[1]}/door"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        end(self._thread, self._listener, *self._guests)

    def _serve(self) -> None:
        while not self._over.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._guests = [connection]
            with connection:
                try:
                    self._answer(connection)
                except OSError:
                    continue  # the client has gone, as clients do

    def _answer(self, connection: socket.socket) -> None:
        reader = connection.makefile("rb")
        while request := reader.readline().decode().split():
            headers = _headers(reader)
            method, sequence = request[0], headers.get("CSeq", "0")
            refusal = self._refusal(method, headers)
            if refusal is not None:
                self._send(connection, "401 Unauthorized", sequence, refusal)
                continue
            extra, body = "", ""
            if method == "OPTIONS":
                extra = "Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN"
            elif method == "DESCRIBE":
                extra, body = "Content-Type: application/sdp", self._description()
            elif method == "SETUP":
                extra = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\nSession: 1"
            elif method == "PLAY":
                extra = "Session: 1"
            self._send(connection, "200 OK", sequence, extra, body)
            if method == "PLAY":
                self._play(connection)
                return

    def _refusal(self, method: str, headers: dict[str, str]) -> str | None:
        """The header that asks for a login; None where the request has it, or needs none."""
        if self._login and headers.get("Authorization") != f"Basic {self._login}":
            return 'WWW-Authenticate: Basic realm="cam"'
        return None

    def _send(
        self, connection: socket.socket, status: str, sequence: str, extra: str, body: str = ""
    ) -> None:
        lines = [f"RTSP/1.0 {status}", f"CSeq: {sequence}", f"Content-Length: {len(body)}"]
        connection.sendall(("\r\n".join(lines + ([extra] if extra else [])) + "\r\n\r\n" + body).encode())

    def _description(self) -> str:
        parameters = ",".join(
            base64.b64encode(unit).decode() for unit in self._pictures[0] if unit[0] & 31 in (7, 8)
        )
        lines = [
            "v=0",
            "o=- 0 0 IN IP4 127.0.0.1",
            "s=door",
            "c=IN IP4 127.0.0.1",
            "t=0 0",
            f"m=video 0 RTP/AVP {PAYLOAD}",
            f"a=rtpmap:{PAYLOAD} H264/90000",
            f"a=fmtp:{PAYLOAD} packetization-mode=1;sprop-parameter-sets={parameters}",
            "a=control:track1",
        ]
        return "\r\n".join(lines) + "\r\n"

    def _play(self, connection: socket.socket) -> None:
        number, sent = 0, 0
        while not self._over.is_set():
            if self._silent_after is not None and sent >= self._silent_after:
                self._over.wait(30)
                return
            units = self._pictures[sent % len(self._pictures)]
            for unit in units:
                for payload, last in _fragments(unit):
                    marker = 0x80 if last and unit is units[-1] else 0
                    header = struct.pack(
                        "!BBHII", 0x80, marker | PAYLOAD, number & 0xFFFF, sent * 90000 // FPS, 1
                    )
                    number += 1
                    packet = header + payload
                    connection.sendall(b"$\x00" + struct.pack("!H", len(packet)) + packet)
            sent += 1
            time.sleep(1 / FPS)


def _headers(reader: BinaryIO) -> dict[str, str]:
    headers = {}
    while line := reader.readline().decode().strip():
        name, _, value = line.partition(": ")
        headers[name] = value
    return headers


def _fragments(unit: bytes) -> list[tuple[bytes, bool]]:
    """A NAL unit as RTP payloads: whole, or in fragments of type FU-A; True marks the last one."""
    if len(unit) <= MAX_BYTES:
        return [(unit, True)]
    indicator, kind = (unit[0] & 0xE0) | 28, unit[0] & 0x1F
    parts = [unit[start : start + MAX_BYTES] for start in range(1, len(unit), MAX_BYTES)]
    return [
        (
            bytes([indicator, kind | (0x80 if i == 0 else 0) | (0x40 if i == len(parts) - 1 else 0)]) + part,
            i == len(parts) - 1,
        )
        for i, part in enumerate(parts)
    ]
