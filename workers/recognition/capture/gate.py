"""FFmpeg's only way to a camera: a local port that leads to the checked address and nowhere else.

FFmpeg resolves hosts itself and follows redirects of HTTP and RTSP to any place. It therefore gets the
address of a gate. The gate connects to a checked address, speaks TLS under the camera's own name, and closes
the connection if the answer is a redirect, or longer than a camera's.
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

ANSWERS = {
    "http": re.compile(rb"HTTP/1\.[01] [245]\d\d( .*)?"),
    "rtsp": re.compile(rb"RTSP/1\.0 [245]\d\d( .*)?"),
}
PLAYS = b"PLAY "
CHUNK = 65_536
MAX_HEAD = 65_536
"""Maximum bytes of an HTTP answer before its body."""
MAX_RTSP = 1_000_000
"""Maximum bytes of all RTSP answers before the stream begins, descriptions included."""
HEADER = re.compile(rb"[^\r\n\0]*\r?")
ENCODED = re.compile(rb"\s*content-encoding\s*:(?!\s*identity\s*$)", re.IGNORECASE)
LENGTH = re.compile(rb"\s*content-length\s*:\s*\+?(\d+)", re.IGNORECASE)
IDLE_SECONDS = 60.0  # longer than any time-out of FFmpeg: it has ended without closing


FIX_HINT = "give the address of the video stream itself"


class Cut(Exception):
    """The camera's answer must not reach FFmpeg: what the camera does, as a sentence without its subject, and
    what to do about it. `excessive` as of a SourceError."""

    def __init__(self, message: str, fix_hint: str, *, excessive: bool = False) -> None:
        super().__init__(message)
        self.message, self.fix_hint, self.excessive = message, fix_hint, excessive


class Gate:
    """Open while a source is; `port` on 127.0.0.1 leads to the camera. `cut` says why it was closed."""

    def __init__(self, pinned: Pinned, scheme: str, *, seconds: float) -> None:
        """Connects to the camera once, to check that it answers. Raises OSError."""
        self.cut: Cut | None = None
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
            self._camera.sendall(data)
            return bool(data)
        for data in self._from_camera():
            self._gate.count(len(data))
            self._client.sendall(self._looked_at(data) if self._watching else data)
            if not data:
                return False
        return True

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
            good += line + b"\n"
            if not self._watching:  # HTTP: one answer per connection, the rest is its body
                good += b"\n".join([*lines[number + 1 :], self._rest])
                self._rest = b""
                break
        return good

    def _judge(self, line: bytes) -> None:
        plain = line.replace(b"\r", b"")  # as FFmpeg reads it
        if self._protocol == "http":
            self._judge_head(line, plain)
        elif (b"RTSP/" in plain or plain.startswith(b"$")) and not ANSWERS["rtsp"].fullmatch(plain):
            raise _elsewhere()
        elif (length := LENGTH.match(plain)) and int(length[1][:20]) > MAX_RTSP:
            raise _endless()

    def _judge_head(self, line: bytes, plain: bytes) -> None:
        """One line of an HTTP answer; an empty one ends its head, as FFmpeg sees it, too. Raises Cut."""
        self._head += len(line) + 1
        if self._head > MAX_HEAD:
            raise _endless()
        if self._lines == 0 and not ANSWERS["http"].fullmatch(plain):
            raise _elsewhere()
        if not HEADER.fullmatch(line):
            raise Cut("sends an answer that is not HTTP", FIX_HINT)
        if ENCODED.match(plain):
            raise Cut("compresses its answer (Content-Encoding), which no camera needs to do", FIX_HINT)
        self._watching = bool(plain)

    def _open_up(self) -> None:
        self._watching = False
        if self._rest:
            self._client.sendall(self._rest)
            self._rest = b""


def _elsewhere() -> Cut:
    return Cut("redirects to another address, which is not followed", FIX_HINT)


def _endless() -> Cut:
    return Cut("sends an answer that is longer than any camera's", FIX_HINT, excessive=True)
