"""Sources that mean harm: the child that decodes is bounded and ended, an error says why, others go on."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from contextlib import closing
from ipaddress import ip_address, ip_network

import cv2
import numpy as np
import psutil
import pytest

from cameras.rules import AddressPolicy
from tests.stages.elsewhere import Elsewhere
from tests.stages.hostile_cameras import (
    HEAD,
    PART,
    Attack,
    byte_by_byte,
    chunk_with_an_endless_extension,
    description_of_100_megabytes,
    flood,
    gzip_behind_a_trick,
    gzip_bomb,
    head_without_end,
    hostile,
    larger_pictures_later,
    line_without_end,
    part_of_two_gigabytes,
    part_without_a_length,
    pictures_of_65500,
    rtsp_head_without_end,
)
from tests.stages.rtsp_server import RtspServer
from workers.process.camera_run import MIN_PAUSE, REFUSED_PAUSE, _waits_long, pause_after
from workers.recognition.capture import ProcessSource, Source, SourceError, limits, open_source, process

LOCAL = AddressPolicy(loopback=True)
MEGABYTES_AROUND = 110
"""What interpreter, libraries and the shared pictures take of real memory, beyond the limit."""

CHILD = "workers.recognition.capture.child"
FLOODED = r"has sent 64 MB without a picture|has sent nothing usable for"
"""The second where the machine takes more than 5 s for 64 MB."""


class Scales:
    """The most memory, in megabytes, that any one child of this process had while it was watched."""

    def __init__(self) -> None:
        self.most = 0.0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._weigh, daemon=True)

    def __enter__(self) -> Scales:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(10)

    def _weigh(self) -> None:
        while not self._over.wait(0.05):
            for child in psutil.Process().children():
                with contextlib.suppress(psutil.Error):
                    if CHILD not in child.cmdline():  # a fork that has not begun yet weighs what we do
                        continue
                    self.most = max(self.most, child.memory_info().rss / 1_000_000)


def read_until_failure(source: Source) -> None:
    for _ in range(10_000):
        if source.read() is None:
            return


def play(kind: str, port: int, *, megabytes: int = limits.MEGABYTES) -> None:
    place = f"{kind}://127.0.0.1:{port}/x"
    with closing(open_source(kind, place, policy=LOCAL, fps=30, megabytes=megabytes)) as source:
        read_until_failure(source)


@pytest.mark.parametrize(
    ("kind", "attack", "message"),
    [
        ("http", part_without_a_length, FLOODED),
        ("http", part_of_two_gigabytes, FLOODED),
        ("http", gzip_bomb, "compresses its answer"),
        ("http", gzip_behind_a_trick, "sends an answer that is not HTTP"),
        ("http", head_without_end, "longer than any camera's"),
        ("http", line_without_end, "longer than any camera's"),
        ("http", chunk_with_an_endless_extension, FLOODED),
        ("http", pictures_of_65500, r"no video that can be decoded|64 MB without|pictures in a row"),
        ("http", larger_pictures_later, "pictures in a row that cannot be decoded or have more than"),
        ("http", byte_by_byte, "has sent nothing usable for"),
        ("rtsp", rtsp_head_without_end, "longer than any camera's"),
        ("rtsp", description_of_100_megabytes, "longer than any camera's"),
    ],
)
def test_an_attack_is_ended_says_why_and_takes_little(kind: str, attack: Attack, message: str) -> None:
    before = psutil.Process().memory_info().rss
    with hostile(attack) as port, Scales() as scales, pytest.raises(SourceError, match=message) as error:
        play(kind, port)
    assert scales.most < 300
    assert psutil.Process().memory_info().rss - before < 50_000_000
    assert error.value.fix_hint
    assert f"127.0.0.1:{port}" in error.value.message


def test_the_kernel_bounds_what_every_check_has_missed() -> None:
    """With a limit too small for the pictures, which are none too large in themselves."""

    def cameras(guest: socket.socket) -> None:
        big = cv2.imencode(".jpg", np.full((3000, 4000, 3), 90, dtype=np.uint8))[1].tobytes()
        guest.sendall(HEAD + b"\r\n")
        flood(guest, PART + b"Content-Length: %d\r\n\r\n" % len(big) + big + b"\r\n")

    with hostile(cameras) as port:
        with closing(open_source("http", f"http://127.0.0.1:{port}/x", policy=LOCAL)) as source:
            assert source.read() is not None
        with Scales() as scales, pytest.raises(SourceError, match=r"more memory|died") as error:
            play("http", port, megabytes=40)
    assert "FACETRACK_CAMERA_MEGABYTES" in error.value.fix_hint
    assert error.value.excessive
    assert scales.most < 40 + MEGABYTES_AROUND


def test_a_child_has_all_its_limits_and_its_time_is_renewed() -> None:
    with RtspServer() as server:
        source = open_source("rtsp", server.url, policy=LOCAL, fps=30)
        assert isinstance(source, ProcessSource)
        assert source.read() is not None
        child = psutil.Process(source.pid)
        memory = child.rlimit(psutil.RLIMIT_AS)[1]
        assert memory < 1_200_000_000
        assert child.rlimit(psutil.RLIMIT_CORE) == (0, 0)
        assert child.rlimit(psutil.RLIMIT_FSIZE) == (0, 0)
        assert child.rlimit(psutil.RLIMIT_NOFILE)[1] == limits.FILES
        spent = sum(child.cpu_times()[:2])
        soft = child.rlimit(psutil.RLIMIT_CPU)[0]
        assert spent < soft <= spent + limits.CPU_SECONDS + 1
        # As after hours, when all of the first allowance is used up: the next picture gives more.
        child.rlimit(psutil.RLIMIT_CPU, (int(spent) + 2, -1))
        for _ in range(5):
            assert source.read() is not None
        assert child.rlimit(psutil.RLIMIT_CPU)[0] > int(spent) + 2
        source.close()


def test_a_child_that_only_computes_is_ended_by_the_kernel() -> None:
    with RtspServer() as server:
        source = open_source("rtsp", server.url, policy=LOCAL, fps=30)
        assert isinstance(source, ProcessSource)
        assert source.read() is not None
        source._child.send_signal(24)  # SIGXCPU, as the kernel does
        with pytest.raises(SourceError, match="seconds of processor time") as error:
            read_until_failure(source)
        source.close()
    assert error.value.excessive


def test_a_source_that_took_too_much_waits_long_however_good_it_was() -> None:
    for error, longest in (
        (SourceError("x", "y"), MIN_PAUSE),
        (SourceError("x", "y", excessive=True), REFUSED_PAUSE),
        (SourceError("x", "y", refused=True), REFUSED_PAUSE),
    ):
        pauses = [pause_after(1, refused=_waits_long(error)) for _ in range(50)]
        assert max(pauses) <= longest
        assert min(pauses) >= longest / 2


def test_another_camera_goes_on_beside_an_attack() -> None:
    with (
        RtspServer() as server,
        hostile(part_without_a_length) as port,
        closing(open_source("rtsp", server.url, policy=LOCAL, fps=30)) as good,
    ):
        with pytest.raises(SourceError):
            play("http", port)
        assert good.read() is not None


def test_a_child_is_not_believed_about_its_pictures() -> None:
    """A decoder that was taken over says what it likes."""
    for lie in ({"slot": 9}, {"slot": -1}, {"height": 100_000}, {"width": 0}, {"width": -5}):
        said = {"slot": 0, "count": 2, "height": 48, "width": 64, "index": 0, "at": 0.0}
        assert process._measured(dict(said)) == said
        with pytest.raises(ValueError, match="no such picture"):
            process._measured(said | lie)


# --- What a stranger's address answers -------------------------------------------------------------------

STRANGE = AddressPolicy()
SAID = "could not be opened: check its address, that it is on"


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def says(answer: bytes) -> Attack:
    def said(guest: socket.socket) -> None:
        guest.sendall(answer)
        guest.recv(4096)

    return said


def test_a_strange_address_tells_one_thing_after_one_time(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A closed port, a silent one, a web page, an error, a redirect, a name that is not there, a flood."""
    monkeypatch.setattr(process, "STRANGER_SECONDS", 6.0)
    caplog.set_level("INFO", logger=process.__name__)
    policy = Elsewhere(loopback=True)
    told: set[str] = set()
    with contextlib.ExitStack() as servers:
        ports = [
            servers.enter_context(hostile(attack))
            for attack in (
                lambda guest: time.sleep(30),
                says(b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n<html>a page</html>."),
                says(b"HTTP/1.1 404 Not Found\r\n\r\n"),
                says(b"HTTP/1.1 403 Forbidden\r\n\r\n"),
                says(b"HTTP/1.1 302 Found\r\nLocation: http://10.0.0.1/\r\n\r\n"),
                says(b"SSH-2.0-OpenSSH_9.9\r\n"),
                gzip_bomb,
            )
        ]
        places = [f"127.0.0.1:{port}" for port in (*ports, closed_port())]
        for place in (*places, "no-such-camera.invalid"):
            began = time.monotonic()
            with pytest.raises(SourceError) as error:
                open_source("http", f"http://{place}/x", policy=policy)
            assert time.monotonic() - began >= 6.0, place
            assert (error.value.refused, error.value.excessive) == (False, False), place
            assert "died" not in caplog.text, "the child has tried"
            told.add(str(error.value).replace(place, "PLACE"))
    assert len(told) == 1, told
    assert SAID in told.pop()


def test_a_name_inside_our_network_is_like_one_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a name stands for is not told; `localhost` resolves, to where nothing may be opened."""
    monkeypatch.setattr(process, "STRANGER_SECONDS", 2.0)
    for host in ("localhost", "no-such-camera.invalid"):
        with pytest.raises(SourceError, match=rf"http://{host}/x {SAID}"):
            open_source("http", f"http://{host}/x", policy=STRANGE)


def test_what_was_typed_is_judged_in_words() -> None:
    """A rule about an address tells nothing of the network."""
    with pytest.raises(SourceError, match=r"10\.0\.0\.7/x is refused: its address is private") as error:
        open_source("rtsp", "rtsp://10.0.0.7/x", policy=STRANGE)
    assert "your organisation" in error.value.fix_hint


def test_where_the_installation_is_is_told_to_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "STRANGER_SECONDS", 2.0)
    ours = AddressPolicy(own=frozenset({("93.184.215.14", 5432)}))
    with pytest.raises(SourceError, match=SAID):
        open_source("http", "http://93.184.215.14:5432/", policy=ours)
    closed = AddressPolicy(own=frozenset({("10.0.0.5", 5432)}))
    assert closed.problem(ip_address("10.0.0.5"), 5432) == closed.problem(ip_address("10.0.0.6"), 5432)


def test_a_camera_that_asks_for_a_login_says_so_wherever_it_is() -> None:
    asks = says(b'HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm="x"\r\n\r\n')
    with hostile(asks) as port, pytest.raises(SourceError, match="refuses the login") as error:
        open_source("http", f"http://127.0.0.1:{port}/x", policy=Elsewhere(loopback=True))
    assert error.value.refused


def test_in_its_own_network_a_tenant_is_told_all() -> None:
    own = AddressPolicy(networks=(ip_network("10.1.0.0/16"),))
    assert own.tells(ip_address("10.1.2.3"))
    assert own.tells(ip_address("::ffff:10.1.2.3"))
    for address in ("10.2.0.1", "93.184.215.14", "127.0.0.1", "::1"):
        assert not own.tells(ip_address(address))
    with pytest.raises(SourceError, match="refuses the connection"):
        open_source("http", f"http://127.0.0.1:{closed_port()}/x", policy=LOCAL)
