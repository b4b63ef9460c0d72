"""The faults, each tried a number of times on real processes."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any
from uuid import UUID

from tests.chaos.audit import compared, stale_writes, two_recorders
from tests.chaos.camera import EMPTY_SECONDS, SHOWN_SECONDS, Camera, Mood
from tests.chaos.fleet import Fleet, wait_for
from tests.chaos.results import Result

RECOVERY_BAR = 20.0
READY_SECONDS = 60.0


def owner_killed(fleet: Fleet, trials: int, cameras: int = 4) -> Result:
    """kill -9 of the process that runs the cameras; another worker must record again."""
    result = Result("owner killed with SIGKILL", trials, bar_s=RECOVERY_BAR)
    seconds: list[float] = []
    with ExitStack() as stack:
        sources = [stack.enter_context(Camera(first_person=1 + 300 * n)) for n in range(cameras)]
        ids = [fleet.camera(f"Kill {n}", source.url) for n, source in enumerate(sources)]
        for source in sources:
            source.show(10_000)
        fleet.start_workers()
        for _ in range(trials):
            _wait_until_ready(fleet, ids)
            time.sleep(random.uniform(0, 5))  # anywhere between two renewals
            leases = {one: fleet.lease(one) for one in ids}
            victim = leases[ids[0]].worker.name
            hit = {one: lease.epoch for one, lease in leases.items() if lease.worker.name == victim}
            fleet.kill(victim)
            seconds += _recoveries(fleet, hit)
            fleet.start_worker(victim)
        fleet.switch_all_off()
    return _audited(fleet, result).judged(seconds)


def process_stopped(fleet: Fleet, trials: int) -> Result:
    """SIGSTOP for longer than a lease lasts, then SIGCONT: what wakes up must not write any more."""

    def stops(lease: Any) -> list[float]:
        fleet.signal(lease.worker.name, signal.SIGSTOP)
        seconds = _recoveries(fleet, {lease.pk: lease.epoch})
        time.sleep(2)
        fleet.signal(lease.worker.name, signal.SIGCONT)
        time.sleep(8)
        return seconds

    return _with_owner(fleet, "process stopped beyond its lease, then continued", stops, trials, 2001)


def stopped_within_transaction(fleet: Fleet, trials: int) -> Result:
    """Another process stops while it holds every lock there is, and then the camera's owner dies."""

    def dies(lease: Any) -> list[float]:
        with fleet.sleeper(lease.pk):
            fleet.kill(lease.worker.name)
            seconds = _recoveries(fleet, {lease.pk: lease.epoch})
        fleet.start_worker(lease.worker.name)
        return seconds

    return _with_owner(
        fleet, "process stopped within a transaction, then the owner killed", dies, trials, 2501
    )


def _with_owner(
    fleet: Fleet, fault: str, breaks: Callable[[Any], list[float]], trials: int, first_person: int
) -> Result:
    """One camera and two workers; `breaks` is given the camera's lease, and says what recovering took."""
    result = Result(fault, trials, bar_s=RECOVERY_BAR)
    seconds: list[float] = []
    with Camera(first_person=first_person) as source:
        camera = fleet.camera(f"Owned {first_person}", source.url)
        source.show(10_000)
        fleet.start_workers()
        for _ in range(trials):
            _wait_until_ready(fleet, [camera])
            seconds += breaks(fleet.lease(camera))
        fleet.switch_all_off()
    return _audited(fleet, result).judged(seconds)


def camera_faults(fleet: Fleet) -> Result:
    """What a camera can do wrong, what its row says meanwhile, and how soon it is back."""
    table: list[dict[str, object]] = []
    with Camera(first_person=3001, login="admin:right") as source:
        fleet.start_workers()
        camera = fleet.camera("Faulty", source.url, username="admin", password="right")
        wait_for(lambda: fleet.records(camera), READY_SECONDS, "the camera to record")
        epoch = fleet.row(camera).epoch

        def unplugged() -> None:
            source.kill()

        def plugged() -> None:
            source.revive()

        def locked() -> None:
            source.kill()
            source.revive(login="admin:changed")

        def unlocked() -> None:
            _set_password(fleet, camera, "changed")

        def mood(wanted: Mood) -> None:
            source.mood = wanted

        faults = [
            ("killed", unplugged, plugged, "refuses the connection"),
            ("hung", lambda: mood(Mood.SILENT), lambda: mood(Mood.WELL), "sent nothing"),
            ("garbage", lambda: mood(Mood.GARBAGE), lambda: mood(Mood.WELL), ""),
            ("resolution changed", lambda: mood(Mood.LARGER), lambda: mood(Mood.WELL), ""),
            ("wrong password", locked, unlocked, "refuses the login"),
        ]
        for name, breaks, mends, sign in faults:
            breaks()
            noticed = None
            if sign:
                noticed = wait_for(
                    lambda sign=sign: sign in fleet.row(camera).status_detail,  # type: ignore[misc]
                    40,
                    f"the camera to be told as {name}",
                )
            else:
                time.sleep(6)
            said = fleet.row(camera)
            mends()
            back = wait_for(lambda: fleet.records(camera), 60, f"the camera to be back after: {name}")
            table.append(
                {
                    "fault": name,
                    "status": said.status,
                    "said": said.status_detail,
                    "noticed_s": None if noticed is None else round(noticed, 1),
                    "back_s": round(back, 1),
                }
            )
        detail = {"table": table, "one_run": fleet.row(camera).epoch <= epoch + 1}
        fleet.switch_all_off()
    result = Result("camera faults", len(table), bar_s=RECOVERY_BAR, detail=detail)
    return result.judged([float(str(line["back_s"])) for line in table])


def redis_lost(fleet: Fleet, trials: int) -> Result:
    """Redis flushed and killed; the record must stay whole."""

    def breaks() -> None:
        from workers.process.sinks.pictures import store

        store().flushall()
        fleet.service("Valkey").kill()
        time.sleep(3)
        fleet.revive_services()

    return _with_ledger(fleet, "Redis flushed and restarted", breaks, trials, first_person=3301)


def postgres_lost(fleet: Fleet, trials: int) -> Result:
    """PostgreSQL stopped as `pg_ctl -m immediate` does it, away for a while, started again."""
    pauses = iter([3, 25] * trials)  # the longer one outlasts every lease

    def breaks() -> None:
        from django.db import connection

        fleet.service("PostgreSQL").send_signal(signal.SIGQUIT)
        connection.close()
        time.sleep(next(pauses))
        fleet.revive_services()

    return _with_ledger(fleet, "PostgreSQL stopped with -m immediate", breaks, trials, first_person=3601)


def _with_ledger(fleet: Fleet, fault: str, breaks: object, trials: int, *, first_person: int) -> Result:
    result = Result(fault, trials)
    seconds: list[float] = []
    assert callable(breaks)
    with Camera(first_person=first_person) as source:
        fleet.start_workers()
        camera = fleet.camera(f"Ledger {first_person}", source.url)
        wait_for(lambda: fleet.records(camera), READY_SECONDS, "the camera to record")
        for _ in range(trials):
            source.show(4)
            time.sleep(SHOWN_SECONDS + EMPTY_SECONDS + random.uniform(0, SHOWN_SECONDS))
            breaks()
            seconds.append(wait_for(lambda: fleet.records(camera), READY_SECONDS, "it to record again"))
            wait_for(lambda: source.done, 120, "the last of the people")
        time.sleep(4)
        wait_for(lambda: _spooled(fleet) == 0, 60, "the spools to be empty")
        found = compared(fleet, camera, source.ledger)
        result.lost, result.duplicated = found.lost, found.doubled
        recovery = [round(one, 1) for one in seconds]
        result.detail = {"shown": len(source.ledger), "split": found.split, "recovery_s": recovery}
        fleet.switch_all_off()
    result.stale_writes = stale_writes(fleet)
    return result.judged()


def many_cameras(fleet: Fleet, seconds: float, cameras: int = 16) -> Result:
    """One worker with many cameras: memory and threads stay, and SIGTERM ends it all."""
    for name in ("w1", "w2"):
        if name in fleet.processes:
            fleet.signal(name, signal.SIGKILL)
            fleet.processes[name].wait()
    fleet.start_worker("w16", capacity=cameras)
    usage: list[tuple[float, int, int]] = []
    with ExitStack() as stack:
        sources = [stack.enter_context(Camera(first_person=3901 + n)) for n in range(cameras)]
        ids = [fleet.camera(f"Many {n}", source.url, fps=2) for n, source in enumerate(sources)]
        ready = wait_for(lambda: all(fleet.records(one) for one in ids), 120, "all cameras to record")
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            usage.append(fleet.usage("w16"))
            time.sleep(min(5.0, seconds / 10))
        running = sum(fleet.records(one) for one in ids)
        fleet.processes["w16"].terminate()
        began = time.monotonic()
        fleet.processes["w16"].wait(30)
        ended = time.monotonic() - began
        released = sum(fleet.lease(one).worker is None for one in ids)
        fleet.switch_all_off()
    third = max(1, len(usage) // 3)
    early, late = (sum(one[0] for one in part) / len(part) for part in (usage[:third], usage[-third:]))
    detail = {
        "ready_s": round(ready, 1),
        "seconds": seconds,
        "recording_at_the_end": running,
        "memory_early_mb": round(early),
        "memory_late_mb": round(late),
        "threads_most": max(one[1] for one in usage),
        "children_most": max(one[2] for one in usage),
        "sigterm_s": round(ended, 2),
        "leases_released": released,
    }
    flat = late < early * 1.1
    holds = flat and ended <= 5 and released == cameras and running == cameras
    return Result(f"{cameras} cameras on one worker", 1, detail=detail).judged(holds=holds)


def _wait_until_ready(fleet: Fleet, cameras: list[UUID]) -> None:
    wait_for(lambda: all(fleet.records(one) for one in cameras), READY_SECONDS, "all cameras to record")
    wait_for(lambda: _seats(fleet) == 2, READY_SECONDS, "a spare worker")


def _audited(fleet: Fleet, result: Result) -> Result:
    result.stale_writes = stale_writes(fleet)
    result.duplicated = two_recorders(fleet)
    return result


def _recoveries(fleet: Fleet, hit: dict[UUID, int]) -> list[float]:
    """Seconds until each of the cameras is recorded by a later run."""
    began, left, seconds = time.monotonic(), dict(hit), list[float]()
    while left and time.monotonic() - began < 60:
        for camera, epoch in list(left.items()):
            if fleet.records(camera, after_epoch=epoch):
                seconds.append(time.monotonic() - began)
                del left[camera]
        time.sleep(0.1)
    return seconds + [60.0] * len(left)


def _seats(fleet: Fleet) -> int:
    from tenants.isolation.context import inside
    from workers.fleet.queries import live_workers

    with inside(fleet.tenant):
        return live_workers().count()


def _spooled(fleet: Fleet) -> int:
    return len(list((fleet.var / "spool").glob("*/*.event")))


def _set_password(fleet: Fleet, camera: UUID, password: str) -> None:
    from cameras.actions import save_camera
    from cameras.rules import Login
    from tenants.isolation.context import inside

    with inside(fleet.tenant):
        save_camera(camera=fleet.row(camera), by=None, login=Login("admin", password))
