"""MJPEG that is loosely written, and HTTP addresses that give one picture a request."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing, suppress
from http.server import BaseHTTPRequestHandler

import cv2
import numpy as np
import pytest

from cameras.rules import AddressPolicy
from tests.stages.digest import DigestCheck
from tests.stages.listening import serving_http
from workers.recognition.capture import SourceError
from workers.recognition.capture.network import NetworkSource

LOCAL = AddressPolicy(loopback=True)
PASSWORD = "p@ss:#/%?"


def jpeg(number: int) -> bytes:
    picture = np.full((48, 64, 3), 40 + number * 20 % 200, dtype=np.uint8)
    return bytes(cv2.imencode(".jpg", picture)[1].tobytes())


class Camera(BaseHTTPRequestHandler):
    """Streams at /stream/..., named by what is left out; single pictures at all other paths."""

    served = 0
    heads: list[dict[str, str]] = []
    check = DigestCheck(['Digest realm="cam", nonce="{nonce}", algorithm=SHA-256, qop="auth"'])

    def do_GET(self) -> None:
        kind = type(self)
        kind.heads.append({name.lower(): value for name, value in self.headers.items()})
        if self.path.startswith("/stream/"):
            with suppress(OSError):
                self._stream(set(self.path.removeprefix("/stream/").split("-")))
            return
        if self.path == "/locked" and not self.check.accepts("GET", self.headers.get("Authorization", "")):
            self.send_response(401)
            self.send_header("ETag", '"of the refusal"')
            self.send_header("WWW-Authenticate", self.check.offers()[0])
            self.end_headers()
            return
        kind.served += 1
        self._single()

    def _single(self) -> None:
        if self.path == "/gone" and self.served > 3:
            self.send_error(404)
            return
        mark = '"v1"' if self.path == "/etag" else "Sat, 28 Nov 2026 05:00:00 GMT"
        asked = self.headers.get("If-None-Match" if self.path == "/etag" else "If-Modified-Since")
        if asked == mark and self.path in ("/etag", "/dated") and self.served < 6:
            self.send_response(304)
            self.end_headers()
            return
        data = jpeg(self.served)
        self.send_response(200)
        self.send_header("Content-Type", "text/plain" if self.path == "/odd" else "image/jpeg")
        if self.path == "/etag":
            self.send_header("ETag", mark)
        if self.path == "/dated":
            self.send_header("Last-Modified", mark)
        if self.path != "/odd":
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _stream(self, without: set[str]) -> None:
        boundary = "--frame" if "dashed" in without else '"frame"' if "quoted" in without else "frame"
        self.send_response(200)
        self.send_header("Content-Type", f"multipart/x-mixed-replace; boundary={boundary}")
        self.send_header("ETag", '"of a stream"')
        self.end_headers()
        for number in range(100):
            data = jpeg(number)
            lines = [] if "first" in without and number == 0 else [b"--frame"]
            if "type" not in without:
                lines.append(b"Content-Type: image/jpeg")
            if "length" not in without:
                lines.append(b"Content-Length: %d" % len(data))
            self.wfile.write(b"\r\n".join([*lines, b"", data, b""]))
            time.sleep(0.04)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def camera() -> Iterator[str]:
    Camera.served, Camera.heads = 0, []
    with serving_http(Camera) as port:
        yield f"http://127.0.0.1:{port}"


def opened(url: str, fps: float = 20, username: str = "") -> NetworkSource:
    return NetworkSource("http", url, username=username, password=PASSWORD, fps=fps, policy=LOCAL)


@pytest.mark.parametrize(
    "left_out",
    [
        "first",
        "type",
        "first-type",
        "first-length",
        "type-length",
        "first-type-length",
        "first-dashed",
        "type-dashed",
        "first-quoted",
        "length",
    ],
)
def test_a_stream_may_leave_out_what_it_likes(camera: str, left_out: str) -> None:
    with closing(opened(f"{camera}/stream/{left_out}")) as source:
        frames = [source.read() for _ in range(6)]
    shades = [round(float(frame.picture.mean())) for frame in frames if frame is not None]
    assert len(set(shades)) > 3, "the pictures move"
    assert not any("if-none-match" in head for head in Camera.heads)


@pytest.mark.parametrize("path", ["/now.jpg", "/locked"])
def test_single_pictures_are_fetched_as_often_as_they_are_analysed(camera: str, path: str) -> None:
    began = time.monotonic()
    with closing(opened(f"{camera}{path}", fps=10, username="admin")) as source:
        frames = [source.read() for _ in range(5)]
    assert time.monotonic() - began >= 0.4
    shades = [round(float(frame.picture.mean())) for frame in frames if frame is not None]
    assert shades == [40 + number * 20 for number in range(1, 6)]
    assert [frame.index for frame in frames if frame is not None] == [0, 1, 2, 3, 4]
    assert Camera.served == 5
    assert not any("if-none-match" in head for head in Camera.heads)


@pytest.mark.parametrize(("path", "asks"), [("/etag", "if-none-match"), ("/dated", "if-modified-since")])
def test_a_picture_that_has_not_changed_is_not_sent_again(camera: str, path: str, asks: str) -> None:
    with closing(opened(f"{camera}{path}")) as source:
        frames = [source.read() for _ in range(7)]
    shades = [round(float(frame.picture.mean())) for frame in frames if frame is not None]
    assert shades == [60] * 5 + [160, 180]
    assert [asks in head for head in Camera.heads] == [False] + [True] * 6


def test_an_address_of_pictures_that_fails_later_says_so(camera: str) -> None:
    with closing(opened(f"{camera}/gone")) as source:
        assert [source.read() is not None for _ in range(3)] == [True] * 3
        with pytest.raises(SourceError, match="is not found there"):
            source.read()
    assert Camera.served == 4
