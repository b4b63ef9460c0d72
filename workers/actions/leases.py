"""What changes leases. Every time is the database's own: no two machines' clocks are compared."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast
from uuid import UUID

from django.db import IntegrityError, connection, transaction
from django.db.models import Exists, F, OuterRef, Q
from django.db.models.functions import Now
from django.utils import timezone

from cameras.actions import SourceTaken, begin_run, set_enabled
from cameras.models import Camera
from tenants.context import installation
from tenants.queries import active_tenant
from workers.models import CameraLease, LeaseGrant, Worker

log = logging.getLogger(__name__)

TTL = timedelta(seconds=15)
GRANTS_KEPT = timedelta(days=7)
"""How long a record may wait on a worker's disk and still be judged by who had the camera when."""


@dataclass(frozen=True, slots=True)
class Grant:
    """A lease as its holder knows it; `at` is the database's time of the grant or the last renewal."""

    camera_id: UUID
    epoch: int
    at: datetime


def keep_lease(*, camera_id: UUID) -> None:
    """Bring the lease of a camera of the current tenant in step with the camera."""
    camera = Camera.objects.select_related("site").filter(pk=camera_id).first()
    if camera is None:
        CameraLease.objects.filter(pk=camera_id).delete()
        return
    if not camera.enabled and not CameraLease.objects.filter(pk=camera_id).exists():
        return
    try:
        with transaction.atomic():
            CameraLease.objects.update_or_create(pk=camera_id, defaults=_facts(camera))
    except IntegrityError:
        log.warning("camera %s waits: its source %s is wanted by another camera", camera, camera.source_key)


def keep_leases() -> int:
    """Bring all leases of the current tenant in step; returns how many were not. For what events missed."""
    cameras = {camera.pk: camera for camera in Camera.objects.select_related("site")}
    leases = {lease.pk: lease for lease in CameraLease.objects.filter(tenant=active_tenant())}
    wrong = {pk for pk in leases if pk not in cameras}
    for pk, camera in cameras.items():
        lease = leases.get(pk)
        if lease is None:
            wrong |= {pk} if camera.enabled else set()
        elif any(getattr(lease, name) != value for name, value in _facts(camera).items()):
            wrong.add(pk)
    for pk in wrong:
        keep_lease(camera_id=pk)
    return len(wrong)


def claim_source(*, camera: Camera, force: bool) -> None:
    """Make sure that no other camera has the source; `force` stops one of the same tenant that has.

    Raises SourceTaken. Part of the transaction that switches the camera on.
    """
    owner = owner_of_source(camera)
    if owner is None:
        return
    ours = owner.tenant_id == active_tenant().pk
    whose = f"the camera {owner.label}" if ours else "a camera of another organisation"
    if not force or not ours:
        way = "stop that camera first" + (", or start this one with force" if ours else "")
        message = f"The source is in use by {whose}{_where(owner)}: {way}."
        raise SourceTaken(message, site=owner.site_id if ours else None)
    set_enabled(camera=Camera.objects.get(pk=owner.pk), enabled=False, by=None)


def owner_of_source(camera: Camera) -> CameraLease | None:
    """The lease of another camera, of any tenant, that wants this one's exclusive source."""
    if not camera.source_key:
        return None
    with installation():
        wanted = CameraLease.objects.filter(source_key=camera.source_key, desired=True)
        return wanted.exclude(pk=camera.pk).select_related("worker", "tenant").first()


def take(*, camera_id: UUID, worker: Worker) -> Grant | None:
    """The right to run a camera, with an epoch higher than any before; in the camera's tenant.

    None where it is not wanted, planned for another worker, or held; or where its source is held.
    """
    free = Q(worker=None) | Q(expires_at__lte=Now())
    meant = Q(planned=None) | Q(planned=worker)
    try:
        with transaction.atomic():
            taken = CameraLease.objects.filter(free, meant, pk=camera_id, desired=True).update(
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
    """As `take`, and the camera's run begins; neither where nobody wants it to run any more."""
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
    """Prolong leases, given as camera and epoch; returns those that are still this worker's.

    One statement, whatever their number. A lease that ran out and that nobody took goes on where the worker
    could take it as well: it is still wanted, and not planned for another worker.
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


def release(*, camera_id: UUID, epoch: int) -> bool:
    """Give a camera up, unless it is somebody else's by now."""
    return bool(CameraLease.objects.filter(pk=camera_id, epoch=epoch).update(worker=None, expires_at=None))


def release_all(*, worker: Worker) -> int:
    """Give up whatever this name still holds: its process has ended, or has just begun."""
    return CameraLease.objects.filter(worker=worker).update(worker=None, expires_at=None)


def plan(*, changes: Iterable[tuple[UUID, UUID | None]]) -> None:
    """Say who should run which camera, given as camera and worker. One statement."""
    pairs = list(changes)
    if not pairs:
        return
    chosen = [camera for camera, _ in pairs]
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH ours AS MATERIALIZED (
                SELECT camera_id FROM workers_cameralease WHERE camera_id = ANY(%s)
                ORDER BY camera_id FOR UPDATE
            )
            UPDATE workers_cameralease AS lease SET planned_id = plan.worker_id
            FROM ours, unnest(%s::uuid[], %s::uuid[]) AS plan (camera_id, worker_id)
            WHERE lease.camera_id = ours.camera_id AND lease.camera_id = plan.camera_id
            """,
            [chosen, chosen, [worker for _, worker in pairs]],
        )


def forget_old_grants() -> int:
    """A grant is kept for as long as it is the camera's last one, and GRANTS_KEPT after the next."""
    old = LeaseGrant.objects.filter(granted_at__lt=Now() - GRANTS_KEPT)
    later = old.filter(camera_id=OuterRef("camera_id"), epoch__gt=OuterRef("epoch"))
    alive = CameraLease.objects.filter(pk=OuterRef("camera_id"))
    done, _ = old.filter(Exists(later) | ~Exists(alive)).delete()
    return done


def _facts(camera: Camera) -> dict[str, object]:
    return {
        "tenant_id": active_tenant().pk,
        "site_id": camera.site_id,
        "label": str(camera),
        "desired": camera.enabled,
        "host": camera.host.strip().lower(),
        "source_key": camera.source_key,
    }


def _where(lease: CameraLease) -> str:
    return f" on worker {lease.worker}" if lease.worker else ""
