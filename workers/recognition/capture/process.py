"""Each live source in its own child process: newest frame wins, and a hanging child is killed for certain."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from base64 import b64encode
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from workers.recognition.capture.address import DEFAULT_PORTS, Policy, shown
from workers.recognition.capture.files.losses import MAX_LOST
from workers.recognition.capture.limits import CPU_SECONDS, MEGABYTES
from workers.recognition.capture.shared import MAX_SIDE, SLOTS, SharedFrames
from workers.recognition.capture.source import SourceError
from workers.recognition.orientation import AS_IS, Orientation
from workers.recognition.types import Frame

log = logging.getLogger(__name__)

OPEN_SECONDS = 15.0
"""Longer than all time-outs of the child: start, resolving the host, connecting."""
FRAME_SECONDS = 8.0
"""Seconds without a frame after which a child counts as hung."""
ROOT = Path(__file__).resolve().parents[3]
STRANGER_SECONDS = OPEN_SECONDS
"""Seconds until a failure is reported for an address outside the tenant's networks that has delivered no
picture: neither earlier nor later."""
MAX_SAID = 4_096
"""Maximum characters of one message of a child."""
MAX_FACT = 60
PASSED_ON = ("PATH", "LD_LIBRARY_PATH", "LANG", "TZ")
"""The environment variables that the child gets; it does not need our secrets."""


class ProcessSource:
    """A `Source` that a child process fills; frames not read in time are lost and counted.

    `facts` is what the child found out about the stream: codec, width, height, announced fps. `lost` counts
    the pictures that it could not decode.

    Before its first picture, a source outside the tenant's networks fails with one text and after one time,
    whatever happened there, unless it asks for a login: otherwise workers could be used as port scanners.
    """

    def __init__(
        self,
        request: dict[str, Any],
        policy: Policy,
        *,
        name: str,
        megabytes: int = MEGABYTES,
        own: bool = False,
        orientation: Orientation = AS_IS,
    ) -> None:
        """Starts the child and waits until it has connected. Raises SourceError.

        `megabytes` is the child's memory limit beyond its libraries; `own`: the source is in no network.
        """
        self.dropped = self.lost = 0
        self.facts: dict[str, Any] = {}
        self._name = name
        self._frames = SharedFrames()
        self._news = threading.Condition()
        self._newest: dict[str, Any] | None = None
        self._opened = False
        self._failure: SourceError | None = None
        self._over = False
        self._closed = threading.Event()
        self._own, self._delivers = own, False
        self._place = _place(request) or name
        self._began = time.monotonic()
        more = {
            "policy": b64encode(pickle.dumps(policy)).decode(),
            "megabytes": megabytes,
            "orientation": {
                "turn": int(orientation.turn),
                "mirrored": orientation.mirrored,
                "pixel_aspect": orientation.pixel_aspect,
            },
        }
        self._child = self._started(request | more)
        self._reader = threading.Thread(target=self._listen, name="capture", daemon=True)
        self._reader.start()
        try:
            self._wait(OPEN_SECONDS, lambda: self._opened)
        except SourceError:
            self.close()
            raise

    @property
    def pid(self) -> int:
        return self._child.pid

    @property
    def fps(self) -> float:
        """The rate that the source announces; 0 if it does not."""
        return float(self.facts.get("fps", 0))

    def read(self) -> Frame | None:
        """The newest unread frame. Raises SourceError if the source failed or hangs."""
        while True:
            self._wait(FRAME_SECONDS, lambda: self._newest is not None)
            with self._news:
                newest, self._newest = self._newest, None
            if newest is None:
                return None
            picture = self._frames.get(
                newest["slot"], newest["count"], int(newest["height"]), int(newest["width"])
            )
            self._delivers = True
            if picture is not None:
                return Frame(index=newest["index"], at=newest["at"], picture=picture)
            self.dropped += 1

    def close(self) -> None:
        """Kills the child in any state; a second call does nothing."""
        if self._closed.is_set():
            return
        self._closed.set()
        self._child.kill()
        self._child.wait()
        self._reader.join(1.0)
        for pipe in (self._child.stdin, self._child.stdout):
            if pipe is not None:
                pipe.close()
        self._frames.close()

    def _started(self, request: dict[str, Any]) -> subprocess.Popen[bytes]:
        environ = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
        child = subprocess.Popen(
            [sys.executable, "-m", "workers.recognition.capture.child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # decoders write a line for each damaged frame, with addresses
            pass_fds=[self._frames.fd],
            cwd=ROOT,
            env={
                **environ,
                "PYTHONPATH": str(ROOT),
                "OPENBLAS_NUM_THREADS": "1",
                "OMP_NUM_THREADS": "1",
                # An arena reserves 64 MB for each thread, which would count as used.
                "MALLOC_ARENA_MAX": "1",
            },
        )
        assert child.stdin is not None  # noqa: S101  it was asked for
        child.stdin.write(json.dumps({"fd": self._frames.fd, **request}).encode() + b"\n")
        child.stdin.flush()
        return child

    def _wait(self, seconds: float, there: Any) -> None:
        """Waits for `there` or the regular end of the source. Raises SourceError."""
        if self._is_strange:
            seconds = max(0.0, min(seconds, self._began + STRANGER_SECONDS - time.monotonic()))
        with self._news:
            came = self._news.wait_for(lambda: there() or self._over, timeout=seconds)
            if there():
                return
            failure = self._failure
        if not came:
            self._child.kill()
            failure = SourceError(
                f"{self._name} has sent nothing for {seconds:.0f} seconds",
                "check the camera and the network; it is tried again",
            )
        if failure is not None:
            raise self._as_told(failure)

    @property
    def _is_strange(self) -> bool:
        return not self._own and not self._delivers

    def _as_told(self, failure: SourceError) -> SourceError:
        """The error that the tenant may know; waits if the time would reveal something."""
        if not self._is_strange or failure.harmless:
            return failure
        log.info("withheld from the tenant: %s", failure)
        self._child.kill()
        self._closed.wait(max(0.0, self._began + STRANGER_SECONDS - time.monotonic()))
        return SourceError(
            f"{self._place} could not be opened",
            "check its address, that it is on, and its user name and password; details are shown only "
            "for cameras in the private networks that your organisation may use",
        )

    def _listen(self) -> None:
        assert self._child.stdout is not None  # noqa: S101  it was asked for
        try:
            while line := self._child.stdout.readline(MAX_SAID):
                self._hear(json.loads(line))
        except (ValueError, TypeError, KeyError, OSError):
            self._child.kill()  # closed by another thread, killed within a message, or misbehaving
        with self._news:
            if not self._over and self._failure is None:
                self._failure = self._death()
            self._over = True
            self._news.notify_all()

    def _death(self) -> SourceError:
        """For a child that ended without a message."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._child.wait(1.0)
        if self._child.returncode == -signal.SIGXCPU:
            return SourceError(
                f"{self._name} took {CPU_SECONDS} seconds of processor time without a picture",
                "choose a smaller picture or another codec in the camera's own settings",
                excessive=True,
            )
        return SourceError(
            f"the decoder of {self._name} died",
            "the stream may be damaged, or need more memory than one camera may have "
            "(FACETRACK_CAMERA_MEGABYTES); it is tried again",
            excessive=True,
        )

    def _hear(self, said: dict[str, Any]) -> None:
        with self._news:
            match said.pop("event"):
                case "found":
                    self._own = bool(said["own"])
                case "open":
                    self._opened, self.facts = True, _facts(said["facts"])
                case "frame":
                    self.dropped += self._newest is not None
                    self._newest = _measured(said)
                    self.lost = min(max(self.lost, int(said["lost"])), MAX_LOST)
                case "error":
                    self._failure = SourceError(
                        str(said.pop("message")),
                        str(said.pop("fix_hint")),
                        **{name: bool(value) for name, value in said.items()},
                    )
                    self._over = True
                case "end":
                    self._over = True
            self._news.notify_all()


def _place(request: dict[str, Any]) -> str:
    """Where a network camera is, without possible secrets; empty for an invalid address."""
    try:
        parts = urlsplit(request["location"].strip())
        return shown(parts) if parts.scheme in DEFAULT_PORTS and parts.hostname else ""
    except ValueError:
        return ""


def _facts(said: dict[str, Any]) -> dict[str, Any]:
    """The facts about a stream, as in the API: a text and three numbers."""
    numbers = {name: float(said[name]) for name in ("width", "height", "fps") if name in said}
    codec = {"codec": str(said["codec"])[:MAX_FACT]} if "codec" in said else {}
    return {**codec, **{name: value if name == "fps" else int(value) for name, value in numbers.items()}}


def _measured(said: dict[str, Any]) -> dict[str, Any]:
    """A picture's message, validated: nothing outside its slot is accepted."""
    sides = int(said["height"]), int(said["width"])
    if not (0 <= int(said["slot"]) < SLOTS and all(0 < side <= MAX_SIDE for side in sides)):
        raise ValueError("there is no such picture")
    return {
        "slot": int(said["slot"]),
        "count": int(said["count"]),
        "height": sides[0],
        "width": sides[1],
        "index": int(said["index"]),
        "at": float(said["at"]),
    }
