"""The common part of Valkey and Milvus Lite: a server of one process with its data in one folder."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from facetrack.devservices.daemon import Daemon
from facetrack.devservices.ports import HOST


class LoopbackService:
    """A server of our own on the loopback interface, with all its data below `root`/`name`.

    `variable` is the environment variable that gives clients its URL. For `ready` and `steps` see Daemon.
    """

    name: str
    title: str
    variable: str
    ready: ClassVar[str]
    steps: ClassVar[Sequence[tuple[signal.Signals, float]]]

    def __init__(self, root: Path) -> None:
        self.folder = root / self.name
        self.data = self.folder / "data"
        self.daemon = Daemon(self.title, self.folder, ready=self.ready, steps=self.steps)

    @property
    def alive(self) -> bool:
        """Whether it serves."""
        return self.daemon.alive

    @property
    def address(self) -> str:
        """Its host and port, the port of the last start."""
        known = self.daemon.state
        return f"{HOST}:{known.port if known else 0}"

    @property
    def url(self) -> str:
        """Its URL, with its password if it has one."""
        raise NotImplementedError

    @property
    def environ(self) -> dict[str, str]:
        """The environment variables for its clients."""
        return {self.variable: self.url}

    def stop(self) -> None:
        """Stops it; written data stay."""
        self.daemon.stop()

    def homes(self) -> list[Path]:
        """The folders that hold all its data."""
        return [self.folder]
