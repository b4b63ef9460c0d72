"""Which embedded services run, for which users, and how long.

Each user holds a shared lock for as long as it needs the services; the last to leave stops them, unless they
are kept. The kernel releases the lock of a killed process, so the count is right after any crash. Only one
command at a time starts and stops services, behind a second lock.
"""

from __future__ import annotations

import os
import shutil
import signal
import threading
from collections.abc import Iterator, MutableMapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from facetrack.devservices import ports
from facetrack.devservices.daemon import Daemon
from facetrack.devservices.errors import ServiceFailed
from facetrack.devservices.locks import Presence, alone
from facetrack.devservices.milvus import Milvus
from facetrack.devservices.postgres import Postgres
from facetrack.devservices.valkey import Valkey

PORT_TRIES = 5
PORT_SECONDS = 2.0


class Service(Protocol):
    """A backing service that this machine can run by itself."""

    name: str
    title: str
    variable: str  # of the environment, for its URL
    daemon: Daemon

    def start(self, port: int) -> None:
        """Serves on this port when it returns. Raises ServiceFailed."""

    def stop(self) -> None:
        """Is gone when it returns. Raises ServiceFailed."""

    def homes(self) -> list[Path]:
        """The folders that hold all its data."""

    @property
    def alive(self) -> bool:
        """Whether it serves."""

    @property
    def url(self) -> str:
        """Its URL, with its password."""

    @property
    def environ(self) -> dict[str, str]:
        """The environment variables for its clients."""

    @property
    def version(self) -> str:
        """What it is, without its name."""

    @property
    def data(self) -> Path:
        """Where its data are."""


@dataclass(frozen=True, slots=True)
class ServiceStatus:
    """One line of `status`: nothing in it is secret."""

    title: str
    state: str  # "running", "stopped", "died", "external"
    address: str
    pid: int | None
    data: str
    version: str


def services(root: Path) -> tuple[Service, ...]:
    """All services, with all their data under `root`."""
    return Postgres(root), Valkey(root), Milvus(root)


@contextmanager
def running(root: Path, environ: MutableMapping[str, str] = os.environ) -> Iterator[None]:
    """Runs a block with DATABASE_URL, REDIS_URL and MILVUS_URI set in `environ`.

    Variables that are set already are left alone, and no service is started for them. For the others the
    service under `root` is started or joined; the last block to end, in any process, stops them unless `keep`
    was called. Raises ServiceFailed before the block if one does not start.
    """
    wanted = [service for service in services(root) if not environ.get(service.variable)]
    if not wanted:
        yield
        return
    presence = _join(root, wanted)
    try:
        urls = {name: url for service in wanted for name, url in service.environ.items()}
        environ.update(urls)
        try:
            yield
        finally:
            for variable in urls:
                environ.pop(variable, None)
    finally:
        with _unhurried():
            _leave(root, presence)


def ensure(root: Path) -> list[str]:
    """Restarts services that should be running and died, on the same ports; returns their titles.

    A supervisor of processes calls it every few seconds. Services that were never started or were stopped
    stay so. Raises ServiceFailed.
    """
    if not root.exists():
        return []
    with alone(_start_lock(root)):
        died = [service for service in services(root) if service.daemon.expected and not service.alive]
        _start(died)
    return [service.title for service in died]


def keep(root: Path, environ: MutableMapping[str, str] = os.environ) -> None:
    """Starts the services that `environ` does not name, to run until `stop`. Raises ServiceFailed."""
    wanted = [service for service in services(root) if not environ.get(service.variable)]
    with alone(_start_lock(root)):
        _start(wanted)
        _keep_mark(root).touch()


def stop(root: Path, *, force: bool = False, wipe: bool = False) -> None:
    """Ends `keep` and stops the services; with `wipe` deletes their data.

    Raises ServiceFailed if another command still uses them, unless `force` is given.
    """
    if not root.exists():
        return
    with alone(_start_lock(root)):
        _keep_mark(root).unlink(missing_ok=True)
        if not Presence(_users_lock(root)).leave() and not force:
            raise ServiceFailed(
                "Services",
                "another FaceTrack command uses them, and stops them when it ends",
                fix_hint="end that command, or use --force to stop them anyway",
            )
        _stop(root)
        if wipe:
            for home in [home for service in services(root) for home in service.homes()]:
                if home.exists():
                    shutil.rmtree(home)


def standings(root: Path, environ: MutableMapping[str, str] = os.environ) -> list[ServiceStatus]:
    """The state of each service. A service that `environ` names elsewhere is `external`."""
    return [_standing(service, environ.get(service.variable, "")) for service in services(root)]


def _standing(service: Service, url: str) -> ServiceStatus:
    known = service.daemon.state
    if url and (known is None or url != service.url):
        return ServiceStatus(service.title, "external", _address(url), None, "", "")
    died = "died" if service.daemon.expected else "stopped"
    return ServiceStatus(
        title=service.title,
        state="running" if service.alive else died,
        address=f"{ports.HOST}:{known.port}" if known else "",
        pid=known.pid if known and service.alive else None,
        data=str(service.data),
        version=service.version,
    )


def _address(url: str) -> str:
    """The part of a URL that names a server, without user and password."""
    return url.partition("://")[2].rpartition("@")[2].partition("/")[0]


def _join(root: Path, wanted: Sequence[Service]) -> Presence:
    with alone(_start_lock(root)):
        presence = Presence(_users_lock(root))
        try:
            _start(wanted)
        except BaseException:
            if presence.leave() and not _keep_mark(root).exists():
                _stop(root)
            raise
        return presence


def _leave(root: Path, presence: Presence) -> None:
    with alone(_start_lock(root)):
        if presence.leave() and not _keep_mark(root).exists():
            _stop(root)


def _start(wanted: Sequence[Service]) -> None:
    missing = [service for service in wanted if not service.alive]
    with ThreadPoolExecutor(max(1, len(missing))) as pool:
        for started in [pool.submit(_start_one, service) for service in missing]:
            started.result()


def _start_one(service: Service) -> None:
    """Starts a service on its last port, or on another one if a different program has taken it."""
    # Clients return to the port of a service that died: its remains may still hold the port for a moment.
    patience = PORT_SECONDS if service.daemon.expected else 0
    service.stop()  # a service whose start was interrupted may run without being ready
    for left in reversed(range(PORT_TRIES)):
        known = service.daemon.state
        port = ports.pick(known.port if known else None, patience)
        try:
            service.start(port)
        except OSError as error:
            fix_hint = f"check {error.filename or service.data}: it must be writable, and the disk not full"
            raise ServiceFailed(service.title, f"it cannot start: {error}", fix_hint=fix_hint) from error
        except ServiceFailed:
            if left == 0 or ports.is_free(port):
                raise
        else:
            return


def _stop(root: Path) -> None:
    every = services(root)
    with ThreadPoolExecutor(len(every)) as pool:
        for stopped in [pool.submit(service.stop) for service in every]:
            stopped.result()


@contextmanager
def _unhurried() -> Iterator[None]:
    """Keeps Ctrl-C and SIGTERM from interrupting a stop, which takes a second or two."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, signal.SIG_IGN) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            if handler is not None:  # a handler that was not set from Python cannot be restored from here
                signal.signal(number, handler)


def _start_lock(root: Path) -> Path:
    """The lock file that lets one command at a time start and stop services; makes its folder."""
    lock = root / "start.lock"
    try:
        root.mkdir(parents=True, exist_ok=True)
        lock.touch(mode=0o600)
    except OSError as error:
        fix_hint = f"run this as the user who owns {root}, and let that user write there"
        raise ServiceFailed("Services", f"their folder cannot be used: {error}", fix_hint=fix_hint) from error
    return lock


def _users_lock(root: Path) -> Path:
    return root / "users.lock"


def _keep_mark(root: Path) -> Path:
    return root / "keep"
