"""Recording of one tenant by many writers at once: known people, then strangers, with the index kept current.

The writers are threads of as many processes as the machine has cores, as the cameras of an installation are.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from typing import IO, cast
from uuid import UUID

import msgspec
import numpy as np
from django.conf import settings
from django.db import connection

from tenants.isolation.context import inside
from tenants.models import Tenant
from visits.models import Visitor
from workers.indexing import drain_outbox
from workers.lab.bench.recording_process import Recorded, RecordingPlan, record_in_turn
from workers.lab.bench.stores import bench_cameras, bench_tenant
from workers.recognition.types import Decision

KNOWN_PEOPLE = 400
DRAIN_SECONDS = 5.0
"""As often as the beat of an installation brings the index up to date."""


class RecordingFailed(RuntimeError):
    """A process of the bench ended without a result; its own message says why."""


@dataclass(frozen=True, slots=True)
class RecordingFigures:
    """Known tracks and new visitors that were recorded a second, and the 95th percentile of a record's time.

    `duplicates` counts visitors beyond one for each stranger.
    """

    writers: int
    known_per_s: float
    known_p95_ms: float
    new_per_s: float
    new_p95_ms: float
    duplicates: int

    def as_json(self) -> dict[str, object]:
        return asdict(self)


def record_bench(
    *, writers: int, seconds: float, pack: str, advance: Callable[[str], None]
) -> RecordingFigures:
    """Measures for `seconds` with known people and as long with strangers, in a tenant made for the run.

    Raises RecordingFailed, and ImproperlyConfigured if this environment may not create tenants.
    """
    with bench_tenant() as tenant, inside(tenant):
        cameras = [camera.pk for camera in bench_cameras(writers)]
        advance("making people")
        _made(tenant, cameras[0], pack)
        people = dict(Visitor.objects.order_by("number").values_list("number", "pk"))
        drain_outbox()
        advance("known people")
        known = _measured(_plans(tenant, cameras, pack, seconds, list(people.values()), 1_000_000))
        drain_outbox()
        advance("strangers")
        new = _measured(_plans(tenant, cameras, pack, seconds, [], 2_000_000))
        made = Visitor.objects.count() - len(people)
    return RecordingFigures(
        writers=writers,
        known_per_s=_rate(known, sum(len(recorded.ms) for recorded in known)),
        known_p95_ms=_p95(known),
        new_per_s=_rate(new, made),
        new_p95_ms=_p95(new),
        duplicates=made - len({number for recorded in new for number in recorded.strangers}),
    )


def _made(tenant: Tenant, camera: UUID, pack: str) -> None:
    """Visitors numbered from 1, with the faces that the writers show as known people."""
    plan = _plans(tenant, [camera], pack, 0.0, [], 0)[0]
    record_in_turn(plan, count=KNOWN_PEOPLE)


def _plans(
    tenant: Tenant, cameras: Sequence[UUID], pack: str, seconds: float, people: list[UUID], first_track: int
) -> list[RecordingPlan]:
    """One for each process."""
    processes = min(len(cameras), os.cpu_count() or 1)
    return [
        RecordingPlan(
            tenant=tenant.pk,
            database=str(connection.settings_dict["NAME"]),
            cameras={number: cameras[number] for number in range(first, len(cameras), processes)},
            writers=len(cameras),
            decision=(Decision.VISITOR if people else Decision.NEW_VISITOR).value,
            people=people,
            first_track=first_track,
            seconds=seconds,
            pack=pack,
        )
        for first in range(processes)
    ]


def _measured(plans: Sequence[RecordingPlan]) -> list[Recorded]:
    """All of them at the same time, each in a process of its own."""
    with ExitStack() as stack:
        processes = [stack.enter_context(_process()) for _ in plans]
        for process, plan in zip(processes, plans, strict=True):
            _tell(process, msgspec.json.encode(plan))
        for process in processes:
            _heard(process)  # it is ready
        with _index_kept_current():
            for process in processes:
                _tell(process, b"go")
            return [msgspec.json.decode(_heard(process), type=Recorded) for process in processes]


@contextmanager
def _process() -> Iterator[subprocess.Popen[bytes]]:
    words = [sys.executable, "-m", "workers.lab.bench.recording_process"]
    with subprocess.Popen(words, cwd=settings.BASE_DIR, stdin=-1, stdout=-1) as process:
        try:
            yield process
        finally:
            process.kill()


def _tell(process: subprocess.Popen[bytes], line: bytes) -> None:
    pipe = cast(IO[bytes], process.stdin)
    pipe.write(line + b"\n")
    pipe.flush()


def _heard(process: subprocess.Popen[bytes]) -> bytes:
    if line := cast(IO[bytes], process.stdout).readline():
        return line
    raise RecordingFailed("a process that records has ended early; its error is printed above")


@contextmanager
def _index_kept_current() -> Iterator[None]:
    ended = threading.Event()

    def drain() -> None:
        while not ended.wait(DRAIN_SECONDS):
            drain_outbox()

    drainer = threading.Thread(target=drain, name="drain")
    drainer.start()
    try:
        yield
    finally:
        ended.set()
        drainer.join()


def _rate(recorded: Sequence[Recorded], count: int) -> float:
    return round(count / max(each.seconds for each in recorded), 1)


def _p95(recorded: Sequence[Recorded]) -> float:
    return round(float(np.percentile([ms for each in recorded for ms in each.ms], 95)), 1)
