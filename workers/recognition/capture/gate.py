"""FFmpeg's only way to a camera: a local port that leads to the checked address and nowhere else.

FFmpeg resolves hosts itself and follows redirects of HTTP and RTSP to any place. It therefore gets the
address of a gate. The gate connects to a checked address, speaks TLS under the camera's own name, logs in by
Digest (`login`), and closes the connection if the answer is a redirect, or longer than a camera's.
"""

from __future__ import annotations

import contextlib
import re
import selectors
import socket
import ssl
import threading
from collections.abc import Iterator

from workers.recognition.capture.address import Pinned
from workers.recognition.capture.limits import MAX_BYTES
from workers.recognition.capture.login import CameraLogin, UnsupportedLogin

ANSWERS = {
    "http": re.compile(rb"HTTP/1\.[01] [245]\d\d( .*)?"),
    "rtsp": re.compile(rb"RTSP/1\.0 [245]\d\d( .*)?"),
}
PLAYS = b"PLAY "
FRAME = b"$"
"""How a packet of the stream begins between answers of RTSP."""
CHUNK = 65_536
MAX_HEAD = 65_536
"""Maximum bytes of an HTTP answer before its body."""
MAX_RTSP = 1_000_000
"""Maximum bytes of all RTSP answers before the stream begins, descriptions included."""
HEADER = re.compile(rb"[^\r\n\0]*\r?")
ENCODED = re.compile(rb"\s*content-encoding\s*:(?!\s*identity\s*$)", re.IGNORECASE)
LENGTH = re.compile(rb"\s*content-length\s*:\s*\+?(\d+)", re.IGNORECASE)
CHALLENGE = re.compile(rb"\s*www-authenticate\s*:(.*)", re.IGNORECASE)
AUTHORIZATION = re.compile(rb"authorization\s*:", re.IGNORECASE)
TYPE = re.compile(rb"\s*content-type\s*:\s*([\w.+-]+/[\w.+-]+)", re.IGNORECASE)
MARK = re.compile(rb"\s*(etag|last-modified)\s*:\s*([\x20-\x7e]{1,200}?)\s*$", re.IGNORECASE)
ASKS_WITH = {b"etag": b"If-None-Match", b"last-modified": b"If-Modified-Since"}
UNCHANGED = re.compile(rb"HTTP/1\.[01] 304( .*)?")
IDLE_SECONDS = 60.0  # longer than any time-out of FFmpeg: it has ended without closing


FIX_HINT = "give the address of the video stream itself"


class Cut(Exception):
    """The camera's answer must not reach FFmpeg: what the camera does, as a sentence without its subject, and
    what to do about it. `excessive` and `harmless` as of a SourceError."""

    def __init__(
        self, message: str, fix_hint: str, *, excessive: bool = False, harmless: bool = False
    ) -> None:
        super().__init__(message)
        self.message, self.fix_hint, self.excessive, self.harmless = message, fix_hint, excessive, harmless


class Gate:
    """Open while a source is; `port` on 127.0.0.1 leads to the camera. `cut` says why it was closed.

    `media_type` is that of the last answer over HTTP. After a single picture its marks (ETag, Last-Modified)
    are sent along with the next request; `unchanged`: the camera said that the picture is still the same.
    """

    def __init__(
        self, pinned: Pinned, scheme: str, *, seconds: float, login: CameraLogin | None = None
    ) -> None:
        """Connects to the camera once, to check that it answers. Raises OSError."""
        self.cut: Cut | None = None
        self.login = login or CameraLogin("", "")
        self.media_type = ""
        self.unchanged = False
        self.marks: dict[bytes, bytes] = {}
        self._unseen = 0
        self._pinned, self._scheme, self._seconds = pinned, scheme, seconds
        self._first: socket.socket | None = self._connected()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._closed = threading.Event()
        self.protocol = scheme.removesuffix("s")
        threading.Thread(target=self._serve, name="gate", daemon=True).start()

    @property
    def closed(self) -> bool:
        return self._closed.is_set()

    def seen(self) -> None:
        """A picture was decoded from the bytes so far."""
        self._unseen = 0

    def count(self, size: int) -> None:
        """Raises Cut if more bytes have come without a picture than any stream needs."""
        self._unseen += size
        if self._unseen > MAX_BYTES:
            raise Cut(
                f"has sent {MAX_BYTES // 1_000_000} MB without a picture that can be decoded",
                "check that the address is that of its video stream; choose a key frame at least "
                "every 4 seconds in the camera's own settings",
                excessive=True,
            )

    def close(self) -> None:
        """Accepts no new connections; open ones end with the next bytes, or when FFmpeg closes its side."""
        self._closed.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that waits in accept
        self._listener.close()
        if self._first is not None:
            self._first.close()

    def _serve(self) -> None:
        while not self._closed.is_set():
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            camera, self._first = self._first, None
            threading.Thread(target=self._relay, args=(client, camera), name="gate", daemon=True).start()

    def _relay(self, client: socket.socket, camera: socket.socket | None) -> None:
        with client:
            try:
                with camera or self._connected() as camera:
                    _Passage(client, camera, self).run()
            except Cut as cut:
                self.cut = cut
            except (OSError, ValueError):
                return  # one side has closed; FFmpeg reports it

    def _connected(self) -> socket.socket:
        """A connection to the first address that accepts one. Raises OSError."""
        failure: OSError = ConnectionRefusedError()
        for address in self._pinned.addresses:
            try:
                plain = socket.create_connection((str(address), self._pinned.port), self._seconds)
            except OSError as error:
                failure = error
                continue
            return self._secured(plain) if self._scheme in ("https", "rtsps") else plain
        raise failure

    def _secured(self, plain: socket.socket) -> socket.socket:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE  # cameras have self-signed certificates, without a known root
        try:
            return context.wrap_socket(plain, server_hostname=self._pinned.host)
        except (OSError, ValueError):
            plain.close()
            raise ConnectionAbortedError("no TLS") from None


class _Passage:
    """Two sockets and the bytes between them; checks the camera's answers until the stream begins."""

    def __init__(self, client: socket.socket, camera: socket.socket, gate: Gate) -> None:
        self._client, self._camera, self._gate = client, camera, gate
        self._protocol = gate.protocol
        self._watching = True
        self._lines = self._head = self._watched = 0
        self._rest = b""
        self._requests, self._answers = Pieces(), Pieces()
        self._request: list[str] = []
        self._challenges: list[str] = []
        self._fine, self._marks = False, dict[bytes, bytes]()

    def run(self) -> None:
        """Runs until one side closes. Raises Cut, OSError."""
        for sock in (self._client, self._camera):
            sock.settimeout(IDLE_SECONDS)
        with selectors.DefaultSelector() as selector:
            selector.register(self._client, selectors.EVENT_READ)
            selector.register(self._camera, selectors.EVENT_READ)
            while not self._gate.closed:
                ready = [key.fileobj for key, _ in selector.select(IDLE_SECONDS)]
                if not ready or not all(self._pass(sock) for sock in ready):
                    return

    def _pass(self, sock: object) -> bool:
        """Pass on the bytes of one side. Returns False if that side has closed."""
        if sock is self._client:
            data = self._client.recv(CHUNK)
            if data.startswith(PLAYS):  # FFmpeg follows no redirect after this request
                self._open_up()
            self._camera.sendall(b"".join(map(self._asked, self._requests.of(data))))
            return bool(data)
        for data in self._from_camera():
            self._gate.count(len(data))
            self._client.sendall(self._looked_at(data) if self._watching else self._streamed(data))
            if not data:
                return False
        return True

    def _asked(self, piece: bytes) -> bytes:
        """A line of FFmpeg's request, or bytes that are none, as the camera gets it."""
        if not piece.endswith(b"\n") or piece.startswith(FRAME):
            return piece
        plain = piece.strip()
        if not self._request:
            self._request = plain.decode(errors="surrogateescape").split()
        elif not plain:
            self._request = []
            return b"".join(b"%s: %s\r\n" % mark for mark in self._gate.marks.items()) + piece
        elif AUTHORIZATION.match(plain):
            answer = self._gate.login.answer(*[*self._request, "", ""][:2])
            if answer is not None:
                return b"Authorization: " + answer.encode(errors="surrogateescape") + b"\r\n"
        return piece

    def _from_camera(self) -> Iterator[bytes]:
        yield self._camera.recv(CHUNK)
        while isinstance(self._camera, ssl.SSLSocket) and self._camera.pending():
            yield self._camera.recv(CHUNK)  # already decrypted: a selector does not report it

    def _looked_at(self, data: bytes) -> bytes:
        """The complete lines so far, after each was checked. Raises Cut."""
        self._watched += len(data)
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > MAX_HEAD or (self._protocol == "rtsp" and self._watched > MAX_RTSP):
            raise _endless()
        good = b""
        for number, line in enumerate(lines):
            self._judge(line)
            self._lines += 1
            good += self._answered(line + b"\n")
            if not self._watching:  # HTTP: one answer per connection, the rest is its body
                good += b"\n".join([*lines[number + 1 :], self._rest])
                self._rest = b""
                break
        return good

    def _streamed(self, data: bytes) -> bytes:
        """Bytes after the beginning of the stream, in which answers of RTSP may stand between packets."""
        if self._protocol == "rtsp" and self._gate.login.is_known:
            return b"".join(map(self._answered, self._answers.of(data)))
        return data

    def _answered(self, piece: bytes) -> bytes:
        """A line of the camera's answer, or bytes that are none, as FFmpeg gets it. Raises Cut."""
        if not self._gate.login.is_known or not piece.endswith(b"\n") or piece.startswith(FRAME):
            return piece
        if challenge := CHALLENGE.match(piece.replace(b"\r", b"").rstrip(b"\n")):
            self._challenges.append(challenge[1].decode(errors="surrogateescape"))
            return b""
        if piece.strip() or not self._challenges:
            return piece
        challenges, self._challenges = self._challenges, []
        try:
            shown = self._gate.login.stand_in(challenges)
        except UnsupportedLogin as error:
            raise Cut(
                f"asks for a login that is not supported ({error})",
                "allow Digest with MD5 or SHA-256, or Basic, in the camera's own settings",
                harmless=True,
            ) from None
        return b"WWW-Authenticate: " + shown.encode(errors="surrogateescape") + b"\r\n" + piece

    def _judge(self, line: bytes) -> None:
        plain = line.replace(b"\r", b"")  # as FFmpeg reads it
        if self._protocol == "http":
            self._judge_head(line, plain)
        elif (b"RTSP/" in plain or plain.startswith(FRAME)) and not ANSWERS["rtsp"].fullmatch(plain):
            raise _elsewhere()
        elif (length := LENGTH.match(plain)) and int(length[1][:20]) > MAX_RTSP:
            raise _endless()

    def _judge_head(self, line: bytes, plain: bytes) -> None:
        """One line of an HTTP answer; an empty one ends its head, as FFmpeg sees it, too. Raises Cut."""
        self._head += len(line) + 1
        if self._head > MAX_HEAD:
            raise _endless()
        if self._lines == 0:
            self._judge_status(plain)
        if not HEADER.fullmatch(line):
            raise Cut("sends an answer that is not HTTP", FIX_HINT)
        if ENCODED.match(plain):
            raise Cut("compresses its answer (Content-Encoding), which no camera needs to do", FIX_HINT)
        if found := TYPE.match(plain):
            self._gate.media_type = found[1].decode().lower()
        elif mark := MARK.match(plain):
            self._marks[ASKS_WITH[mark[1].lower()]] = mark[2]
        elif not plain:
            self._watching = False
            if self._fine and self._gate.media_type.startswith("image/"):
                self._gate.marks = self._marks

    def _judge_status(self, plain: bytes) -> None:
        """The first line of an HTTP answer. Raises Cut, and OSError to end an answer without a body."""
        self._gate.unchanged = bool(self._gate.marks and UNCHANGED.fullmatch(plain))
        if self._gate.unchanged:
            raise ConnectionAbortedError
        if not ANSWERS["http"].fullmatch(plain):
            raise _elsewhere()
        self._fine, self._gate.media_type = b" 2" in plain[:12], ""

    def _open_up(self) -> None:
        self._watching = False
        if self._rest:
            self._client.sendall(self._streamed(self._rest))
            self._rest = b""


class Pieces:
    """Cuts what comes over a connection into lines, and packets of RTSP ($, channel, length, data)."""

    def __init__(self) -> None:
        self._rest = b""

    def of(self, data: bytes) -> Iterator[bytes]:
        """The pieces that are complete; what is too long for a line is passed on as it is."""
        buffer, at = self._rest + data, 0
        while at < len(buffer):
            if buffer.startswith(FRAME, at):
                end = at + 4 + int.from_bytes(buffer[at + 2 : at + 4], "big") if len(buffer) >= at + 4 else 0
                if not end or end > len(buffer):
                    break
            else:
                end = buffer.find(b"\n", at) + 1
                if not end and len(buffer) - at <= MAX_HEAD:
                    break
                end = end or len(buffer)
            yield buffer[at:end]
            at = end
        self._rest = buffer[at:]


def _elsewhere() -> Cut:
    return Cut("redirects to another address, which is not followed", FIX_HINT)


def _endless() -> Cut:
    return Cut("sends an answer that is longer than any camera's", FIX_HINT, excessive=True)
