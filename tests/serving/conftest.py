"""A web server of its own process, as an operator starts it, with short patience."""

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from socket import create_connection, socket

import pytest
from django.conf import settings

from facetrack.devservices import ports
from facetrack.devservices.process_group import manage
from tests.backing import VAR

REQUEST_SECONDS, IDLE_SECONDS = 2, 4
CONNECTIONS, OF_ADDRESS = 20, 8


@dataclass(frozen=True)
class Web:
    port: int
    log: Path

    def connect(self, address: str = "127.0.0.1") -> socket:
        """A connection from one of this machine's addresses, 127.x.y.z."""
        return create_connection(("127.0.0.1", self.port), timeout=30, source_address=(address, 0))


@pytest.fixture(scope="package")
def web(django_db_setup: None) -> Iterator[Web]:
    """Serves the tests' database."""
    port, log = ports.pick(None), VAR / "web.log"
    server, _, _ = os.environ["DATABASE_URL"].rpartition("/")
    environ = os.environ | {
        "DATABASE_URL": f"{server}/{settings.DATABASES['default']['NAME']}",
        "FACETRACK_REQUEST_SECONDS": str(REQUEST_SECONDS),
        "FACETRACK_IDLE_SECONDS": str(IDLE_SECONDS),
        "FACETRACK_CONNECTIONS": str(CONNECTIONS),
        "FACETRACK_CONNECTIONS_ADDRESS": str(OF_ADDRESS),
    }
    with log.open("wb") as output:
        process = subprocess.Popen(
            manage("web", "--port", str(port)), env=environ, stdout=output, stderr=output
        )
        try:
            _wait_for(port, process)
            yield Web(port, log)
        finally:
            process.terminate()
            process.wait()


def _wait_for(port: int, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        assert process.poll() is None, "the web server has ended"
        with suppress(OSError), create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.2)
    raise AssertionError("the web server does not listen")
