"""Live sources in a child process each: newest frame wins, and whatever hangs is killed for certain."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
import threading
from base64 import b64encode
from pathlib import Path
from typing import Any

from workers.stages.capture.address import Policy
from workers.stages.capture.shared import SharedFrames
from workers.stages.capture.source import SourceError
from workers.types import Frame

OPEN_SECONDS = 15.0
"""Longer than every time-out of the child: start, finding the host, connecting."""
FRAME_SECONDS = 8.0
"""Without a frame for so long a child is taken for hung."""
ROOT = Path(__file__).resolve().parents[3]
PASSED_ON = ("PATH", "LD_LIBRARY_PATH", "LANG", "TZ")
"""Of the environment; the child has no use for our secrets."""


class ProcessSource:
    """A `Source` that a child process fills; what nobody takes in time is lost and counted.

    `facts` is what the child found out about the stream: codec, width, height, fps as announced.
    """

    def __init__(self, request: dict[str, Any], policy: Policy, *, name: str) -> None:
        """Starts the child and waits until it has connected. Raises SourceError."""
        self.dropped = 0
        self.facts: dict[str, Any] = {}
        self._name = name
        self._frames = SharedFrames()
        self._news = threading.Condition()
        self._newest: dict[str, Any] | None = None
        self._opened = False
        self._failure: SourceError | None = None
        self._over = False
        self._closed = False
        self._child = self._started(request | {"policy": b64encode(pickle.dumps(policy)).decode()})
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

    def read(self) -> Frame | None:
        """The newest frame that was not read before. Raises SourceError when the source failed or hangs."""
        while True:
            self._wait(FRAME_SECONDS, lambda: self._newest is not None)
            with self._news:
                newest, self._newest = self._newest, None
            if newest is None:
                return None
            picture = self._frames.get(
                newest["slot"], newest["count"], int(newest["height"]), int(newest["width"])
            )
            if picture is not None:
                return Frame(index=newest["index"], at=newest["at"], picture=picture)
            self.dropped += 1

    def close(self) -> None:
        """Kills the child, whatever it does; a second call does nothing."""
        if self._closed:
            return
        self._closed = True
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
            [sys.executable, "-m", "workers.stages.capture.child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # decoders write a line for each damaged frame, with addresses
            pass_fds=[self._frames.fd],
            cwd=ROOT,
            env={**environ, "PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
        )
        assert child.stdin is not None  # noqa: S101  it was asked for
        child.stdin.write(json.dumps({"fd": self._frames.fd, **request}).encode() + b"\n")
        child.stdin.flush()
        return child

    def _wait(self, seconds: float, there: Any) -> None:
        """Until `there` or the end of a source that has ended well. Raises SourceError."""
        with self._news:
            came = self._news.wait_for(lambda: there() or self._over, timeout=seconds)
            if there():
                return
            failure = self._failure
        if not came:
            self._child.kill()
            raise SourceError(
                f"{self._name} has sent nothing for {seconds:.0f} seconds",
                "check the camera and the network; it is tried again",
            )
        if failure is not None:
            raise failure

    def _listen(self) -> None:
        assert self._child.stdout is not None  # noqa: S101  it was asked for
        try:
            for line in self._child.stdout:
                self._hear(json.loads(line))
        except (ValueError, OSError):  # closed under our hands, or a child that was killed in mid-sentence
            pass
        with self._news:
            if not self._over and self._failure is None:
                self._failure = SourceError(
                    f"the decoder of {self._name} died",
                    "the stream may be damaged; it is tried again",
                )
            self._over = True
            self._news.notify_all()

    def _hear(self, said: dict[str, Any]) -> None:
        with self._news:
            match said.pop("event"):
                case "open":
                    self._opened, self.facts = True, said["facts"]
                case "frame":
                    self.dropped += self._newest is not None
                    self._newest = said
                case "error":
                    self._failure = SourceError(said["message"], said["remedy"], refused=said["refused"])
                    self._over = True
                case "end":
                    self._over = True
            self._news.notify_all()
