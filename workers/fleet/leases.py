"""Changes to leases. Every time is the database's own: the clocks of two machines are never compared."""

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import cast
from uuid import UUID

from django.db import IntegrityError, connection, transaction
from django.db.models import Exists, F, Min, OuterRef, Q
from django.db.models.functions import Now
from django.utils import timezone

from cameras.actions import DeviceNotAssigned, SourceTaken, begin_run, set_enabled
from cameras.models import Camera
from cameras.rules import source_key
from tenants.queries import active_tenant
from visits.track_facts import TrackFacts
from workers.fleet.machines import adopt_device, device_of, machine_of
from workers.fleet.models import CameraLease, DeviceAssignment, LeaseGrant, Worker

log = logging.getLogger(__name__)

TTL = timedelta(seconds=15)
GRANTS_KEPT = timedelta(days=7)
"""How long a record may wait on a worker's disk; until then the grants decide whether it counts."""


class StaleEpoch(RuntimeError):
    """A later run has taken the camera over; this run may no longer write."""


@dataclass(frozen=True, slots=True)
class Grant:
    """A lease as its holder knows it; `at` is the database's time of the grant or the last renewal."""

    camera_id: UUID
    epoch: int
    at: datetime


def keep_lease(*, camera_id: UUID) -> None:
    """Update the lease of a camera of the current tenant to match the camera."""
    camera = Camera.objects.select_related("site").filter(pk=camera_id).first()
    if camera is None:
        CameraLease.objects.filter(pk=camera_id).delete()
        return
    if not camera.enabled and not CameraLease.objects.filter(pk=camera_id).exists():
        return
    try:
        with transaction.atomic():
            values = facts_of(camera) | {"failing_since": None}  # a changed camera is tried like a new one
            if camera.archived_at is not None:  # its epoch stays: what its last run has seen still counts
                values |= {"planned": None, "worker": None, "expires_at": None}
            CameraLease.objects.update_or_create(pk=camera_id, defaults=values)
    except IntegrityError:
        log.warning(
            "camera %s waits: another camera wants its source %s",
            camera,
            facts_of(camera)["source_key"],
        )


def keep_leases() -> int:
    """Update all leases of the current tenant; returns how many changed. Repairs what events missed."""
    cameras = {camera.pk: camera for camera in Camera.objects.select_related("site")}
    leases = {lease.pk: lease for lease in CameraLease.objects.filter(tenant=active_tenant())}
    wrong = {pk for pk in leases if pk not in cameras}
    for pk, camera in cameras.items():
        lease = leases.get(pk)
        if lease is None:
            wrong |= {pk} if camera.enabled else set()
        elif any(getattr(lease, name) != value for name, value in facts_of(camera).items()):
            wrong.add(pk)
    for pk in wrong:
        keep_lease(camera_id=pk)
    return len(wrong)


def claim_source(*, camera: Camera, force: bool) -> None:
    """Make sure that the tenant may open the source and that none of its other cameras does.

    `force` stops such a camera. Raises SourceTaken and DeviceNotAssigned. Part of the transaction that
    enables the camera.
    """
    machine_of(camera)
    owner = owner_of_source(camera)
    if owner is None:
        return
    if not force:
        raise SourceTaken(
            f"The source is in use by the camera {owner.label}{_where(owner)}: stop that camera first, or "
            "start this one with force.",
            site=owner.site_id,
        )
    set_enabled(camera=Camera.objects.get(pk=owner.pk), enabled=False, by=None)


def owner_of_source(camera: Camera) -> CameraLease | None:
    """The lease of another camera of the tenant that wants the same exclusive source."""
    key = facts_of(camera)["source_key"]
    if not key:
        return None
    own = CameraLease.objects.filter(tenant=active_tenant(), source_key=key, desired=True)
    return own.exclude(pk=camera.pk).select_related("worker").first()


def take(*, camera_id: UUID, worker: Worker) -> Grant | None:
    """Grant the right to run a camera, with a higher epoch than any before; in the camera's tenant.

    None if the camera is not wanted, is planned for another worker, waits for capacity, or is held; if its
    source is held; or if it is a USB device that the tenant may not use on the worker's machine.
    """
    free = Q(worker=None) | Q(expires_at__lte=Now())
    meant = (Q(planned=None) & ~Q(waits=CameraLease.Waits.CAPACITY)) | Q(planned=worker)
    given = DeviceAssignment.objects.filter(
        tenant=OuterRef("tenant"), device=OuterRef("device"), host=worker.host
    )
    try:
        with transaction.atomic():
            _adopt(camera_id, worker)
            usable = Q(device=None) | Q(Exists(given))
            taken = CameraLease.objects.filter(free, meant, usable, pk=camera_id, desired=True).update(
                worker=worker,
                epoch=F("epoch") + 1,
                granted_at=Now(),
                renewed_at=Now(),
                expires_at=Now() + TTL,
            )
            if not taken:
                return None
            lease = CameraLease.objects.get(pk=camera_id)
            granted_at = cast(datetime, lease.granted_at)
            LeaseGrant.objects.create(
                tenant_id=lease.tenant_id,
                camera_id=camera_id,
                epoch=lease.epoch,
                worker=worker.name,
                granted_at=granted_at,
            )
            return Grant(camera_id, lease.epoch, granted_at)
    except IntegrityError:
        return None


def acquire(*, camera_id: UUID, worker: Worker) -> Grant | None:
    """As `take`, and begin the camera's run. Does neither if the camera is no longer enabled."""
    with transaction.atomic():
        grant = take(camera_id=camera_id, worker=worker)
        if grant is None:
            return None
        begun = begin_run(camera_id=camera_id, worker=worker.name, epoch=grant.epoch, now=timezone.now())
        if begun is None:
            transaction.set_rollback(True)
            return None
        return grant


def renew(*, worker: Worker, held: Sequence[tuple[UUID, int]]) -> dict[UUID, Grant]:
    """Renew leases, given as camera and epoch; returns those that are still this worker's.

    One statement, whatever their number. An expired lease that no other worker has taken is renewed if the
    worker could also acquire it: the camera is still wanted, and not planned for another worker.
    """
    if not held:
        return {}
    cameras = [camera for camera, _ in held]
    with connection.cursor() as cursor:
        # Locked in one order: two statements that change several leases must not wait for each other.
        cursor.execute(
            """
            WITH ours AS MATERIALIZED (
                SELECT camera_id FROM workers_cameralease WHERE camera_id = ANY(%s)
                ORDER BY camera_id FOR UPDATE
            )
            UPDATE workers_cameralease AS lease
            SET renewed_at = statement_timestamp(),
                expires_at = statement_timestamp() + make_interval(secs => %s)
            FROM ours, unnest(%s::uuid[], %s::bigint[]) AS held (camera_id, epoch)
            WHERE lease.camera_id = ours.camera_id AND lease.camera_id = held.camera_id
              AND lease.epoch = held.epoch AND lease.worker_id = %s
              AND (
                lease.expires_at > statement_timestamp()
                OR (lease.desired AND coalesce(lease.planned_id, lease.worker_id) = lease.worker_id)
              )
            RETURNING lease.camera_id, lease.epoch, lease.renewed_at
            """,
            [cameras, TTL.total_seconds(), cameras, [epoch for _, epoch in held], worker.pk],
        )
        return {row[0]: Grant(*row) for row in cursor.fetchall()}


def note_source(*, camera_id: UUID, epoch: int, fails: bool) -> None:
    """Record that the source of the present run delivers frames, or since when it does not."""
    held = CameraLease.objects.filter(pk=camera_id, epoch=epoch, failing_since__isnull=fails)
    held.update(failing_since=Now() if fails else None)


def release(*, camera_id: UUID, epoch: int) -> bool:
    """Release a camera, unless another worker holds it by now."""
    return bool(CameraLease.objects.filter(pk=camera_id, epoch=epoch).update(worker=None, expires_at=None))


def release_all(*, worker: Worker) -> int:
    """Release all leases of this name: its process has ended, or has just begun."""
    return CameraLease.objects.filter(worker=worker).update(worker=None, expires_at=None)


def plan(*, changes: Iterable[tuple[UUID, UUID | None, str]]) -> None:
    """Set the planned worker of cameras, given as camera, worker, and what it waits for. One statement."""
    pairs = list(changes)
    if not pairs:
        return
    chosen = [camera for camera, _, _ in pairs]
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH ours AS MATERIALIZED (
                SELECT camera_id FROM workers_cameralease WHERE camera_id = ANY(%s)
                ORDER BY camera_id FOR UPDATE
            )
            UPDATE workers_cameralease AS lease SET planned_id = plan.worker_id, waits = plan.waits
            FROM ours, unnest(%s::uuid[], %s::uuid[], %s::text[]) AS plan (camera_id, worker_id, waits)
            WHERE lease.camera_id = ours.camera_id AND lease.camera_id = plan.camera_id
            """,
            [chosen, chosen, [worker for _, worker, _ in pairs], [waits for _, _, waits in pairs]],
        )


def forget_old_grants() -> int:
    """A grant is kept while it is the camera's latest one, and for GRANTS_KEPT after the next."""
    old = LeaseGrant.objects.filter(granted_at__lt=Now() - GRANTS_KEPT)
    later = old.filter(camera_id=OuterRef("camera_id"), epoch__gt=OuterRef("epoch"))
    alive = CameraLease.objects.filter(pk=OuterRef("camera_id"))
    done, _ = old.filter(Exists(later) | ~Exists(alive)).delete()
    return done


def _adopt(camera_id: UUID, worker: Worker) -> None:
    lease = CameraLease.objects.filter(pk=camera_id, device__isnull=False).select_related("tenant").first()
    if lease is None or lease.device is None:
        return
    if adopt_device(tenant=lease.tenant, host=worker.host, device=lease.device):
        keep_lease(camera_id=camera_id)  # the camera is bound to that machine from now on


def facts_of(camera: Camera) -> dict[str, object]:
    """The fields of a lease that follow from its camera, in the current tenant."""
    if camera.archived_at is not None:  # releases what it had
        return _facts(camera, wanted=False) | {"host": "", "source_key": "", "device": None}
    try:
        host, usable = machine_of(camera), True
    except DeviceNotAssigned:
        host, usable = camera.host.strip().lower(), False
    key = source_key(camera.kind, camera.location, host, exclusive=camera.exclusive)
    wanted = camera.enabled and usable
    return _facts(camera, wanted=wanted) | {"host": host, "source_key": key, "device": device_of(camera)}


def _facts(camera: Camera, *, wanted: bool) -> dict[str, object]:
    return {
        "tenant_id": active_tenant().pk,
        "site_id": camera.site_id,
        "label": str(camera),
        "desired": wanted,
    }


def _where(lease: CameraLease) -> str:
    return f" on worker {lease.worker}" if lease.worker else ""


def require_epoch(*, camera_id: UUID, epoch: int, known_at: datetime | None = None) -> None:
    """Hold the lease that gave `epoch` for the rest of the transaction. Raises StaleEpoch for an older one.

    With `known_at`, the database's time at which the record was made, an older epoch is accepted if no newer
    lease had been granted at that time: the record waited on a worker's disk.
    """
    present = _held_epoch(camera_id)
    if present == epoch:
        return
    if present is not None and present > epoch and known_at is not None:
        later = LeaseGrant.objects.filter(camera_id=camera_id, epoch__gt=epoch)
        succeeded_at = later.aggregate(first=Min("granted_at"))["first"]
        if succeeded_at is not None and known_at < succeeded_at:
            return
    raise StaleEpoch(f"camera {camera_id} is at epoch {present}, this run at {epoch}")


def _held_epoch(camera_id: UUID) -> int | None:
    """Shared: records of one camera do not wait for each other, and who takes the camera waits for them."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT epoch FROM workers_cameralease WHERE camera_id = %s FOR SHARE", [camera_id])
        row = cursor.fetchone()
    return row[0] if row else None


def lease_guard(facts: TrackFacts, known_at: datetime | None = None) -> Callable[[], None]:
    """For `record_track`: refuses records of a run that has lost its camera (see `require_epoch`)."""
    return partial(require_epoch, camera_id=facts.camera, epoch=facts.epoch, known_at=known_at)
