"""Folders for embedded services, and people in other processes who use them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Self

import pytest

from facetrack import devservices
from facetrack.devservices.embedded import Service
from facetrack.devservices.embedded import services as every_service
from facetrack.devservices.postgres import FAST_VARIABLE

REPOSITORY = Path(__file__).resolve().parents[2]
# What an environment names is not started: most tests are about starting, whatever is started.
WITH_POSTGRES = {"MILVUS_URI": "http://milvus.elsewhere:19530"}
VALKEY_ALONE = WITH_POSTGRES | {"DATABASE_URL": "postgres://postgres.elsewhere/facetrack"}
os.environ.setdefault(FAST_VARIABLE, "1")
URLS = ("DATABASE_URL", "DATABASE_OWNER_URL", "REDIS_URL", "MILVUS_URI")


def bare_environ(**more: str) -> dict[str, str]:
    """This process's environment without URLs of services."""
    kept = {name: value for name, value in os.environ.items() if name not in URLS}
    return kept | more


def new_root(mode: int) -> Path:
    # Not pytest's tmp_path, which is closed to other users: that is a case of its own here.
    root = Path(tempfile.mkdtemp(prefix="facetrack-test-"))
    root.chmod(mode)
    return root


def remove(root: Path) -> None:
    devservices.stop(root, force=True, wipe=True)
    shutil.rmtree(root)


@pytest.fixture(scope="session")
def kept_root() -> Iterator[Path]:
    root = new_root(0o755)
    yield root
    remove(root)


@pytest.fixture
def used_root(kept_root: Path) -> Iterator[Path]:
    """A folder that everybody may enter, with the data of other tests: a new database takes its time."""
    yield kept_root
    devservices.stop(kept_root, force=True)


@pytest.fixture
def root() -> Iterator[Path]:
    """A new folder for services that everybody may enter."""
    root = new_root(0o755)
    yield root
    remove(root)


@pytest.fixture
def closed_root() -> Iterator[Path]:
    """One that only its owner may enter, as below /root or where `mktemp -d` made it."""
    root = new_root(0o700)
    yield root
    remove(root)


class Neighbour:
    """Another process that uses the services, from when it is made until it is told to leave."""

    def __init__(self, root: Path, elsewhere: dict[str, str] = VALKEY_ALONE) -> None:
        program = (
            "import sys; from pathlib import Path; from facetrack.devservices import running\n"
            "with running(Path(sys.argv[1])): print('in', flush=True); sys.stdin.read()"
        )
        self._process = subprocess.Popen(
            [sys.executable, "-c", program, str(root)],
            cwd=REPOSITORY,
            env=bare_environ(**elsewhere),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == b"in\n"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.crash()

    def leave(self) -> None:
        self._process.communicate()
        assert self._process.returncode == 0

    def crash(self) -> None:
        self._process.kill()
        self._process.communicate()


def service(root: Path, name: str) -> Service:
    return next(service for service in every_service(root) if service.name == name)


def alive(root: Path) -> set[str]:
    """The names of the services that run."""
    return {service.name for service in every_service(root) if service.alive}


def pid_of(service: Service) -> int:
    state = service.daemon.state
    assert state is not None
    assert state.pid is not None
    return state.pid


def port_of(service: Service) -> int:
    state = service.daemon.state
    assert state is not None
    return state.port


def wait_for(happened: Callable[[], bool], seconds: float = 5) -> None:
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)
