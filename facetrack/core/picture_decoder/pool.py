"""Decodes pictures in child processes, a few at a time, so that no file can block or crash this process.

A child is reused for the next picture. It is killed if one takes too long, and replaced after some pictures.
"""

from __future__ import annotations

import atexit
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Hashable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from django.conf import settings

from facetrack.core.picture_decoder.headers import BadPicture, Stripped
from facetrack.core.picture_decoder.headers.types import damaged

MAX_PICTURES_OF_A_CHILD = 100
MAX_WAITING_OF_OWNER = 8
WAIT_SECONDS = 10.0
"""Seconds to wait for a free child. After that the caller is told to try again."""
RETRY_SECONDS = 5
WALL_FACTOR = 4
"""Factor on a picture's processor time that allows for other load on the processors."""
MAX_LINE = 1_000
END_SECONDS = 1.0
ROOT = Path(__file__).resolve().parents[3]
PASSED_ON = ("PATH", "LD_LIBRARY_PATH", "LANG", "TZ")
"""The environment variables that a child gets; it does not need our secrets."""
ALLOCATOR = {"MALLOC_MMAP_THRESHOLD_": "262144", "MALLOC_TRIM_THRESHOLD_": "262144"}
"""For glibc: what a picture took goes back to the machine once it is sent."""


class Busy(RuntimeError):
    """All children were busy for too long; try again in RETRY_SECONDS."""

    def __init__(self) -> None:
        super().__init__(
            f"Too many pictures are being processed right now: try again in {RETRY_SECONDS} seconds."
        )


class _Ended(Exception):
    """The child has ended, or sent an invalid answer."""


class _Gone(Exception):
    """An idle child ended at the moment when it was given a picture."""


@dataclass(frozen=True, slots=True)
class Order:
    """The result: the picture's pixels, a JPEG within limits, or only a check that it is intact."""

    want: Literal["pixels", "jpeg", "nothing"]
    max_side: int = 0
    max_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Decoded:
    """`data` is BGR pixels row by row, or a JPEG; `width` and `height` are the picture's, upright."""

    data: bytearray
    width: int
    height: int
    digest: str = ""


class Places:
    """As many slots as pictures may be decoded at once. One owner gets at most all but one of them."""

    def __init__(self) -> None:
        self._change = threading.Condition()
        self._taken: Counter[Hashable] = Counter()
        self._waiting: Counter[Hashable] = Counter()

    @contextmanager
    def one(self, owner: Hashable | None) -> Iterator[None]:
        """A slot for the block. Raises Busy after WAIT_SECONDS, or at once if many of the owner's wait."""
        with self._change:
            if owner is not None and self._waiting[owner] >= MAX_WAITING_OF_OWNER:
                raise Busy
            self._waiting[owner] += 1
            try:
                if not self._change.wait_for(lambda: self._room(owner), WAIT_SECONDS):
                    raise Busy
                self._taken[owner] += 1
            finally:
                _less(self._waiting, owner)
        try:
            yield
        finally:
            with self._change:
                _less(self._taken, owner)
                self._change.notify_all()

    def _room(self, owner: Hashable | None) -> bool:
        places = settings.FACETRACK_DECODERS
        if owner is not None and self._taken[owner] >= max(1, places - 1):
            return False
        return self._taken.total() < places


def _less(counts: Counter[Hashable], owner: Hashable | None) -> None:
    counts[owner] -= 1
    if not counts[owner]:
        del counts[owner]


class Child:
    """One process that decodes."""

    def __init__(self) -> None:
        self.pictures = 0
        self._channel, theirs = socket.socketpair()
        environ = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "facetrack.core.picture_decoder.child"],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,  # a decoder's messages about a file may reveal its content
                cwd=ROOT,
                env={**environ, **ALLOCATOR, "PYTHONPATH": str(ROOT)},
                start_new_session=True,  # Ctrl-C is for the parent; the child ends with it
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    def decode(self, picture: Stripped, order: Order, seconds: int) -> Decoded | str:
        """The picture, or a word that says why not. Raises _Ended, and TimeoutError."""
        self.pictures += 1
        until = time.monotonic() + seconds * WALL_FACTOR
        asked = {
            "kind": picture.kind,
            "pixels": picture.pixels,
            "orientation": picture.orientation,
            "bytes": len(picture.data),
            "seconds": seconds,
            "want": order.want,
            "max_side": order.max_side,
            "max_bytes": order.max_bytes,
        }
        try:
            self._channel.settimeout(_left(until))
            self._channel.sendall(json.dumps(asked).encode() + b"\n")
            self._channel.sendall(picture.data)
            facts = json.loads(self._line(until))
            if "failed" in facts:
                return str(facts["failed"])
            if not 0 <= facts["bytes"] <= max(3 * picture.pixels, order.max_bytes):
                raise ValueError("no answer to the question")
            data = self._bytes(facts["bytes"], until)
        except TimeoutError:
            raise
        except OSError:
            raise _Ended from None
        except ValueError:  # a child with an invalid answer is not reused
            self._process.kill()
            raise _Ended from None
        return Decoded(data, facts["width"], facts["height"], facts.get("digest", ""))

    def code(self) -> int:
        """The exit code; ends the child if it still runs."""
        with suppress(subprocess.TimeoutExpired):
            return self._process.wait(END_SECONDS)
        self._process.kill()
        return self._process.wait()

    def close(self) -> None:
        """Kills the child in any state."""
        self._process.kill()
        self._process.wait()
        self._channel.close()

    def _line(self, until: float) -> bytes:
        line = b""
        while not line.endswith(b"\n"):
            line += self._some(1, until)
            if len(line) > MAX_LINE:
                raise ValueError("no end of a line")
        return line

    def _bytes(self, size: int, until: float) -> bytearray:
        data = bytearray(size)
        view = memoryview(data)
        while view:
            self._channel.settimeout(_left(until))
            count = self._channel.recv_into(view)
            if not count:
                raise _Ended
            view = view[count:]
        return data

    def _some(self, size: int, until: float) -> bytes:
        self._channel.settimeout(_left(until))
        data = self._channel.recv(size)
        if not data:
            raise _Ended
        return data


class Decoder:
    """The children of this process, and the slots for their work."""

    def __init__(self) -> None:
        self._places = Places()
        self._idle: list[Child] = []
        atexit.register(self.close)

    def decode(self, picture: Stripped, order: Order, *, owner: Hashable | None = None) -> Decoded:
        """Decode in a child. Raises BadPicture and Busy.

        `owner` is the sender of the file: the files of one owner leave a slot for others.
        """
        with self._places.one(owner):
            while True:
                child = self._kept() or Child()
                with suppress(_Gone):
                    return self._by(child, picture, order)

    def close(self) -> None:
        """End the idle children."""
        while (child := self._kept()) is not None:
            child.close()

    def _by(self, child: Child, picture: Stripped, order: Order) -> Decoded:
        try:
            outcome = child.decode(picture, order, settings.FACETRACK_DECODE_SECONDS)
        except _Ended:
            code = child.code()
            child.close()
            raise _why(code, new=child.pictures == 1) from None
        except TimeoutError:  # its processor time was not used up: the machine is overloaded
            child.close()
            raise Busy from None
        except BaseException:
            child.close()
            raise
        if child.pictures < MAX_PICTURES_OF_A_CHILD:
            self._idle.append(child)
        else:
            child.close()
        if isinstance(outcome, str):
            raise damaged() if outcome == "damaged" else _too_large()
        return outcome

    def _kept(self) -> Child | None:
        try:
            return self._idle.pop()
        except IndexError:
            return None


def _why(code: int, *, new: bool) -> Exception:
    """The error for a child that ended with this code."""
    if code == 0 and not new:
        return _Gone()
    if code == -signal.SIGXCPU:
        return _too_long()
    if code < 0 or code == os.EX_SOFTWARE:
        return damaged()
    return RuntimeError(
        f"the picture decoder (facetrack.core.picture_decoder.child) ended with code {code}: start it by hand"
    )


def _left(until: float) -> float:
    """Seconds. Raises TimeoutError."""
    if (left := until - time.monotonic()) <= 0:
        raise TimeoutError
    return left


def _too_long() -> BadPicture:
    return BadPicture("The picture takes too long to read: save it as a plain JPEG and try again.")


def _too_large() -> BadPicture:
    return BadPicture("The picture takes too much memory to read: save it as a plain JPEG and try again.")


DECODER = Decoder()
"""The pool of this process."""
