"""Network cameras: RTSP over TCP and HTTP, decoded by FFmpeg through PyAV."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from errno import EIO
from typing import Any
from urllib.parse import SplitResult, quote, urlsplit, urlunsplit

import av
import av.error

from workers.recognition.capture.address import Policy, pinned, shown
from workers.recognition.capture.decoding import Deinterlacer, PictureMaker, limit_decoder, quarter_turn
from workers.recognition.capture.gate import Gate
from workers.recognition.capture.limits import MAX_PIXELS
from workers.recognition.capture.login import CameraLogin
from workers.recognition.capture.shared import MAX_SIDE
from workers.recognition.capture.source import Clock, Rhythm, SourceError, too_much_memory
from workers.recognition.orientation import AS_IS, Orientation, QuarterTurn
from workers.recognition.types import Frame

OPEN_SECONDS = 5.0  # a camera that answers at all does so within two seconds
READ_SECONDS = 5.0
MAX_STEP = 4.0  # seconds between two requests for single pictures: shorter than what counts as silence
PLACES = ("{username}", "{password}")
MAX_DAMAGED = 100  # pictures in a row that cannot be decoded
SCHEMES = {"rtsp": ("rtsp", "rtsps"), "http": ("http", "https")}
OPTIONS = {
    "fpsprobesize": "0",  # otherwise FFmpeg reads 20 frames before it returns the first
    "rtsp_transport": "tcp",  # over UDP a lost packet smears the picture until the next key frame
    # FFmpeg can reach the gate only: no file, no playlist that names other hosts, no redirect, no proxy.
    "protocol_whitelist": "tcp,rtsp,http",
    "format_whitelist": "rtsp,mpjpeg,mjpeg,jpeg_pipe,mpegts,h264,hevc,flv,mov,matroska",
    "max_redirects": "0",
    "icy": "0",
    "max_streams": "16",
    "http_proxy": "",
}
REFUSALS = (av.error.HTTPUnauthorizedError, av.error.HTTPForbiddenError)
KNOWN: tuple[tuple[tuple[type[Exception], ...], str, str], ...] = (
    (
        REFUSALS,
        "refuses the login",
        "check the user name and the password",
    ),
    ((av.error.HTTPNotFoundError,), "is not found there", "check the path of the stream's address"),
    ((av.error.HTTPError,), "answers with an error", "open the address in a browser to see why"),
    ((ConnectionRefusedError,), "refuses the connection", "check the port, and that the camera is on"),
)


class NetworkSource:
    """An RTSP or HTTP stream, or an HTTP address of single JPEGs, which are fetched as often as analysed.

    Blocks for each frame, `READ_SECONDS` at most.
    """

    def __init__(
        self,
        kind: str,
        location: str,
        *,
        username: str,
        password: str,
        fps: float,
        policy: Policy,
        orientation: Orientation = AS_IS,
        found: Callable[[bool], None] = lambda own: None,
    ) -> None:
        """Connects, to what `policy` allows and nowhere else. Raises SourceError.

        `found` is called first: whether the tenant may learn the result of connecting to the host's
        addresses.

        Takes at most `OPEN_SECONDS`, and the time for resolving the host.
        """
        self.lost = 0
        """Pictures so far that could not be decoded."""
        parts = _checked(kind, location)
        self._name = shown(parts)
        self._rhythm = Rhythm(fps)
        self._clock = Clock()
        self._orientation = orientation
        self._deinterlacer = Deinterlacer()
        self._index = 0
        self._step = min(1 / fps, MAX_STEP)
        self._as_jpegs = False
        self._gate = self._connected(parts, policy, found, CameraLogin(username, password))
        self._url, self._host = _through(self._gate, parts, username, password), parts.netloc
        try:
            self._begin()
        except BaseException:
            self._gate.close()
            raise
        self._endless = self._container.duration is None
        self.facts = {
            "codec": self._stream.codec_context.name,
            "width": self._stream.codec_context.width,
            "height": self._stream.codec_context.height,
            "fps": float(self._stream.average_rate or 0),
        }

    def read(self) -> Frame | None:
        while True:
            whole = self._next_frame()
            if whole is None:
                return None
            at, index = time.monotonic(), self._index
            self._index += 1
            if not (self._is_single or self._rhythm.takes(at)):  # single ones are asked for in time
                continue
            try:
                picture = self._pictures.picture(*whole)
            except (av.error.InvalidDataError, av.error.ArgumentError):
                self.lost += 1
                continue
            return Frame(index=index, at=self._clock.at(at), picture=picture)

    def close(self) -> None:
        self._container.close()
        self._gate.close()

    def _begin(self) -> None:
        """Opens the address. Raises SourceError, and _Unchanged for the picture that was the last one."""
        self._begun, self._decoded_of_it = time.monotonic(), 0
        self._container = self._opened()
        streams = self._container.streams.video
        if not streams or streams[0].codec_context is None:
            self._container.close()
            raise SourceError(f"{self._name} sends no video", "give the address of the camera's video stream")
        self._stream = streams[0]
        self._limit_decoder()
        self._pictures = PictureMaker(self._stream, self._orientation, MAX_SIDE)
        self._decoded: Iterator[Any] = self._container.decode(self._stream)

    def _limit_decoder(self) -> None:
        """Raises SourceError."""
        decoder = self._stream.codec_context
        if decoder.width * decoder.height > MAX_PIXELS:
            self._container.close()
            raise _too_large(self._name, decoder.width, decoder.height)
        limit_decoder(self._stream)

    def _next_frame(self) -> tuple[Any, QuarterTurn] | None:
        """The next whole frame and its turn; None at the end. A damaged stream continues with its next key
        frame."""
        asked, damaged = time.monotonic(), 0
        while True:
            try:
                frame = next(self._decoded)
                self._gate.seen()
                self._last, self._decoded_of_it = frame, self._decoded_of_it + 1
                self._deinterlacer.put(frame, quarter_turn(frame))
            except (StopIteration, av.error.EOFError):
                if not self._is_single:
                    return self._over()
                if not self._asked_again():
                    self._deinterlacer.put(self._last, quarter_turn(self._last))
                asked = time.monotonic()
            except (av.error.FFmpegError, OSError) as error:
                self._require_uncut()
                if self._is_loose(error):
                    self._as_jpegs = True
                    self._container.close()
                    self._begin()
                    continue
                waited = time.monotonic() - asked
                damaged += 1
                # RTSP reports a time-out as invalid data.
                stumbled = isinstance(error, av.error.InvalidDataError) and waited < READ_SECONDS - 0.5
                if stumbled and damaged > MAX_DAMAGED:
                    raise _undecodable(self._name) from None
                if not stumbled or not self._index:
                    raise _explained(error, self._name, waited=waited, started=self._index > 0) from None
                self.lost += 1
                self._decoded = self._container.decode(self._stream)
            if (whole := self._deinterlacer.take()) is not None:
                return whole

    @property
    def _is_single(self) -> bool:
        """Whether the answer was one JPEG, after which the camera has to be asked for the next one."""
        one_jpeg = self._container.format.name in ("jpeg_pipe", "mjpeg") and self._decoded_of_it == 1
        return bool(one_jpeg and not self._as_jpegs)

    def _asked_again(self) -> bool:
        """Whether there is another picture than the last one. Waits for its time. Raises SourceError."""
        time.sleep(max(0.0, self._begun + self._step - time.monotonic()))
        before = self._container
        try:
            self._begin()
        except _Unchanged:
            self._decoded_of_it = 1
            return False
        before.close()
        return True

    def _over(self) -> tuple[Any, QuarterTurn] | None:
        """The frame that was held back when the stream ended, if any. Raises SourceError if it has no end."""
        self._require_uncut()
        if self._endless:
            raise _silence(self._name)
        self._deinterlacer.flush()
        return self._deinterlacer.take()

    def _require_uncut(self) -> None:
        """Raises SourceError if the gate has closed; FFmpeg reports that as any error."""
        if cut := self._gate.cut:
            raise SourceError(
                f"{self._name} {cut.message}", cut.fix_hint, excessive=cut.excessive, harmless=cut.harmless
            ) from None

    def _connected(
        self, parts: SplitResult, policy: Policy, found: Callable[[bool], None], login: CameraLogin
    ) -> Gate:
        asked = time.monotonic()
        place = pinned(parts, policy, self._name)
        found(place.own)
        try:
            return Gate(place, parts.scheme, seconds=OPEN_SECONDS, login=login)
        except OSError as error:
            raise _explained(error, self._name, waited=time.monotonic() - asked, started=False) from None

    def _opened(self) -> Any:
        asked = time.monotonic()
        try:
            head = f"Host: {self._host}\r\nAccept-Encoding: identity\r\n"
            return self._opened_as_sent(OPTIONS | ({"headers": head} if self._url.startswith("http") else {}))
        except (av.error.FFmpegError, OSError, ValueError) as error:
            self._require_uncut()
            if self._gate.unchanged:
                raise _Unchanged from None
            # Without its cause: FFmpeg's message contains the address with the password.
            raise _explained(error, self._name, waited=time.monotonic() - asked, started=False) from None

    def _opened_as_sent(self, options: dict[str, str]) -> Any:
        timeout = (OPEN_SECONDS, READ_SECONDS)
        if not self._as_jpegs:
            try:
                return av.open(self._url, options=options, timeout=timeout, metadata_errors="replace")
            except av.error.InvalidDataError as error:
                if not self._is_loose(error):
                    raise
                self._as_jpegs = True
        return av.open(self._url, format="mjpeg", options=options | {"probesize": "32"}, timeout=timeout)

    def _is_loose(self, error: Exception) -> bool:
        """Whether to read this stream as one sequence of JPEGs, whatever stands between them.

        FFmpeg wants a boundary first, and a type in each part, which some cameras leave out. Not all streams
        are read so, because each picture then comes only when the next one begins.
        """
        wrong = isinstance(error, av.error.InvalidDataError) and not self._as_jpegs and not self._index
        return wrong and self._gate.cut is None and self._gate.media_type.startswith("multipart/")


class _Unchanged(Exception):
    """The camera has no other picture than the last one."""


def _checked(kind: str, location: str) -> SplitResult:
    schemes = SCHEMES[kind]
    try:
        parts = urlsplit(location.strip())
        valid = parts.scheme in schemes and bool(parts.hostname) and (parts.port is None or parts.port > 0)
        valid = valid and location.strip().isascii() and location.strip().isprintable()
    except ValueError:
        valid = False
    if not valid:
        # The address is not repeated: an invalid one may hold a password anywhere.
        example = f"{schemes[0]}://192.0.2.10/stream"
        raise SourceError(f"this is not an {kind.upper()} address", f"write it like {example}", harmless=True)
    return parts


def _through(gate: Gate, parts: SplitResult, username: str, password: str) -> str:
    """The address with its login for FFmpeg: the gate, which does the TLS, replaces the host."""
    username, password = quote(username, safe=""), quote(password, safe="")
    login = f"{username}:{password}@" if username else ""
    if any(place in part for part in (parts.path, parts.query) for place in PLACES):
        login = ""  # this camera wants it in the address
        parts = parts._replace(
            path=_filled(parts.path, username, password), query=_filled(parts.query, username, password)
        )
    scheme = parts.scheme.removesuffix("s")
    return urlunsplit(parts._replace(scheme=scheme, netloc=f"{login}127.0.0.1:{gate.port}", fragment=""))


def _filled(text: str, username: str, password: str) -> str:
    return text.replace(PLACES[0], username).replace(PLACES[1], password)


def _explained(error: Exception, name: str, *, waited: float, started: bool) -> SourceError:
    """FFmpeg's errors as text, without quotes. `waited`: seconds; `started`: pictures have come."""
    if isinstance(error, MemoryError):
        return too_much_memory(name)
    for kinds, message, fix_hint in KNOWN:
        if isinstance(error, kinds):
            asks = isinstance(error, av.error.HTTPUnauthorizedError)  # the camera wants a login
            return SourceError(
                f"{name} {message}", fix_hint, refused=isinstance(error, REFUSALS), harmless=asks
            )
    # RTSP reports a time-out as invalid data.
    if isinstance(error, (av.error.ExitError, TimeoutError)) or waited >= READ_SECONDS - 0.5:
        return SourceError(
            f"{name} has sent nothing usable for {max(waited, READ_SECONDS):.0f} seconds",
            "check the address, the camera and the network",
        )
    # An argument error means that the format is not on our list.
    unusable = isinstance(error, (av.error.InvalidDataError, av.error.ArgumentError))
    if not started and (unusable or getattr(error, "errno", None) == EIO):
        return SourceError(
            f"{name} sends no video that can be decoded, perhaps a web page",
            "give the address of its video stream",
        )
    if started:
        return _silence(name)
    return SourceError(
        f"{name} cannot be opened ({type(error).__name__})", "check the camera and the network"
    )


def _too_large(name: str, width: int, height: int) -> SourceError:
    return SourceError(
        f"{name} sends pictures of {width} x {height} pixels, of which {MAX_PIXELS // 1_000_000} million at "
        "most are decoded",
        "choose a smaller picture in the camera's own settings",
        excessive=True,
    )


def _undecodable(name: str) -> SourceError:
    return SourceError(
        f"{name} has sent {MAX_DAMAGED} pictures in a row that cannot be decoded or have more than "
        f"{MAX_PIXELS // 1_000_000} million pixels",
        "choose another codec or a smaller picture in the camera's own settings",
        excessive=True,
    )


def _silence(name: str) -> SourceError:
    return SourceError(f"{name} stopped sending", "check the camera and the network")
