"""Milvus Lite as a gRPC server process of our own (`milvus_server`)."""

from __future__ import annotations

import importlib.util
import os
import signal
import sys
from importlib import metadata
from pathlib import Path

from facetrack.devservices.daemon import Daemon
from facetrack.devservices.errors import ServiceFailed
from facetrack.devservices.ports import HOST

REPOSITORY = Path(__file__).resolve().parents[2]


class Milvus:
    """A Milvus Lite server on the loopback interface. It has no passwords, so no other interface is safe."""

    name = "milvus"
    title = "Milvus Lite"
    variable = "MILVUS_URI"

    def __init__(self, root: Path) -> None:
        self.folder = root / self.name
        self.data = self.folder / "data"
        self.daemon = Daemon(
            self.title,
            self.folder,
            ready="listening on",
            steps=[(signal.SIGINT, 15), (signal.SIGKILL, 5)],
        )

    @property
    def alive(self) -> bool:
        """Whether it serves."""
        return self.daemon.alive

    @property
    def url(self) -> str:
        """Its URI; the port is that of the last start."""
        known = self.daemon.state
        return f"http://{HOST}:{known.port if known else 0}"

    @property
    def environ(self) -> dict[str, str]:
        """The environment variables for its clients."""
        return {self.variable: self.url}

    @property
    def version(self) -> str:
        """The version of the package."""
        _require()
        return metadata.version("milvus-lite")

    def start(self, port: int) -> None:
        """Serves on this port. Raises ServiceFailed."""
        _require()
        self.data.mkdir(parents=True, exist_ok=True, mode=0o700)
        argv = [sys.executable, "-P", "-m", "facetrack.devservices.milvus_server", str(self.data), str(port)]
        found_on = [str(REPOSITORY), *filter(None, [os.environ.get("PYTHONPATH")])]
        self.daemon.launch(argv, port=port, environ={"PYTHONPATH": os.pathsep.join(found_on)})

    def stop(self) -> None:
        """Stops it; flushed data stay."""
        self.daemon.stop()

    def homes(self) -> list[Path]:
        """The folders that hold all its data."""
        return [self.folder]


def _require() -> None:
    if importlib.util.find_spec("milvus_lite") is None:
        raise ServiceFailed(
            Milvus.title,
            "the package milvus-lite is not installed",
            fix_hint="install requirements/embedded.txt, or name a server of your own in MILVUS_URI",
        )
