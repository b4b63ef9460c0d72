"""An installation of processes to break: services of its own, one customer, workers and a beat."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import psutil

from facetrack.devservices import ensure, ports, running, standings, stop
from facetrack.devservices.process_group import manage
from tests.migrated_database import migrate_installation
from tests.real_milvus import RealMilvus

if TYPE_CHECKING:
    from tenants.models import Tenant

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Fleet:
    """What is running. Django is set up in this process, on the same database."""

    var: Path
    tenant: Tenant
    site: UUID
    milvus: RealMilvus | None = None
    """The Milvus server; None: the embedded Milvus Lite, one of the services."""
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start_worker(self, name: str, *, capacity: int = 20) -> None:
        words = [sys.executable, "-m", "tests.chaos.worker", "--name", name, "--capacity", str(capacity)]
        self._start(name, words)

    def start_workers(self) -> None:
        """Two of them, unless they run."""
        for name in ("w1", "w2"):
            if name not in self.processes or self.processes[name].poll() is not None:
                self.start_worker(name)

    def start_beat(self) -> None:
        self._start("beat", manage("beat"))

    def start_web(self, port: int) -> None:
        self._start("web", manage("web", "--port", str(port)))

    def signal(self, name: str, number: signal.Signals) -> None:
        """To the whole session of the process: its children are as dead as it is."""
        with suppress(ProcessLookupError):
            os.killpg(self.processes[name].pid, number)

    def kill(self, name: str) -> None:
        """The process alone, as the kernel's memory killer does it."""
        self.processes[name].kill()
        self.processes[name].wait()

    @contextmanager
    def sleeper(self, camera: UUID) -> Iterator[None]:
        """A process that has stopped in the middle of a transaction on this camera."""
        words = [sys.executable, "-m", "tests.chaos.sleeper", self.tenant.schema_name, str(camera)]
        with subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE) as process:
            try:
                assert process.stdout is not None
                assert process.stdout.readline() == b"holding\n", "the sleeper could not get its locks"
                yield
            finally:
                process.kill()

    def usage(self, name: str) -> tuple[float, int, int]:
        """Megabytes of the process and its children, its threads, its children.

        A page that n of them share counts as 1/n of itself in each.
        """
        process = psutil.Process(self.processes[name].pid)
        children = process.children(recursive=True)
        memory = sum(one.memory_full_info().pss for one in [process, *children] if one.is_running())
        return memory / 1e6, process.num_threads(), len(children)

    def camera(self, name: str, url: str, **values: Any) -> UUID:
        """A camera that is switched on, through the same actions as the pages and the API."""
        from cameras.actions import save_camera
        from cameras.models import Camera, Site
        from cameras.rules import Login
        from tenants.isolation.context import inside

        with inside(self.tenant):
            login = Login(values.pop("username", None), values.pop("password", None))
            camera = Camera(site=Site.objects.get(pk=self.site), name=name, kind="rtsp", location=url, fps=5)
            for key, value in values.items():
                setattr(camera, key, value)
            camera.enabled = True
            save_camera(camera=camera, by=None, login=login)
            return camera.pk

    def switch_all_off(self) -> None:
        from cameras.actions import set_enabled
        from cameras.models import Camera
        from tenants.isolation.context import inside

        with inside(self.tenant):
            for camera in Camera.objects.filter(enabled=True):
                set_enabled(camera=camera, enabled=False, by=None)

    def lease(self, camera: UUID) -> Any:
        """The camera's lease with its worker, read anew."""
        from tenants.isolation.context import inside
        from workers.fleet.models import CameraLease

        with inside(self.tenant):
            return CameraLease.objects.select_related("worker").get(pk=camera)

    def row(self, camera: UUID) -> Any:
        from cameras.models import Camera
        from tenants.isolation.context import inside

        with inside(self.tenant):
            return Camera.objects.get(pk=camera)

    def records(self, camera: UUID, *, after_epoch: int = -1) -> bool:
        """Whether a run with a higher epoch than that gets frames now."""
        row = self.row(camera)
        fresh = row.last_frame_at is not None and time.time() - row.last_frame_at.timestamp() < 2.5
        return bool(row.status == "running" and row.epoch > after_epoch and fresh)

    def service(self, title: str) -> psutil.Process:
        standing = next(one for one in standings(self.var / "services", {}) if one.title == title)
        assert standing.pid is not None
        return psutil.Process(standing.pid)

    def kill_milvus(self) -> Callable[[], None]:
        """SIGKILL to the real server; what is returned starts it again on its port."""
        assert self.milvus is not None
        state = self.milvus.daemon.state
        assert state is not None
        milvus = psutil.Process(state.pid)
        milvus.kill()
        milvus.wait(10)
        return partial(self.milvus.start, state.port)

    def revive_services(self) -> None:
        ensure(self.var / "services")

    def _start(self, name: str, words: list[str]) -> None:
        log = self.var / "log" / f"{name}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output:
            self.processes[name] = subprocess.Popen(
                words,
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )


@contextmanager
def fleet(var: Path, *, real_milvus: bool = False) -> Iterator[Fleet]:
    """From nothing; afterwards nothing is left but the logs."""
    if var.exists():
        stop(var / "services", wipe=True)
        shutil.rmtree(var)
    var.mkdir(parents=True)
    os.environ.update(
        FACETRACK_VAR_DIR=str(var),
        DJANGO_SETTINGS_MODULE="facetrack.settings",
        FACETRACK_LOG_LEVEL="INFO",
        FACETRACK_CAMERA_LOOPBACK="1",
        WORKER_HEARTBEAT_SECONDS="2",
    )
    with _milvus(var) if real_milvus else nullcontext() as milvus, running(var / "services"):
        import django

        django.setup()
        whole = _installed(var, milvus)
        try:
            whole.start_beat()
            yield whole
        finally:
            for name, process in whole.processes.items():
                whole.signal(name, signal.SIGCONT)
                whole.signal(name, signal.SIGKILL)
                process.wait()


@contextmanager
def _milvus(var: Path) -> Iterator[RealMilvus]:
    """A Milvus server, which MILVUS_URI names."""
    server = RealMilvus(var / "milvus")
    server.start(ports.pick(None))
    os.environ["MILVUS_URI"] = server.url
    try:
        yield server
    finally:
        server.stop()


def _installed(var: Path, milvus: RealMilvus | None) -> Fleet:
    from django.conf import settings

    from cameras.models import Site
    from tenants.actions import create_tenant, ensure_public
    from tenants.isolation.context import inside

    migrate_installation(os.environ)
    ensure_public(host=settings.FACETRACK_PUBLIC_HOST)
    tenant = create_tenant(name="acme", host="acme.localhost")
    with inside(tenant):
        site = Site.objects.create(name="Gate", reentry_seconds=1)
    return Fleet(var, tenant, site.pk, milvus)


def wait_for(true: Callable[[], Any], seconds: float, what: str) -> float:
    """Seconds until `true` was; a database that is away is waited for. Raises AssertionError."""
    from django.db import InterfaceError, OperationalError, connection

    began = time.monotonic()
    while time.monotonic() - began < seconds:
        try:
            if true():
                return time.monotonic() - began
        except (OperationalError, InterfaceError):
            connection.close()
        time.sleep(0.1)
    raise AssertionError(f"waited {seconds:g} s in vain for {what}")
