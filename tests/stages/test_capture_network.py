import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import cv2
import numpy as np
import pytest

from cameras.rules import AddressPolicy
from tests.stages.listening import serving_http
from tests.stages.rtsp_server import HEIGHT, WIDTH, RtspServer
from workers.recognition.capture import ProcessSource, Source, SourceError, open_source, process
from workers.recognition.capture.network import NetworkSource
from workers.recognition.orientation import AS_IS, Orientation, QuarterTurn
from workers.recognition.types import Frame

SECRET = "hunter2:@/#"
LOCAL = AddressPolicy(loopback=True)
STREAMS = ("/mjpeg", "/large", "/changing", "/garbage", "/squeezed")


class Camera(BaseHTTPRequestHandler):
    """An HTTP camera: a stream of JPEGs at /mjpeg, and several ways to go wrong."""

    def do_GET(self) -> None:
        self.path = self.path.partition("?")[0]
        if self.path in STREAMS:
            self._stream(self.path)
        elif self.path == "/private":
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="cam"')
            self.end_headers()
        elif self.path == "/page":
            body = b"<html>A camera's own page</html>" * 200
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        else:
            self.send_error({"/broken": 500}.get(self.path, 404))

    def _stream(self, path: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        self.end_headers()
        for i in range(40):
            size = (1000, 2667) if path == "/large" else (48, 64)
            if path == "/changing" and i >= 20:
                size = (96, 128)
            picture = np.full((*size, 3), 40 + i * 4, dtype=np.uint8)
            data = cv2.imencode(".jpg", picture)[1].tobytes()
            if path == "/garbage" and 10 <= i < 20:
                data = bytes(np.random.default_rng(i).integers(0, 256, len(data), dtype=np.uint8))
            if path == "/squeezed":  # JFIF: no unit, 2 to 1
                data = data[:13] + bytes((0, 0, 2, 0, 1)) + data[18:]
            head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(data)}\r\n\r\n"
            try:
                self.wfile.write(head.encode() + data + b"\r\n")
            except OSError:
                return
            time.sleep(0.04)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def http() -> Iterator[str]:
    with serving_http(Camera) as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def silent() -> Iterator[int]:
    """The port of a server that accepts and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def read_many(source: Source) -> None:
    for _ in range(100):
        source.read()


def test_an_http_camera_delivers_frames(http: str) -> None:
    source = open_source("http", f"{http}/mjpeg", fps=30, policy=LOCAL)
    frames = [frame for frame in (source.read() for _ in range(5)) if frame is not None]
    source.close()
    assert frames[0].picture.shape == (48, 64, 3)
    assert frames[0].at == pytest.approx(time.time(), abs=5)
    assert [frame.index for frame in frames] == sorted({frame.index for frame in frames})


@pytest.mark.parametrize(
    ("path", "orientation", "shape"),
    [
        ("/squeezed", AS_IS, (48, 128, 3)),
        ("/squeezed", Orientation(pixel_aspect=1.0), (48, 64, 3)),
        ("/mjpeg", Orientation(pixel_aspect=2.0), (48, 128, 3)),
        ("/mjpeg", Orientation(QuarterTurn.LEFT, mirrored=True, pixel_aspect=0.5), (64, 96, 3)),
        ("/large", Orientation(QuarterTurn.RIGHT), (1920, 720, 3)),
    ],
)
def test_a_stream_is_shown_as_it_says_or_as_the_camera_is_set(
    http: str, path: str, orientation: Orientation, shape: tuple[int, int, int]
) -> None:
    source = open_source("http", f"{http}{path}", fps=30, policy=LOCAL, orientation=orientation)
    frame = source.read()
    source.close()
    assert frame is not None
    assert frame.picture.shape == shape


def test_a_camera_that_stops_sending_is_an_error_that_says_so(http: str) -> None:
    source = open_source("http", f"{http}/mjpeg", fps=30, policy=LOCAL)
    with pytest.raises(SourceError, match="stopped sending"):
        read_many(source)
    source.close()


def test_an_rtsp_camera_delivers_frames_over_tcp() -> None:
    with RtspServer() as server:
        source = open_source("rtsp", server.url, fps=30, policy=LOCAL)
        frames = [frame for frame in (source.read() for _ in range(6)) if frame is not None]
        source.close()
    assert len(frames) == 6
    assert frames[0].picture.shape == (HEIGHT, WIDTH, 3)
    assert frames[-1].picture.max() > 180


def test_a_login_with_difficult_characters_is_accepted() -> None:
    with RtspServer(login=f"ad min:{SECRET}") as server:
        source = open_source("rtsp", server.url, username="ad min", password=SECRET, policy=LOCAL)
        assert source.read() is not None
        source.close()


def test_a_wrong_login_is_told_without_repeating_it() -> None:
    with (
        RtspServer(login="admin:right") as server,
        pytest.raises(SourceError, match="refuses the login") as error,
    ):
        open_source("rtsp", server.url, username="admin", password=SECRET, policy=LOCAL)
    assert "hunter2" not in str(error.value)
    assert "admin" not in str(error.value)


def test_a_camera_that_falls_silent_is_noticed() -> None:
    with RtspServer(silent_after=8) as server:
        source = open_source("rtsp", server.url, fps=30, policy=LOCAL)
        started = time.monotonic()
        with pytest.raises(SourceError, match="has sent nothing"):
            read_many(source)
        source.close()
    assert time.monotonic() - started < 20  # it hangs for a minute without its time-outs


@pytest.mark.parametrize("kind", ["rtsp", "http"])
def test_a_server_that_never_answers_is_given_up_in_time(kind: str, silent: int) -> None:
    started = time.monotonic()
    with pytest.raises(SourceError, match="has sent nothing"):
        open_source(kind, f"{kind}://127.0.0.1:{silent}/x", policy=LOCAL)
    assert time.monotonic() - started < 20  # it hangs for a minute without its time-outs


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/private", "refuses the login"),
        ("/nowhere", "is not found"),
        ("/broken", "answers with an error"),
        ("/page", "sends no video"),
    ],
)
def test_http_addresses_that_are_no_camera(http: str, path: str, message: str) -> None:
    with pytest.raises(SourceError, match=message) as error:
        open_source("http", f"{http}{path}?token={SECRET}", username="admin", password=SECRET, policy=LOCAL)
    text = str(error.value)
    assert path in text
    assert "hunter2" not in text
    assert error.value.__cause__ is None
    assert error.value.fix_hint


def test_a_closed_port_is_a_refused_connection() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(SourceError, match="refuses the connection"):
        open_source("rtsp", f"rtsp://admin:{'x'}@127.0.0.1:{port}/x", policy=LOCAL)


def frames_until_failure(source: Source) -> list[Frame]:
    frames: list[Frame] = []
    with suppress(SourceError):
        while (frame := source.read()) is not None:
            frames.append(frame)
    return frames


def live(server: RtspServer, fps: float = 30) -> ProcessSource:
    source = open_source("rtsp", server.url, fps=fps, policy=LOCAL)
    assert isinstance(source, ProcessSource)
    return source


def test_the_newest_frame_wins_and_drops_are_counted() -> None:
    with RtspServer() as server:
        source = live(server)
        first = source.read()
        time.sleep(1.0)
        second = source.read()
        source.close()
    assert first is not None
    assert second is not None
    assert second.index - first.index > 8
    assert source.dropped > 8
    assert second.at == pytest.approx(time.time(), abs=1)
    assert source.facts["codec"] == "h264"


def test_a_child_that_hangs_is_killed_for_certain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopped by a signal, as deaf as a decoder in an endless loop."""
    monkeypatch.setattr(process, "FRAME_SECONDS", 1.0)
    with RtspServer() as server:
        source = live(server)
        assert source.read() is not None
        os.kill(source.pid, signal.SIGSTOP)
        with pytest.raises(SourceError, match="has sent nothing for 1 seconds"):
            read_many(source)
        source.close()
        source.close()
    assert not Path(f"/proc/{source.pid}").exists()


def test_a_child_that_crashes_is_a_source_that_failed() -> None:
    with RtspServer() as server:
        source = live(server)
        os.kill(source.pid, signal.SIGSEGV)
        with pytest.raises(SourceError, match="decoder of the camera died"):
            read_many(source)
        source.close()


def test_a_child_ends_with_its_parent_and_knows_none_of_its_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACETRACK_SECRET_KEY", SECRET)
    with RtspServer(login=f"admin:{SECRET}") as server:
        source = open_source("rtsp", server.url, username="admin", password=SECRET, policy=LOCAL)
        assert isinstance(source, ProcessSource)
        for name in ("cmdline", "environ"):
            assert b"hunter2" not in Path(f"/proc/{source.pid}/{name}").read_bytes()
        assert source._child.stdin is not None
        source._child.stdin.close()
        source._child.wait(5)


def test_a_large_picture_is_made_smaller_by_the_child(http: str) -> None:
    source = open_source("http", f"{http}/large", fps=30, policy=LOCAL)
    frame = source.read()
    source.close()
    assert frame is not None
    assert frame.picture.shape == (720, 1920, 3)


def test_a_camera_that_changes_its_picture_goes_on(http: str) -> None:
    source = open_source("http", f"{http}/changing", fps=30, policy=LOCAL)
    shapes = {frame.picture.shape for frame in frames_until_failure(source)}
    source.close()
    assert {(48, 64, 3), (96, 128, 3)} <= shapes


def test_garbage_in_the_stream_is_stepped_over(http: str) -> None:
    source = open_source("http", f"{http}/garbage", fps=30, policy=LOCAL)
    last = frames_until_failure(source)[-1]
    source.close()
    assert last.picture.mean() > 150, "pictures after the damaged ones did not come"
    assert isinstance(source, ProcessSource)
    assert source.lost > 0


def test_a_host_that_nobody_knows() -> None:
    with pytest.raises(SourceError, match="host is unknown"):
        NetworkSource(
            "rtsp", "rtsp://no-such-camera.invalid/x", username="", password="", fps=10, policy=LOCAL
        )


@pytest.mark.parametrize(
    "location", ["", "http://", "file:///etc/passwd", "rtsp://[", "ftp://a/b", "http://a:0x/"]
)
def test_addresses_of_another_kind_are_refused(location: str) -> None:
    with pytest.raises(SourceError, match="this is not an HTTP address"):
        open_source("http", location, policy=LOCAL)
