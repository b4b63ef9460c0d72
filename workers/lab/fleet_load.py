"""The supervisor on a simulated fleet: the duration of a tick, as fleets and customers grow."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from uuid import uuid4

from django.db import connection
from django.db.models import F
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext

from facetrack.core.rolled_back import rolled_back
from tenants.isolation.context import installation
from tenants.models import Tenant
from workers.fleet.leases import TTL
from workers.fleet.models import CameraLease, Worker
from workers.fleet.queries import live_workers
from workers.fleet.scheduler import tick

CAPACITY = 24
DYING = 0.05


class FleetRunning(RuntimeError):
    """There are live workers, whose leases a rehearsal would delay."""


@dataclass(frozen=True, slots=True)
class FleetFigures:
    """One size of fleet. Seconds of a tick that assigns everything, of one that finds nothing to do, and of
    one after a twentieth of the workers died; `moved` is how many cameras that one moved, of `orphaned`."""

    tenants: int
    cameras: int
    workers: int
    queries: int
    first_s: float
    steady_s: float
    after_deaths_s: float
    orphaned: int
    moved: int


def measure_fleet(*, tenants: int, cameras: int, workers: int) -> FleetFigures:
    """Measure one size. All rows are rolled back. Raises FleetRunning."""
    with _only_rows():
        _populate(tenants, cameras, workers)
        with CaptureQueriesContext(connection) as captured:
            first = _timed()
        _take_all()
        steady = min(_timed() for _ in range(3))
        dead = list(
            Worker.objects.order_by("name").values_list("pk", flat=True)[: max(1, int(workers * DYING))]
        )
        orphaned = CameraLease.objects.filter(worker__in=dead).count()
        before = dict(CameraLease.objects.values_list("pk", "planned_id"))
        Worker.objects.filter(pk__in=dead).update(seen_at=Now() - 2 * TTL)
        CameraLease.objects.filter(worker__in=dead).update(expires_at=Now() - TTL)
        deaths = _timed()
        after = dict(CameraLease.objects.values_list("pk", "planned_id"))
        return FleetFigures(
            tenants=tenants,
            cameras=cameras,
            workers=workers,
            queries=sum("workers_" in query["sql"] for query in captured.captured_queries),
            first_s=first,
            steady_s=steady,
            after_deaths_s=deaths,
            orphaned=orphaned,
            moved=sum(before[pk] != after[pk] for pk in after),
        )


@contextmanager
def _only_rows() -> Iterator[None]:
    with installation():
        if live_workers().exists():
            raise FleetRunning("stop the workers first: their leases would have to wait for the rehearsal")
        with rolled_back():
            yield


def _populate(tenants: int, cameras: int, workers: int) -> None:
    owners = Tenant.objects.bulk_create(
        Tenant(name=f"Rehearsal {n}", schema_name=f"rehearsal_{n}") for n in range(tenants)
    )
    Worker.objects.bulk_create(Worker(name=f"rehearsal-{n}", capacity=CAPACITY) for n in range(workers))
    Worker.objects.update(seen_at=Now())
    sites = [uuid4() for _ in range(max(1, cameras // 10))]
    CameraLease.objects.bulk_create(
        (
            CameraLease(
                camera_id=uuid4(),
                tenant=owners[n % tenants],
                site_id=sites[n % len(sites)],
                label=f"Camera {n}",
                desired=True,
            )
            for n in range(cameras)
        ),
        batch_size=2000,
    )


def _take_all() -> None:
    """As if each worker had carried out its orders."""
    CameraLease.objects.update(worker=F("planned"), epoch=1, expires_at=Now() + timedelta(hours=1))


def _timed() -> float:
    began = time.perf_counter()
    if tick() is None:
        raise FleetRunning("a supervisor is running: stop beat and the workers first")
    return round(time.perf_counter() - began, 4)
