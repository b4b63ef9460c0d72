"""Compares the desired with the actual state and assigns cameras: a constant number of queries per tick."""

import logging
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import timedelta
from typing import NamedTuple
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.db.models import DurationField, ExpressionWrapper, F, Q
from django.db.models.functions import Now

from tenants.isolation.context import installation
from workers.fleet.assignment import assign
from workers.fleet.board import Seat, Wish, may_run
from workers.fleet.leases import plan
from workers.fleet.models import CameraLease, Worker
from workers.fleet.queries import known_workers, leases, live_workers

log = logging.getLogger(__name__)
Waits = CameraLease.Waits


GRACE = timedelta(seconds=8)
"""Time after a start of the database: its workers retry every second while it is unavailable."""


FAILING = timedelta(seconds=30)
"""Time without a frame after which a camera gives up its seat to one that waits for it."""


class LeaseRow(NamedTuple):
    """A lease as a tick reads it. No model instance, because there may be ten thousand."""

    camera: UUID
    tenant: UUID
    site: UUID
    host: str
    desired: bool
    planned: UUID | None
    worker: UUID | None
    waits: str
    cameras: int | None
    live: bool
    failing: bool
    granted_ago: timedelta | None


@dataclass(slots=True)
class Orders:
    """The orders of one tick: cameras by the worker's name, each as tenant and camera."""

    assign: dict[str, list[tuple[UUID, UUID]]] = field(default_factory=lambda: defaultdict(list))
    release: dict[str, list[tuple[UUID, UUID]]] = field(default_factory=lambda: defaultdict(list))
    cameras: int = 0
    workers: int = 0
    unplaced: int = 0
    changed: int = 0


def tick() -> Orders | None:
    """Plan which worker runs which camera, save the plan and return the orders for workers.

    None if another process does this now. Costs five queries on shared tables, whatever the number of
    tenants. The plan does not grant the right to run: a worker gets that with the lease.
    """
    with installation(), transaction.atomic():
        if not _only_supervisor():
            return None
        rows = _relevant()
        if not _just_started():
            return _compare(list(live_workers()), rows)
        return _compare(list(known_workers()), [row._replace(live=row.worker is not None) for row in rows])


def _compare(workers: list[Worker], rows: list[LeaseRow]) -> Orders:
    names, ids = (
        {worker.pk: worker.name for worker in workers},
        {worker.name: worker.pk for worker in workers},
    )
    wanted = [row for row in rows if row.desired]
    seats = [_seat(worker) for worker in workers]
    places = assign(seats, [_wish(row, names) for row in wanted], _weights(wanted))
    orders = Orders(cameras=len(wanted), workers=len(workers))
    if not workers:  # after an outage no worker has been seen for a while: that is no reason to drop the plan
        orders.unplaced = len(wanted)
        return orders
    changes: list[tuple[UUID, UUID | None, str]] = []
    for row in rows:
        name = places.get(row.camera)
        target = ids[name] if name else None
        waits = "" if name or not row.desired else _waits(row, seats)
        if (target, waits) != (row.planned, row.waits):
            changes.append((row.camera, target, waits))
        orders.unplaced += row.desired and name is None
        holder = names.get(row.worker) if row.live and row.worker else None
        if holder is not None and holder != name:
            orders.release[holder].append((row.tenant, row.camera))
        elif name is not None and holder is None:  # ordered with each tick until it is acquired
            orders.assign[name].append((row.tenant, row.camera))
    orders.changed = len(changes)
    plan(changes=changes)
    return orders


def _relevant() -> list[LeaseRow]:
    """Cameras that are enabled, planned or held."""
    chosen = Q(desired=True) | Q(planned__isnull=False) | Q(worker__isnull=False)
    fields = ("camera_id", "tenant_id", "site_id", "host", "desired", "planned_id", "worker_id", "waits")
    found = (
        leases()
        .filter(chosen)
        .annotate(
            failing=Q(failing_since__isnull=False, failing_since__lt=Now() - FAILING),
            granted_ago=ExpressionWrapper(Now() - F("granted_at"), output_field=DurationField()),
        )
    )
    further = ("tenant__limits__cameras", "live", "failing", "granted_ago")
    return [LeaseRow(*values) for values in found.values_list(*fields, *further)]


def _weights(rows: list[LeaseRow]) -> dict[object, int]:
    """The tenants' weights: the number of cameras that each may have."""
    default = settings.FACETRACK_MAX_CAMERAS
    return {row.tenant: default if row.cameras is None else row.cameras for row in rows}


def _waits(row: LeaseRow, seats: list[Seat]) -> str:
    """What a camera without a seat waits for."""
    wish = _wish(row, {})
    return (Waits.CAPACITY if any(may_run(seat, wish) for seat in seats) else Waits.WORKER).value


def _seat(worker: Worker) -> Seat:
    # Only an order of magnitude: a camera must not move with every change of the load.
    load = round(worker.load * 2) / 2
    return Seat(worker.name, worker.capacity, worker.host, frozenset(worker.sites), load)


def _wish(row: LeaseRow, names: dict[UUID, str]) -> Wish[UUID]:
    """The planned worker, else the present one: a move under way is not reversed, and the seat that the
    camera had to give up is not given back."""
    at = names.get(row.planned) if row.planned else None
    if at is None and row.live and row.worker and row.waits != Waits.CAPACITY:
        at = names.get(row.worker)
    tried = None if row.granted_ago is None else row.granted_ago.total_seconds()
    if row.planned and row.planned != row.worker:  # its turn has not begun
        tried = 0.0
    return Wish(
        camera=row.camera,
        site=str(row.site),
        host=row.host,
        at=at,
        tenant=row.tenant,
        failing=row.failing,
        tried_ago=tried,
    )


def _only_supervisor() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtext('facetrack.supervisor'))")
        return bool(cursor.fetchone()[0])


def _just_started() -> bool:
    """Whether the database started a moment ago, so that no worker could renew a lease before.

    The previous holder of a camera is then assumed to hold it still: if the camera were reassigned at once,
    two workers would record the same people, one of them into its spool.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT statement_timestamp() - pg_postmaster_start_time() < make_interval(secs => %s)",
            [GRACE.total_seconds()],
        )
        return bool(cursor.fetchone()[0])


def queue_of(worker: str) -> str:
    return f"worker.{worker}"
