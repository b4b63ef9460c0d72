"""The worker process: acquires cameras, runs them, renews their leases, sends heartbeats."""

import logging
import os
import signal
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from uuid import UUID

import psutil
from django.db import connection
from redis.exceptions import RedisError

from tenants.models import Tenant
from workers.fleet.models import Worker
from workers.fleet.registration import Beat
from workers.process.camera_run import CameraRun, Gauges
from workers.process.clients.camera_settings import CameraSettings
from workers.process.clients.fleet_client import FleetClient, NameTaken, Unavailable, WorkerRejected
from workers.process.held_lease import HeldLease, instant
from workers.process.sinks import outage
from workers.process.sinks.answers import Answer
from workers.process.sinks.delivery import deliver
from workers.process.sinks.spool import Spool

log = logging.getLogger(__name__)

RENEW_SECONDS = 5.0
DELIVER_SECONDS = 1.0
RETRY_SECONDS = 1.0
"""Seconds after a failed round: the leases that it should have renewed expire soon."""
END_SECONDS = 4.0
"""Seconds to wait for runs when the process ends."""
NOT_REPORTED = (Unavailable, WorkerRejected, NameTaken)
"""Errors after which the installation was not notified; leases then expire by themselves."""
UNANSWERED_SECONDS = 7.0
"""Seconds for which an unanswered request counts as an outage: until the worker process's next try is over.
Only the worker process tries meanwhile. A success ends the outage at once."""


@dataclass(slots=True)
class _Counts:
    """The gauges at the last heartbeat, for computing rates."""

    at: float
    frames: int = 0
    faces: int = 0


class WorkerProcess:
    """All runs of this process, by camera. Threads: one per run, one that renews, one for the spool."""

    def __init__(self, link: FleetClient, spool: Spool) -> None:
        self.refusal = ""
        """Why the installation refuses this worker; the process then ends."""
        self._fleet_client, self._spool = link, spool
        self._runs: dict[UUID, tuple[CameraRun, threading.Thread]] = {}
        self._starting: set[UUID] = set()
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._past = Gauges()
        self._counts = _Counts(time.monotonic())
        self._beaten = float("-inf")

    @property
    def name(self) -> str:
        """The worker's."""
        return self._fleet_client.name

    def begin(self) -> None:
        """Start renewing leases and sending the spool."""
        for work in (self._keep, self._empty_spool):
            threading.Thread(target=work, name=work.__name__.strip("_"), daemon=True).start()

    def stop_all(self) -> None:
        """End all runs; they release their leases themselves. Does not wait."""
        self._over.set()
        with self._lock:
            running = [run for run, _ in self._runs.values()]
        for run in running:
            run.stop()

    def end(self) -> None:
        """Stop all runs, release all leases, sign off; within END_SECONDS and a few queries."""
        self.stop_all()
        with self._lock:
            threads = [thread for _, thread in self._runs.values()]
        deadline = time.monotonic() + END_SECONDS
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        try:
            if not self.refusal:
                self._fleet_client.sign_off()
        except NOT_REPORTED as error:
            log.warning("the installation could not be told; the leases expire by themselves: %s", error)
        finally:
            connection.close()
        self._spool.close()

    def start(self, tenant: Tenant, camera_id: UUID) -> bool:
        """Acquire a camera and run it in its own thread. False if it already runs here, or is unavailable."""
        with self._lock:
            taken = len(self._runs) + len(self._starting)
            if self._over.is_set() or taken >= self._fleet_client.capacity:
                return False
            if camera_id in self._runs or camera_id in self._starting:
                return False
            self._starting.add(camera_id)
        try:
            run = self.run_of(tenant, camera_id)
            if run is not None:
                self._begin_thread(run)
            return run is not None
        finally:
            with self._lock:
                self._starting.discard(camera_id)

    def _begin_thread(self, run: CameraRun) -> None:
        thread = threading.Thread(target=self._run, args=(run,), name=f"camera-{run.camera_id}", daemon=True)
        with self._lock:
            self._runs[run.camera_id] = run, thread
        if self._over.is_set():  # the process began to end meanwhile
            run.stop()
        thread.start()

    def run_of(self, tenant: Tenant, camera_id: UUID) -> CameraRun | None:
        """A run under a newly granted lease; None if the camera is not available."""
        asked = instant()
        grant = self._fleet_client.acquire(tenant, camera_id)
        if grant is None:
            return None
        camera_settings = self.camera_settings(tenant, camera_id)
        if camera_settings is None:  # deleted since, together with its lease
            return None
        return CameraRun(
            tenant, camera_settings, HeldLease(grant, asked=asked), self._spool, self._fleet_client.run_client
        )

    def camera_settings(self, tenant: Tenant, camera_id: UUID, ticket: str = "") -> CameraSettings | None:
        """The settings of a camera, as `Desk.camera_settings` returns them. Raises Unavailable."""
        return self._fleet_client.run_client.camera_settings(tenant, camera_id, ticket)

    def answer(self, key: str, ticket: str, answer: Answer) -> None:
        """Send an answer to the user who asked, as `Desk.answer` does; the user repeats a lost request."""
        try:
            self._fleet_client.run_client.answer(key, ticket, answer)
        except (Unavailable, RedisError) as error:
            log.warning("an answer did not arrive, the user has to repeat the request: %s", error)

    def stop(self, camera_id: UUID) -> None:
        """End the camera's run here, if there is one."""
        if run := self.running(camera_id):
            run.stop()

    def running(self, camera_id: UUID) -> CameraRun | None:
        with self._lock:
            entry = self._runs.get(camera_id)
        return entry[0] if entry else None

    def reload(self, camera_id: UUID, *, force: bool = False) -> bool:
        """Restart the run if its settings changed, or if `force` is set. Returns whether it was restarted.

        The run of a camera that is no longer enabled ends. Raises Unavailable.
        """
        run = self.running(camera_id)
        if run is None:
            return False
        camera_settings = self.camera_settings(run.tenant, camera_id)
        if camera_settings is None or not camera_settings.wanted:
            run.stop()
            return False
        if changed := force or camera_settings != run.camera_settings:
            run.stop(again=True)
        return changed

    def _run(self, run: CameraRun) -> None:
        try:
            run.to_the_end()
        finally:
            self._past.frames += run.gauges.frames
            self._past.faces += run.gauges.faces
            self._past.dropped += run.gauges.dropped
            self._give_up(run)
            with self._lock:
                self._runs.pop(run.camera_id, None)
        if run.again:
            self.try_start(run.tenant, run.camera_id)

    def _give_up(self, run: CameraRun) -> None:
        try:
            if not self.refusal:
                self._fleet_client.release(run.tenant, run.camera_id, run.held.epoch)
        except NOT_REPORTED as error:
            log.warning("the lease of camera %s expires by itself: %s", run.camera_id, error)

    def try_start(self, tenant: Tenant, camera_id: UUID) -> None:
        """As `start`, for callers that cannot handle a failure."""
        with suppress(*NOT_REPORTED):  # the next round tries again
            self.start(tenant, camera_id)

    def take(self, pairs: Iterable[tuple[UUID, UUID]]) -> None:
        """Start cameras, given as tenant and camera. Raises as the link does."""
        wanted = list(pairs)
        tenants = self._fleet_client.tenants({tenant for tenant, _ in wanted})
        for tenant, camera_id in wanted:
            if tenant in tenants:
                self.start(tenants[tenant], camera_id)

    def _keep(self) -> None:
        while not self._over.is_set():
            began = time.monotonic()
            rest = RENEW_SECONDS if self._kept() else RETRY_SECONDS
            connection.close()
            self._over.wait(max(0.1, rest - (time.monotonic() - began)))

    def _kept(self) -> bool:
        """One round; catches all errors. Returns False if it should be repeated soon."""
        try:
            self._round()
        except NameTaken:
            log.error("worker %s ends: another process has this name now", self.name)
            self._let_go()
        except WorkerRejected as refusal:
            self.refusal = str(refusal)
            log.error("worker %s ends: %s", self.name, refusal)
            self._let_go()
        except Unavailable as error:
            outage.note(UNANSWERED_SECONDS)
            log.warning("the leases were not renewed: %s", error)
            return False
        except Exception:
            log.exception("a round of the worker process failed")
        return not outage.on()

    def _let_go(self) -> None:
        """Stop all recording at once, because no camera is ours any more, and end the process."""
        self._over.set()
        with self._lock:
            runs = [run for run, _ in self._runs.values()]
        for run in runs:
            run.held.lost.set()
            run.stop()
        os.kill(os.getpid(), signal.SIGTERM)

    def _round(self) -> None:
        """Renew all leases, acquire what is planned for this worker, and send a heartbeat when due."""
        with self._lock:
            runs = {camera_id: run for camera_id, (run, _) in self._runs.items()}
        asked = instant()
        held = [(camera_id, run.held.epoch) for camera_id, run in runs.items() if not run.held.lost.is_set()]
        update = self._fleet_client.keep(held)
        for camera_id, epoch in held:
            grant = update.renewed.get(camera_id)
            if grant is not None and grant.epoch == epoch:
                runs[camera_id].held.confirm(grant, asked=asked)
            else:
                log.warning("camera %s is no longer ours at epoch %d", camera_id, epoch)
                runs[camera_id].held.lost.set()
                runs[camera_id].stop()
        for camera_id in update.give_up:
            self.stop(camera_id)
        self.take(update.take)
        self._beat(list(runs.values()))

    def _beat(self, runs: list[CameraRun]) -> None:
        now = time.monotonic()
        if now - self._beaten < self._fleet_client.heartbeat_seconds:
            return
        self._beaten = now
        frames = self._past.frames + sum(run.gauges.frames for run in runs)
        faces = self._past.faces + sum(run.gauges.faces for run in runs)
        dropped = self._past.dropped + sum(run.gauges.dropped for run in runs)
        seconds = max(0.1, now - self._counts.at)
        last, self._counts = self._counts, _Counts(now, frames, faces)
        self._fleet_client.beat(
            Beat(
                state=_state(runs, trouble=bool(self._spool.alarm)),
                load=os.getloadavg()[0] / (os.cpu_count() or 1),
                fps=(frames - last.frames) / seconds,
                faces_per_second=(faces - last.faces) / seconds,
                queue_depth=self._spool.depth,
                memory_megabytes=psutil.Process().memory_info().rss // 1_000_000,
                dropped=dropped,
                last_error=self._spool.alarm or _trouble(runs),
            )
        )

    def _empty_spool(self) -> None:
        while not self._over.wait(DELIVER_SECONDS):
            if not self._spool.depth or outage.on():
                continue
            try:
                arrived = deliver(self._spool, self._fleet_client.run_client)
                log.info("%d spooled record(s) were delivered, %d wait", arrived, self._spool.depth)
            except Exception:
                log.exception("the spool could not be delivered")
            finally:
                connection.close()


def _state(runs: list[CameraRun], *, trouble: bool) -> Worker.State:
    if trouble or (runs and all(run.error for run in runs)):
        return Worker.State.ERROR
    if not runs:
        return Worker.State.IDLE
    return Worker.State.PROCESSING if any(run.delivers for run in runs) else Worker.State.ONLINE


def _trouble(runs: list[CameraRun]) -> str:
    """The number of failing cameras, without names: all tenants see a worker, only one sees its camera."""
    failing = sum(bool(run.error) for run in runs)
    return f"{failing} of {len(runs)} cameras fail; their own pages say why" if failing else ""


_worker_process: WorkerProcess | None = None


def install(worker_process: WorkerProcess) -> None:
    """Make `worker_process` the one of this process, for the tasks that arrive on its queue."""
    global _worker_process
    _worker_process = worker_process


def installed() -> WorkerProcess | None:
    """None in a process that is not a worker."""
    return _worker_process
