"""Where a worker connects: to the address that was judged, whatever names, redirects and playlists say."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler
from ipaddress import ip_address, ip_network
from pathlib import Path
from urllib.parse import urlsplit

import cv2
import numpy as np
import pytest

from cameras.rules import AddressPolicy
from tests.stages.listening import listening, serving_http
from tests.stages.rtsp_server import RtspServer
from workers.recognition.capture import SourceError, address, open_source, process
from workers.recognition.capture.address import Address, clip, pinned
from workers.recognition.capture.gate import Gate
from workers.recognition.capture.network import NetworkSource

PUBLIC, INSIDE = ip_address("93.184.215.14"), ip_address("10.1.2.3")
LOCAL = AddressPolicy(loopback=True)


class Lying(BaseHTTPRequestHandler):
    """A host of the attacker: sends whoever asks to `victim`, by redirects or playlists; notes its guests."""

    victim = ""
    hosts: list[str] = []

    def do_GET(self) -> None:
        self.hosts.append(self.headers["Host"])
        code = self.path.strip("/")
        if code.isdigit():
            self.send_response(int(code))
            self.send_header("Location", self.victim)
            self.end_headers()
            return
        body = {
            "/list.m3u8": f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{self.victim}\n#EXT-X-ENDLIST\n",
            "/list.ffconcat": f"ffconcat version 1.0\nfile '{self.victim}'\n",
            "/list.sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\n"
            f"m=video {urlsplit(self.victim).port} RTP/AVP 96\na=rtpmap:96 H264/90000\n",
            "/list.mpd": '<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration='
            '"PT9S" profiles="urn:mpeg:dash:profile:isoff-main:2011"><Period><AdaptationSet><Representation '
            f'id="1" bandwidth="1" mimeType="video/mp4"><BaseURL>{self.victim}</BaseURL></Representation>'
            "</AdaptationSet></Period></MPD>",
        }[self.path].encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(autouse=True)
def _no_thread_is_left() -> Iterator[None]:
    """A server that outlives its test would hold its port, and hear the guests of another one's."""
    before = set(threading.enumerate())
    yield
    for thread in set(threading.enumerate()) - before:
        thread.join(20)
        assert not thread.is_alive(), thread


@pytest.fixture
def victim() -> Iterator[list[bytes]]:
    """A service of this machine that nobody may reach; the list says what was heard there."""
    heard: list[bytes] = []

    with listening(lambda guest: heard.append(b"a guest")) as port:
        Lying.victim = f"http://127.0.0.1:{port}/secret"
        yield heard


@pytest.fixture
def liar() -> Iterator[str]:
    Lying.hosts = []
    with serving_http(Lying) as port:
        yield f"http://127.0.0.1:{port}"


@pytest.mark.parametrize("code", ["301", "302", "303", "307", "308"])
def test_a_redirect_is_not_followed(liar: str, victim: list[bytes], code: str) -> None:
    with pytest.raises(SourceError, match="redirects to another address"):
        open_source("http", f"{liar}/{code}", policy=LOCAL)
    assert victim == []


@pytest.mark.parametrize("path", ["list.m3u8", "list.ffconcat", "list.sdp", "list.mpd"])
def test_a_playlist_of_other_addresses_is_no_video(liar: str, victim: list[bytes], path: str) -> None:
    with pytest.raises(SourceError, match=r"sends no video|cannot be opened"):
        open_source("http", f"{liar}/{path}", policy=LOCAL)
    assert victim == []


@pytest.mark.parametrize(
    "answer",
    [
        "RTSP/1.0 302 Moved\r\nCSeq: 1\r\nLocation: {victim}\r\n\r\n",
        " RTSP/1.0  302 Moved\r\nCSeq: 1\r\nLocation: {victim}\r\n\r\n",
        "RT\rSP/1.0 302 Moved\r\nCSeq: 1\r\nLocation: {victim}\r\n\r\n",
        "$\0\0\5AAAAARTSP/1.0 301 Moved\r\nCSeq: 1\r\nLocation: {victim}\r\n\r\n",
        "RTSP/2.0 0302 Moved\r\nCSeq: 1\r\nLocation: {victim}\r\n\r\n",
    ],
)
def test_a_redirect_of_rtsp_is_not_followed(victim: list[bytes], answer: str) -> None:
    """FFmpeg follows them to any host, and no option of it says otherwise."""
    location = Lying.victim.replace("http", "rtsp")

    def welcome(guest: socket.socket) -> None:
        guest.recv(4096)
        guest.sendall(answer.replace("{victim}", location).encode())
        guest.recv(1)

    with listening(welcome) as port, pytest.raises(SourceError, match="redirects to another address"):
        open_source("rtsp", f"rtsp://127.0.0.1:{port}/x", policy=LOCAL)
    assert victim == []


def test_the_host_keeps_its_name_and_its_judged_address(
    liar: str, victim: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that leads to a camera when it is judged and to a service a moment later (DNS rebinding)."""
    asked: list[str] = []
    port = urlsplit(liar).port

    def resolver(host: str, port: int) -> list[Address]:
        asked.append(host)
        return [ip_address("127.0.0.1") if len(asked) == 1 else INSIDE]

    monkeypatch.setattr(address, "resolved", resolver)
    monkeypatch.setattr(address.pinned, "__defaults__", (resolver,))
    with pytest.raises(SourceError, match="redirects to another address"):
        NetworkSource(  # here, not in the process that `open_source` gives it: this resolver is of here
            "http",
            f"http://camera.example:{port}/302",
            username="",
            password="",
            fps=10,
            policy=LOCAL,
        )
    assert asked == ["camera.example"]
    assert set(Lying.hosts) == {f"camera.example:{port}"}


@pytest.mark.parametrize(
    ("found", "policy"),
    [
        ([PUBLIC, INSIDE], AddressPolicy()),
        ([INSIDE], AddressPolicy(networks=(ip_network("10.2.0.0/16"),))),
        ([ip_address("127.0.0.1")], AddressPolicy()),
        ([ip_address("::1")], AddressPolicy()),
        ([ip_address("::ffff:127.0.0.1")], AddressPolicy()),
        ([ip_address("169.254.169.254")], AddressPolicy()),
        ([PUBLIC], AddressPolicy(own=frozenset({("db.internal", 554)}))),
        ([PUBLIC], AddressPolicy(own=frozenset({("facetrack.example", 0)}))),
        ([ip_address("::ffff:93.184.215.14")], AddressPolicy(own=frozenset({("93.184.215.14", 554)}))),
    ],
)
def test_one_bad_address_refuses_the_name(found: list[Address], policy: AddressPolicy) -> None:
    def resolver(host: str, port: int) -> list[Address]:
        return found if host == "camera.example" else [PUBLIC]

    with pytest.raises(SourceError, match=r"rtsp://camera.example/x is refused"):
        pinned(urlsplit("rtsp://camera.example/x"), policy, "rtsp://camera.example/x", resolver)


def test_a_good_name_is_pinned_to_all_it_was_found_at() -> None:
    policy = AddressPolicy(networks=(ip_network("10.1.2.0/24"),), own=frozenset({("gone.internal", 1)}))

    def resolver(host: str, port: int) -> list[Address]:
        if host == "gone.internal":
            raise OSError("unknown")
        return [PUBLIC, INSIDE]

    place = pinned(urlsplit("rtsps://camera.example/x"), policy, "x", resolver)
    assert (place.addresses, place.port) == ((PUBLIC, INSIDE), 322)


def test_a_worker_does_not_connect_where_the_policy_forbids(
    victim: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "STRANGER_SECONDS", 1.0)
    port = urlsplit(Lying.victim).port
    for host in ("127.0.0.1", "localhost", "[::1]", "2130706433", "127.1", "0x7f000001", "0"):
        for kind in ("rtsp", "http"):
            with pytest.raises(SourceError, match=r"is refused|could not be opened"):
                open_source(kind, f"{kind}://{host}:{port}/x", policy=AddressPolicy())
    assert victim == []


def test_a_login_stands_where_the_camera_wants_it(liar: str, victim: list[bytes]) -> None:
    paths: list[str] = []

    class Noting(Lying):
        def do_GET(self) -> None:
            paths.append(self.path)
            self.send_error(404)

    with serving_http(Noting) as port:
        url = f"http://127.0.0.1:{port}/user={{username}}/x?pwd={{password}}"
        with pytest.raises(SourceError, match="not found") as error:
            open_source("http", url, username="me", password="a&b c", policy=LOCAL)
    assert paths == ["/user=me/x?pwd=a%26b%20c"]
    assert "a&b" not in str(error.value)


def test_a_gate_ends_with_its_source() -> None:
    with RtspServer() as server:
        before = {thread for thread in threading.enumerate() if thread.name == "gate"}
        source = NetworkSource("rtsp", server.url, username="", password="", fps=30, policy=LOCAL)
        assert source.read() is not None
        gates = [t for t in threading.enumerate() if t.name == "gate" and t not in before]
        assert gates
        source.close()
        for thread in gates:
            thread.join(10)
            assert not thread.is_alive()


def test_the_gate_tries_each_address() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        places = (ip_address("127.0.0.2"), ip_address("127.0.0.1"))
        port = listener.getsockname()[1]
        with closing(Gate(address.Pinned("camera.example", port, places), "http", seconds=2)):
            assert listener.accept()[1][0] == "127.0.0.1"


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    for place in ("clips/all.mp4", "clips/acme/own.mp4", "clips/other/theirs.mp4", "secret.mp4"):
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        writer = cv2.VideoWriter(str(tmp_path / place), cv2.VideoWriter.fourcc(*"mp4v"), 10.0, (64, 48))
        writer.write(np.zeros((48, 64, 3), dtype=np.uint8))
        writer.release()
    (tmp_path / "clips" / "way-out.mp4").symlink_to(tmp_path / "secret.mp4")
    (tmp_path / "clips" / "acme" / "to-theirs.mp4").symlink_to(tmp_path / "clips" / "other" / "theirs.mp4")
    (tmp_path / "clips" / "acme" / "up").symlink_to(tmp_path)
    return tmp_path / "clips"


@pytest.mark.parametrize("location", ["all.mp4", "acme/own.mp4", "{clips}/all.mp4", "acme/../all.mp4"])
def test_clips_below_the_folder_are_played(clips: Path, location: str) -> None:
    with closing(
        open_source(
            "file",
            location.format(clips=clips),
            policy=AddressPolicy(),
            folder=clips,
            owner="acme",
            pace=False,
        )
    ) as source:
        assert source.read() is not None


@pytest.mark.parametrize(
    "location",
    [
        "way-out.mp4",
        "acme/to-theirs.mp4",
        "acme/up/secret.mp4",
        "other/theirs.mp4",
        "../secret.mp4",
        "{clips}/../secret.mp4",
        "/etc/passwd",
        "/proc/self/environ",
        "",
        ".",
        "a\0b",
    ],
)
def test_no_other_file_is_played(clips: Path, location: str) -> None:
    with pytest.raises(SourceError):
        clip(location.format(clips=clips), clips, "acme")
