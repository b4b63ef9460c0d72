"""Logins that cameras ask for, over RTSP and HTTP, in many spellings of Digest."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler

import cv2
import numpy as np
import pytest

from cameras.rules import AddressPolicy
from tests.stages.digest import DigestCheck
from tests.stages.listening import serving_http
from tests.stages.rtsp_server import RtspServer
from workers.recognition.capture import SourceError
from workers.recognition.capture.gate import Pieces
from workers.recognition.capture.login import CameraLogin, UnsupportedLogin
from workers.recognition.capture.network import NetworkSource

LOCAL = AddressPolicy(loopback=True)
PASSWORD = "p@ss:#/%?"
MD5 = 'Digest realm="cam", nonce="{nonce}", algorithm=MD5'
SHA = 'Digest realm="cam", nonce="{nonce}", algorithm=SHA-256'
SPELLINGS = [
    [MD5],
    ['Digest realm="cam", nonce="{nonce}"'],
    [SHA],
    ['digest nonce="{nonce}",qop="auth",REALM = "cam" , Algorithm="SHA-256"'],
    ["DIGEST algorithm=sha-256, qop=auth, realm=cam, nonce={nonce}"],
    ['Digest realm="cam", qop="auth-int,auth", nonce="{nonce}", opaque="a,b=c", algorithm=SHA-256-sess'],
    ['Digest realm="cam", qop="auth-int", nonce="{nonce}", algorithm=MD5-sess'],
    ['Digest realm="cam", nonce="{nonce}", algorithm=SHA-512-256, qop="auth"'],
    [MD5, SHA],
    [SHA, MD5],
    ['Basic realm="cam"', SHA],
    [f'Basic realm="cam, Digest", {SHA}, Digest realm="x"'],
    ['Digest realm="cam", nonce="{nonce}", algorithm=SHA3-999', SHA],
]


class DigestRtsp(RtspServer):
    """An RTSP camera that asks for Digest; for the third request it wants the nonce `later`, if given."""

    def __init__(self, check: DigestCheck, later: str = "") -> None:
        super().__init__()
        self._check, self._later, self._accepted = check, later, 0

    def _refusal(self, method: str, headers: dict[str, str]) -> str | None:
        if self._later and self._accepted == 2:
            self._check.nonces.append(self._later)
            self._later = ""
            return self._headers(stale=True)
        if self._check.accepts(method, headers.get("Authorization", "")):
            self._accepted += 1
            return None
        return self._headers(stale=False)

    def _headers(self, *, stale: bool) -> str:
        return "\r\n".join(f"WWW-Authenticate: {one}" for one in self._check.offers(stale=stale))


@contextmanager
def http_camera(check: DigestCheck) -> Iterator[str]:
    data = cv2.imencode(".jpg", np.full((48, 64, 3), 90, dtype=np.uint8))[1].tobytes()

    class Camera(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if not check.accepts("GET", self.headers.get("Authorization", "")):
                self.send_response(401)
                for value in check.offers():
                    self.send_header("www-authenticate", value)
                self.end_headers()
                return
            assert check.seen[-1]["uri"] == self.path
            self.send_response(200)
            self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=f")
            self.end_headers()
            for _ in range(5):
                self.wfile.write(b"--f\r\nContent-Type: image/jpeg\r\n\r\n" + data + b"\r\n")

        def log_message(self, *_: object) -> None:
            pass

    with serving_http(Camera) as port:
        yield f"http://127.0.0.1:{port}/video?a=1&b=2"


def opened(url: str, *, username: str = "admin") -> NetworkSource:
    kind = url.partition(":")[0]
    return NetworkSource(kind, url, username=username, password=PASSWORD, fps=30, policy=LOCAL)


@pytest.mark.parametrize("headers", SPELLINGS)
@pytest.mark.parametrize("kind", ["rtsp", "http"])
def test_every_spelling_of_digest_is_answered(kind: str, headers: list[str]) -> None:
    check = DigestCheck(headers)
    with DigestRtsp(check) if kind == "rtsp" else http_camera(check) as camera:
        source = opened(camera if isinstance(camera, str) else camera.url)
        assert source.read() is not None
        source.close()
    strongest = any("sha-256" in one.lower() for one in headers)
    assert check.seen[-1].get("algorithm", "MD5").upper().startswith("SHA-256") is strongest


@pytest.mark.parametrize("headers", [SPELLINGS[0], SPELLINGS[2], SPELLINGS[8]])
@pytest.mark.parametrize("kind", ["rtsp", "http"])
def test_a_wrong_password_is_told_as_one(kind: str, headers: list[str]) -> None:
    check = DigestCheck(headers, password="another")
    with (
        DigestRtsp(check) if kind == "rtsp" else http_camera(check) as camera,
        pytest.raises(SourceError, match="refuses the login") as error,
    ):
        opened(camera if isinstance(camera, str) else camera.url)
    assert error.value.refused
    assert len(check.seen) == 1, "each further try brings the account nearer to its lockout"


@pytest.mark.parametrize(
    ("header", "named"),
    [
        ('Digest realm="cam", nonce="n", algorithm=SHA-384', "Digest with SHA-384"),
        ('Digest realm="cam", nonce="n", qop="token"', "Digest"),
        ("NTLM", "NTLM"),
        ("Negotiate", "Negotiate"),
    ],
)
@pytest.mark.parametrize("kind", ["rtsp", "http"])
def test_a_login_that_is_not_supported_is_no_wrong_password(kind: str, header: str, named: str) -> None:
    check = DigestCheck([header])
    with (
        DigestRtsp(check) if kind == "rtsp" else http_camera(check) as camera,
        pytest.raises(SourceError, match=f"asks for a login that is not supported .{named}") as error,
    ):
        opened(camera if isinstance(camera, str) else camera.url)
    assert not error.value.refused
    assert "MD5 or SHA-256" in error.value.fix_hint
    assert check.seen == []


def test_a_camera_may_change_its_nonce() -> None:
    check = DigestCheck(SPELLINGS[2])
    with DigestRtsp(check, later="second") as camera:
        source = opened(camera.url)
        assert source.read() is not None
        source.close()
    assert {said["nonce"] for said in check.seen} == {"n=1/a+b", "second"}


@pytest.mark.parametrize("username", ["pä ss", 'quo"te', "back\\slash"])
def test_user_names_with_odd_characters(username: str) -> None:
    login = CameraLogin(username, "x")
    assert login.stand_in([' Digest realm="r", nonce="n", algorithm=SHA-256']).startswith("Digest ")
    said = login.answer("GET", "/")
    assert said is not None
    assert said.encode().decode() == said
    assert "\r" not in said + str(CameraLogin("a\r\nX: y", "p").stand_in(['Basic realm="x"']))


def test_the_example_of_rfc_7616() -> None:
    login = CameraLogin("Mufasa", "Circle of Life")
    parts = 'qop="auth, auth-int", nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"'
    offer = f'Digest realm="http-auth@example.org", {parts}, opaque="FQhe"'
    login.stand_in([f"{offer}, algorithm=SHA-256", f"{offer}, algorithm=MD5"])
    login._client = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
    said = login.answer("GET", "/dir/index.html")
    assert said is not None
    assert 'response="753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"' in said
    login.stand_in([f"{offer}, algorithm=MD5"])
    login._client = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
    said = login.answer("GET", "/dir/index.html")
    assert said is not None
    assert 'response="8ca523f5e9506fed4657c9700eebdbec"' in said


@pytest.mark.parametrize("header", ["", '"', "Digest " + "a=" * 20_000, '=,="\\', "Digest", "\x00\x01"])
def test_no_header_breaks_it(header: str) -> None:
    with pytest.raises(UnsupportedLogin) as error:
        CameraLogin("a", "b").stand_in([header])
    assert len(str(error.value)) <= 60
    assert str(error.value).isprintable()


def test_packets_and_answers_are_told_apart_wherever_they_are_cut() -> None:
    packet = b"$\x00\x00\x05a\nb$c"
    stream = packet + b"RTSP/1.0 401 x\r\n\r\n" + packet + b"$\x01\x00\x00"
    for size in (1, 3, 7, len(stream)):
        pieces = Pieces()
        found = [piece for at in range(0, len(stream), size) for piece in pieces.of(stream[at : at + size])]
        assert found == [packet, b"RTSP/1.0 401 x\r\n", b"\r\n", packet, b"$\x01\x00\x00"]
