"""The worker process at work: takes cameras, runs them, keeps their leases, says how it is doing."""

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
from workers.actions.fleet import Beat
from workers.held import Held
from workers.links import Away, Link, Refused, Replaced
from workers.links.brief import Brief
from workers.models import Worker
from workers.runner import Gauges, Run
from workers.sinks import outage
from workers.sinks.answers import Answer
from workers.sinks.replay import deliver
from workers.sinks.spool import Spool

log = logging.getLogger(__name__)

RENEW_SECONDS = 5.0
DELIVER_SECONDS = 1.0
RETRY_SECONDS = 1.0
"""After a round that failed: what it should have renewed is soon in doubt."""
END_SECONDS = 4.0
"""How long runs are waited for when the process ends."""
UNTOLD = (Away, Refused, Replaced)
"""Why the installation did not learn of something: what is held runs out by itself."""
UNANSWERED_SECONDS = 7.0
"""How long the cameras do without an installation that left us without an answer: until the next try is over,
which is the keeper's alone. It ends as soon as one succeeds."""


@dataclass(slots=True)
class _Counts:
    """The gauges at the last beat, to tell rates by."""

    at: float
    frames: int = 0
    faces: int = 0


class Keeper:
    """All runs of this process, by camera. Threads: one a run, one that renews, one for the spool."""

    def __init__(self, link: Link, spool: Spool) -> None:
        self.refusal = ""
        """Why the installation wants nothing of this worker any more; it ends then."""
        self._link, self._spool = link, spool
        self._runs: dict[UUID, tuple[Run, threading.Thread]] = {}
        self._starting: set[UUID] = set()
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._past = Gauges()
        self._counts = _Counts(time.monotonic())
        self._beaten = float("-inf")

    @property
    def name(self) -> str:
        """The worker's."""
        return self._link.name

    def begin(self) -> None:
        """Start renewing and delivering."""
        for work in (self._keep, self._empty_spool):
            threading.Thread(target=work, name=work.__name__.strip("_"), daemon=True).start()

    def stop_all(self) -> None:
        """Let all runs end; they give their leases up themselves. Waits for nothing."""
        self._over.set()
        with self._lock:
            running = [run for run, _ in self._runs.values()]
        for run in running:
            run.stop()

    def end(self) -> None:
        """Stop all runs, give all leases up, say goodbye; within END_SECONDS and a few queries."""
        self.stop_all()
        with self._lock:
            threads = [thread for _, thread in self._runs.values()]
        deadline = time.monotonic() + END_SECONDS
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        try:
            if not self.refusal:
                self._link.sign_off()
        except UNTOLD as error:
            log.warning("the leases run out by themselves, nobody could be told: %s", error)
        finally:
            connection.close()
        self._spool.close()

    def start(self, tenant: Tenant, camera_id: UUID) -> bool:
        """Take a camera and run it in a thread of its own. False where it runs here, or cannot be had."""
        with self._lock:
            taken = len(self._runs) + len(self._starting)
            if self._over.is_set() or taken >= self._link.capacity:
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

    def _begin_thread(self, run: Run) -> None:
        thread = threading.Thread(target=self._run, args=(run,), name=f"camera-{run.camera_id}", daemon=True)
        with self._lock:
            self._runs[run.camera_id] = run, thread
        if self._over.is_set():  # began to end meanwhile
            run.stop()
        thread.start()

    def run_of(self, tenant: Tenant, camera_id: UUID) -> Run | None:
        """A run under a lease that was just granted; None where it cannot be had."""
        asked = time.monotonic()
        grant = self._link.acquire(tenant, camera_id)
        if grant is None:
            return None
        brief = self.brief(tenant, camera_id)
        if brief is None:  # deleted since, and its lease with it
            return None
        return Run(tenant, brief, Held(grant, asked=asked), self._spool, self._link.desk)

    def brief(self, tenant: Tenant, camera_id: UUID, ticket: str = "") -> Brief | None:
        """What to run a camera with, as `Desk.brief` has it. Raises Away."""
        return self._link.desk.brief(tenant, camera_id, ticket)

    def answer(self, key: str, ticket: str, answer: Answer) -> None:
        """Hand an answer to the person who asked, as `Desk.answer` has it; a lost one is asked for again."""
        try:
            self._link.desk.answer(key, ticket, answer)
        except (Away, RedisError) as error:
            log.warning("an answer did not arrive, the request has to be made again: %s", error)

    def stop(self, camera_id: UUID) -> None:
        """End the camera's run here, if there is one."""
        if run := self.running(camera_id):
            run.stop()

    def running(self, camera_id: UUID) -> Run | None:
        with self._lock:
            entry = self._runs.get(camera_id)
        return entry[0] if entry else None

    def reload(self, camera_id: UUID, *, force: bool = False) -> bool:
        """Begin anew with the present settings, where they have changed or `force`. Whether it does.

        A camera that nobody wants to run any more ends here and now. Raises Away.
        """
        run = self.running(camera_id)
        if run is None:
            return False
        brief = self.brief(run.tenant, camera_id)
        if brief is None or not brief.wanted:
            run.stop()
            return False
        if changed := force or brief != run.brief:
            run.stop(again=True)
        return changed

    def _run(self, run: Run) -> None:
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

    def _give_up(self, run: Run) -> None:
        try:
            if not self.refusal:
                self._link.release(run.tenant, run.camera_id, run.held.epoch)
        except UNTOLD as error:
            log.warning("the lease of camera %s runs out by itself: %s", run.camera_id, error)

    def try_start(self, tenant: Tenant, camera_id: UUID) -> None:
        """As `start`, where nobody can do anything about a failure."""
        with suppress(*UNTOLD):  # the keeper finds it with its next round
            self.start(tenant, camera_id)

    def take(self, pairs: Iterable[tuple[UUID, UUID]]) -> None:
        """Start cameras, given as tenant and camera. Raises as the link does."""
        wanted = list(pairs)
        tenants = self._link.tenants({tenant for tenant, _ in wanted})
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
        """One round, whatever becomes of it. False where it should soon be tried again."""
        try:
            self._round()
        except Replaced:
            log.error("worker %s ends: another process has this name now", self.name)
            self._let_go()
        except Refused as refusal:
            self.refusal = str(refusal)
            log.error("worker %s ends: %s", self.name, refusal)
            self._let_go()
        except Away as error:
            outage.note(UNANSWERED_SECONDS)
            log.warning("leases are not renewed: %s", error)
            return False
        except Exception:
            log.exception("a round of the keeper failed")
        return not outage.on()

    def _let_go(self) -> None:
        """Record nothing more at once, for no camera is ours any more, and end the process."""
        self._over.set()
        with self._lock:
            runs = [run for run, _ in self._runs.values()]
        for run in runs:
            run.held.lost.set()
            run.stop()
        os.kill(os.getpid(), signal.SIGTERM)

    def _round(self) -> None:
        """Renew all leases, take what is planned for us, and beat when it is time."""
        with self._lock:
            runs = {camera_id: run for camera_id, (run, _) in self._runs.items()}
        asked = time.monotonic()
        held = [(camera_id, run.held.epoch) for camera_id, run in runs.items() if not run.held.lost.is_set()]
        standing = self._link.keep(held)
        for camera_id, epoch in held:
            grant = standing.renewed.get(camera_id)
            if grant is not None and grant.epoch == epoch:
                runs[camera_id].held.confirm(grant, asked=asked)
            else:
                log.warning("camera %s is no longer ours at epoch %d", camera_id, epoch)
                runs[camera_id].held.lost.set()
                runs[camera_id].stop()
        for camera_id in standing.give_up:
            self.stop(camera_id)
        self.take(standing.take)
        self._beat(list(runs.values()))

    def _beat(self, runs: list[Run]) -> None:
        now = time.monotonic()
        if now - self._beaten < self._link.heartbeat_seconds:
            return
        self._beaten = now
        frames = self._past.frames + sum(run.gauges.frames for run in runs)
        faces = self._past.faces + sum(run.gauges.faces for run in runs)
        dropped = self._past.dropped + sum(run.gauges.dropped for run in runs)
        seconds = max(0.1, now - self._counts.at)
        last, self._counts = self._counts, _Counts(now, frames, faces)
        self._link.beat(
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
                arrived = deliver(self._spool, self._link.desk)
                log.info("%d spooled record(s) have arrived, %d wait", arrived, self._spool.depth)
            except Exception:
                log.exception("the spool cannot be emptied")
            finally:
                connection.close()


def _state(runs: list[Run], *, trouble: bool) -> Worker.State:
    if trouble or (runs and all(run.error for run in runs)):
        return Worker.State.ERROR
    if not runs:
        return Worker.State.IDLE
    return Worker.State.PROCESSING if any(run.delivers for run in runs) else Worker.State.ONLINE


def _trouble(runs: list[Run]) -> str:
    """How many cameras fail, and nothing of which: a worker is every tenant's, what a camera says is not."""
    failing = sum(bool(run.error) for run in runs)
    return f"{failing} of {len(runs)} cameras fail; their own pages say why" if failing else ""


_keeper: Keeper | None = None


def install(keeper: Keeper) -> None:
    """Make `keeper` the one of this process, for the tasks that arrive on its queue."""
    global _keeper
    _keeper = keeper


def installed() -> Keeper | None:
    """None in a process that is no worker."""
    return _keeper
