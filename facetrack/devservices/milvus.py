"""Milvus Lite as a gRPC server process of our own (`milvus_server`)."""

from __future__ import annotations

import importlib.util
import os
import signal
import sys
from importlib import metadata
from pathlib import Path

from facetrack.devservices.errors import ServiceFailed
from facetrack.devservices.loopback_service import LoopbackService

REPOSITORY = Path(__file__).resolve().parents[2]


class Milvus(LoopbackService):
    """A Milvus Lite server on the loopback interface. It has no passwords, so no other interface is safe."""

    name = "milvus"
    title = "Milvus Lite"
    variable = "MILVUS_URI"
    ready = "listening on"
    steps = ((signal.SIGINT, 15), (signal.SIGKILL, 5))

    @property
    def url(self) -> str:
        """Its URI."""
        return f"http://{self.address}"

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


def _require() -> None:
    if importlib.util.find_spec("milvus_lite") is None:
        raise ServiceFailed(
            Milvus.title,
            "the package milvus-lite is not installed",
            fix_hint="install requirements/embedded.txt, or name a server of your own in MILVUS_URI",
        )
