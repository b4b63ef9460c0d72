"""Network cameras: RTSP over TCP and HTTP, decoded by FFmpeg through PyAV."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from errno import EIO
from typing import Any
from urllib.parse import SplitResult, quote, urlsplit, urlunsplit

import av
import av.error

from workers.stages.capture.source import Clock, Rhythm, SourceError
from workers.types import Frame

OPEN_SECONDS = 5.0  # a camera that answers at all does so within two seconds
READ_SECONDS = 5.0
SCHEMES = {"rtsp": ("rtsp", "rtsps"), "http": ("http", "https")}
DEFAULT_PORTS = {"rtsp": 554, "rtsps": 322, "http": 80, "https": 443}
OPTIONS = {
    "rtsp_transport": "tcp",  # over UDP a lost packet smears the picture until the next key frame
    # A playlist of a stranger must not make FFmpeg read files of this machine.
    "protocol_whitelist": "tcp,udp,tls,rtp,srtp,rtsp,rtsps,http,https,httpproxy,crypto,hls",
}
KNOWN: tuple[tuple[tuple[type[Exception], ...], str, str], ...] = (
    (
        (av.error.HTTPUnauthorizedError, av.error.HTTPForbiddenError),
        "refuses the login",
        "check the user name and the password",
    ),
    ((av.error.HTTPNotFoundError,), "is not found there", "check the path of the stream's address"),
    ((av.error.HTTPError,), "answers with an error", "open the address in a browser to see why"),
    ((ConnectionRefusedError,), "refuses the connection", "check the port, and that the camera is on"),
)


class NetworkSource:
    """An RTSP or HTTP stream. Blocks for each frame, `READ_SECONDS` at most."""

    def __init__(self, kind: str, location: str, *, username: str, password: str, fps: float) -> None:
        """Connects. Raises SourceError, within `OPEN_SECONDS` and the time that finding the host takes."""
        parts = _checked(kind, location)
        self._name = _public(parts)
        self._rhythm = Rhythm(fps)
        self._clock = Clock()
        self._index = 0
        _find_host(parts, self._name)
        self._container = self._opened(_with_login(parts, username, password))
        streams = self._container.streams.video
        if not streams:
            self.close()
            raise SourceError(f"{self._name} sends no video", "give the address of the camera's video stream")
        self._endless = self._container.duration is None
        self._pictures: Iterator[Any] = self._container.decode(streams[0])

    def read(self) -> Frame | None:
        while True:
            picture = self._next_picture()
            if picture is None:
                return None
            at, index = self._clock.now(), self._index
            self._index += 1
            if self._rhythm.takes(at):
                return Frame(index=index, at=at, picture=picture.to_ndarray(format="bgr24"))

    def close(self) -> None:
        self._container.close()

    def _next_picture(self) -> Any:
        asked = time.monotonic()
        try:
            return next(self._pictures)
        except StopIteration:
            return self._over()
        except av.error.EOFError:
            return self._over()
        except (av.error.FFmpegError, OSError) as error:
            waited = time.monotonic() - asked
            raise _explained(error, self._name, waited=waited, started=self._index > 0) from None

    def _over(self) -> None:
        if self._endless:
            raise _silence(self._name)

    def _opened(self, url: str) -> Any:
        asked = time.monotonic()
        try:
            return av.open(url, options=OPTIONS, timeout=(OPEN_SECONDS, READ_SECONDS))
        except (av.error.FFmpegError, OSError, ValueError) as error:
            # Without its cause: FFmpeg's message holds the address with the password.
            raise _explained(error, self._name, waited=time.monotonic() - asked, started=False) from None


def _checked(kind: str, location: str) -> SplitResult:
    schemes = SCHEMES[kind]
    try:
        parts = urlsplit(location.strip())
        valid = parts.scheme in schemes and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        valid = False
    if not valid:
        # The address is not repeated: what is no URL may hold a password anywhere.
        example = f"{schemes[0]}://192.0.2.10/stream"
        raise SourceError(f"this is no {kind.upper()} address", f"write it like {example}")
    return parts


def _public(parts: SplitResult) -> str:
    """The address without user, password and query, which may hold them too."""
    host = f"[{parts.hostname}]" if ":" in str(parts.hostname) else str(parts.hostname)
    place = host if parts.port is None else f"{host}:{parts.port}"
    return urlunsplit((parts.scheme, place, parts.path, "", ""))


def _with_login(parts: SplitResult, username: str, password: str) -> str:
    if not username:
        return urlunsplit(parts)
    place = parts.netloc.rpartition("@")[2]
    login = f"{quote(username, safe='')}:{quote(password, safe='')}"
    return urlunsplit(parts._replace(netloc=f"{login}@{place}"))


def _find_host(parts: SplitResult, name: str) -> None:
    """FFmpeg reports a host that nobody knows as "input/output error"."""
    try:
        socket.getaddrinfo(parts.hostname, parts.port or DEFAULT_PORTS[parts.scheme], type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise SourceError(f"{name}: the host is unknown", "check the name, or give its IP address") from None


def _explained(error: Exception, name: str, *, waited: float, started: bool) -> SourceError:
    """FFmpeg's errors in words, without what they quote. `waited`: seconds; `started`: pictures have come."""
    for kinds, message, remedy in KNOWN:
        if isinstance(error, kinds):
            return SourceError(f"{name} {message}", remedy)
    # RTSP reports a time-out as invalid data.
    if isinstance(error, (av.error.ExitError, TimeoutError)) or waited >= READ_SECONDS - 0.5:
        return SourceError(
            f"{name} has sent nothing for {waited:.0f} seconds",
            "check the address, the camera and the network",
        )
    if not started and (isinstance(error, av.error.InvalidDataError) or getattr(error, "errno", None) == EIO):
        return SourceError(
            f"{name} sends no video that can be decoded", "give the address of its video stream"
        )
    if started:
        return _silence(name)
    return SourceError(
        f"{name} cannot be opened ({type(error).__name__})", "check the camera and the network"
    )


def _silence(name: str) -> SourceError:
    return SourceError(f"{name} stopped sending", "check the camera and the network")
