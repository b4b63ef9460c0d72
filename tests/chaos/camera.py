"""A camera that shows people by a script, keeps a ledger of whom it has shown, and has moods."""

from __future__ import annotations

import base64
import os
import socket
import struct
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction

import av

from tests.chaos.people import HEIGHT, WIDTH, drawn
from tests.stages.rtsp_server import PAYLOAD, RtspServer, _fragments
from workers.recognition.types import Picture

FPS = 8
SHOWN_SECONDS, EMPTY_SECONDS = 6.0, 2.5


class Mood(Enum):
    WELL = "well"
    SILENT = "silent"
    """Connected, and sends nothing."""
    GARBAGE = "garbage"
    LARGER = "larger"
    """Another resolution in the same stream."""


@dataclass(frozen=True)
class Shown:
    """One line of the ledger, by the wall clock of this machine."""

    person: int
    began: float
    ended: float


class Camera(RtspServer):
    """An RTSP camera on a port of its own, for any number of clients; `kill` and `revive` pull its plug."""

    def __init__(self, *, first_person: int = 1, login: str = "") -> None:
        super().__init__(login=login)
        self.mood = Mood.WELL
        self.ledger: list[Shown] = []
        self.viewers = 0
        self._next_person = first_person
        self._script = 0
        self._port = self._listener.getsockname()[1]
        self._person: int | None = None
        self._dead = threading.Event()
        self._clients: set[socket.socket] = set()
        threading.Thread(target=self._direct, daemon=True).start()

    @property
    def url(self) -> str:
        return f"rtsp://127.0.0.1:{self._port}/door"

    def show(self, people: int) -> None:
        """Let so many people pass, one after the other."""
        self._script += people

    @property
    def done(self) -> bool:
        return self._script == 0 and self._person is None

    def kill(self) -> None:
        """As if its plug was pulled: connections end, and new ones are refused."""
        self._dead.set()
        for one in (self._listener, *self._clients):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)  # wakes whoever waits in it
            one.close()

    def revive(self, *, login: str | None = None) -> None:
        if login is not None:
            self._login = base64.b64encode(login.encode()).decode() if login else ""
        self._listener = socket.create_server(("127.0.0.1", self._port))
        self._dead.clear()
        threading.Thread(target=self._serve, daemon=True).start()

    def _direct(self) -> None:
        """Changes who is in the room."""
        while not self._over.is_set():
            if not self._script:
                self._over.wait(0.1)
                continue
            self._person, began = self._next_person, time.time()
            self._over.wait(SHOWN_SECONDS)
            self.ledger.append(Shown(self._next_person, began, time.time()))
            self._person, self._next_person = None, self._next_person + 1
            self._over.wait(EMPTY_SECONDS)
            self._script -= 1

    def _serve(self) -> None:
        listener = self._listener
        while not self._over.is_set():
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._attend, args=(connection,), daemon=True).start()

    def _attend(self, connection: socket.socket) -> None:
        self._clients.add(connection)
        try:
            with connection:
                self._answer(connection)
        except (OSError, ValueError):
            pass  # the client has gone, as clients do
        finally:
            self._clients.discard(connection)

    def _play(self, connection: socket.socket) -> None:
        encoder, number, sent, size = _encoder(WIDTH, HEIGHT), 0, 0, (WIDTH, HEIGHT)
        self.viewers += 1
        began = time.monotonic()
        try:
            while not (self._over.is_set() or self._dead.is_set()):
                time.sleep(max(0.0, began + sent / FPS - time.monotonic()))
                if self.mood is Mood.SILENT:
                    began += 1 / FPS
                    continue
                wanted = (2 * WIDTH, 2 * HEIGHT) if self.mood is Mood.LARGER else (WIDTH, HEIGHT)
                if wanted != size:
                    encoder, size = _encoder(*wanted), wanted
                units = _encoded(encoder, drawn(self._person, sent), size, sent)
                if self.mood is Mood.GARBAGE:
                    units = [unit[:1] + os.urandom(len(unit) - 1) for unit in units]
                number = self._send_units(connection, units, number, sent)
                sent += 1
        finally:
            self.viewers -= 1

    def _send_units(self, connection: socket.socket, units: list[bytes], number: int, sent: int) -> int:
        for unit in units:
            for payload, last in _fragments(unit):
                marker = 0x80 if last and unit is units[-1] else 0
                stamp = sent * 90000 // FPS
                packet = struct.pack("!BBHII", 0x80, marker | PAYLOAD, number & 0xFFFF, stamp, 1) + payload
                connection.sendall(b"$\x00" + struct.pack("!H", len(packet)) + packet)
                number += 1
        return number

    def _description(self) -> str:
        units = _encoded(_encoder(WIDTH, HEIGHT), drawn(None, 0), (WIDTH, HEIGHT), 0)
        self._pictures = [units]
        return super()._description()


def _encoder(width: int, height: int) -> av.VideoCodecContext:
    encoder = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
    encoder.time_base, encoder.framerate = Fraction(1, FPS), Fraction(FPS)
    encoder.options = {"preset": "ultrafast", "tune": "zerolatency", "g": "8", "crf": "20"}
    return encoder


def _encoded(encoder: av.VideoCodecContext, picture: Picture, size: tuple[int, int], pts: int) -> list[bytes]:
    frame = av.VideoFrame.from_ndarray(picture, format="bgr24").reformat(*size, format="yuv420p")
    frame.pts = pts
    data = b"".join(bytes(packet) for packet in encoder.encode(frame))
    units = data.replace(b"\x00\x00\x00\x01", b"\x00\x00\x01").split(b"\x00\x00\x01")
    return [unit for unit in units if unit]
