"""Queries about the fleet. The database's clock decides whether a worker is alive and a lease holds."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db.models import (
    BooleanField,
    Case,
    CharField,
    Count,
    Exists,
    F,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
    When,
)
from django.db.models.functions import Coalesce, Now

from facetrack.core.rows import get_or_404
from tenants.access.rights import Access
from tenants.access.sites import site_names
from tenants.isolation.context import installation
from tenants.models import Tenant
from workers.fleet.leases import TTL
from workers.fleet.models import CameraLease, DeviceAssignment, LeaseGrant, Worker

MISSED_BEATS = 3
NO_WORKER = "This worker does not exist."
NO_CAMERA = "This worker has no such camera."
"""What a worker is told of a camera that is another's, and of one that never was."""


class RunOut(RuntimeError):
    """The worker's lease has expired, though no other worker has the camera yet: renew it first."""


@dataclass(frozen=True, slots=True)
class Owner:
    """The live worker of a camera."""

    name: str
    host: str


def _is_away() -> Q:
    silent = timedelta(seconds=MISSED_BEATS * settings.WORKER_HEARTBEAT_SECONDS)
    return Q(beat_at=None) | Q(beat_at__lt=Now() - silent)


def workers() -> QuerySet[Worker]:
    """Adds `shown_state` (OFFLINE after three missed heartbeats, whatever was reported) and `cameras`."""
    return Worker.objects.annotate(
        shown_state=Case(
            When(_is_away(), then=Value(Worker.State.OFFLINE)),
            default=F("state"),
            output_field=CharField(),
        ),
        cameras=Count("leases", filter=Q(leases__expires_at__gt=Now())),
    )


def own_workers(access: Access) -> QuerySet[Worker]:
    """The workers that concern the caller's tenant, with `shown_state` and `cameras`, which counts its own.

    They run one of its cameras, or should; serve one of its sites by name; or are on a machine with one of
    its devices. `shown_state` says whether the worker is there and runs cameras of the tenant: what else it
    does and how it fares tells of other tenants.
    """
    leases = CameraLease.objects.filter(tenant=access.tenant)
    ours = Q(pk__in=leases.filter(worker__isnull=False).values("worker"))
    ours |= Q(pk__in=leases.filter(planned__isnull=False).values("planned"))
    ours |= Q(host__in=DeviceAssignment.objects.filter(tenant=access.tenant).values("host"))
    for site in site_names():
        ours |= Q(sites__contains=[str(site)])
    running = leases.filter(worker=OuterRef("pk"), expires_at__gt=Now()).order_by().values("worker")
    count = Coalesce(Subquery(running.annotate(n=Count("pk")).values("n")), 0)
    return Worker.objects.filter(ours).annotate(
        cameras=count,
        shown_state=Case(
            When(_is_away(), then=Value(Worker.State.OFFLINE)),
            When(Exists(running), then=Value(Worker.State.PROCESSING)),
            default=Value(Worker.State.IDLE),
            output_field=CharField(),
        ),
    )


def get_own_worker(access: Access, worker_id: UUID) -> Worker:
    """Raises Http404."""
    return get_or_404(own_workers(access), NO_WORKER, pk=worker_id)


def live_workers() -> QuerySet[Worker]:
    """Workers that were seen within the duration of a lease."""
    return Worker.objects.filter(seen_at__gt=Now() - TTL).order_by("name")


def known_workers() -> QuerySet[Worker]:
    """Workers that have not signed off, whether or not they were seen lately."""
    return Worker.objects.filter(seen_at__isnull=False).order_by("name")


def leases() -> QuerySet[CameraLease]:
    """With `live`: whether its holder still holds it."""
    live = Q(worker__isnull=False, expires_at__gt=Now())
    return CameraLease.objects.annotate(
        live=Case(When(live, then=Value(True)), default=Value(False), output_field=BooleanField())
    )


def lease_of(camera_id: UUID) -> CameraLease | None:
    """With `live`, as of `leases`."""
    return leases().filter(pk=camera_id).select_related("worker").first()


def planned_for(worker: Worker) -> QuerySet[CameraLease]:
    """Cameras that a worker should run and that no worker holds."""
    free = Q(worker=None) | Q(expires_at__lte=Now())
    return CameraLease.objects.filter(free, planned=worker, desired=True).select_related("tenant")


def surplus_of(worker: Worker) -> QuerySet[CameraLease]:
    """Cameras that a worker holds but should release: they are no longer enabled, another worker is planned
    for them, or their seat now belongs to another camera."""
    moved = Q(planned__isnull=False) & ~Q(planned=worker)
    gone = Q(desired=False) | Q(planned=None, waits=CameraLease.Waits.CAPACITY)
    return CameraLease.objects.filter(moved | gone, worker=worker, expires_at__gt=Now())


def held_by(worker: Worker) -> QuerySet[CameraLease]:
    """Cameras that a worker holds now."""
    return CameraLease.objects.filter(worker=worker, expires_at__gt=Now()).order_by("camera_id")


def own_worker(name: str) -> Worker:
    """As `get_worker`, by its name. Raises Http404."""
    return get_or_404(workers(), NO_WORKER, name=name)


def own_lease(worker: Worker, camera_id: UUID) -> CameraLease:
    """The lease of a camera that the worker holds, held last, or should hold; with `live`, as of `leases`.

    Raises Http404 in all other cases. It grants no rights: see `held_lease`.
    """
    concerned = Q(planned=worker) | Q(worker=worker)
    return get_or_404(leases().select_related("tenant").filter(concerned), NO_CAMERA, pk=camera_id)


def process_of(name: str, incarnation: UUID) -> Worker | None:
    """The worker, if this process is its present one. Raises Http404 for an unknown name."""
    worker = get_or_404(Worker.objects.all(), NO_WORKER, name=name)
    return worker if worker.incarnation == incarnation else None


def held_lease(worker: Worker, camera_id: UUID) -> CameraLease:
    """The lease of a camera that the worker holds now.

    Raises RunOut if the worker held it last and it has expired, and Http404 in all other cases.
    """
    lease = get_or_404(leases().select_related("tenant"), NO_CAMERA, worker=worker, pk=camera_id)
    if not lease.live:  # type: ignore[attr-defined]
        raise RunOut
    return lease


def grant_of(worker: Worker, camera_id: UUID, epoch: int) -> LeaseGrant:
    """The worker's grant of a camera, however long ago. Raises Http404 if it never had one.

    Only for records, which may arrive late: `known_at` and the next grant decide whether they count.
    """
    own = LeaseGrant.objects.filter(worker=worker.name).select_related("tenant")
    missing = "This worker never had this camera at that epoch."
    return get_or_404(own, missing, camera_id=camera_id, epoch=epoch)


def watched_tenant(worker: Worker, tenant_id: UUID, site_id: UUID | None = None) -> Tenant:
    """A tenant, and site, of which the worker holds a camera now. Raises Http404 in all other cases."""
    held = held_by(worker).filter(tenant=tenant_id).select_related("tenant")
    place = {} if site_id is None else {"site_id": site_id}
    return get_or_404(held, "This worker has no camera there.", **place).tenant


def owner_of(camera_id: UUID) -> Owner | None:
    """The worker that runs the camera now."""
    held = CameraLease.objects.filter(pk=camera_id, expires_at__gt=Now()).select_related("worker")
    lease = held.first()
    return Owner(lease.worker.name, lease.worker.host) if lease and lease.worker else None


def spare_worker(*, host: str, site_id: UUID) -> Owner | None:
    """A live worker that could open a camera that no worker runs: on that machine, for that site."""
    return next((Owner(one.name, one.host) for one in live_workers() if _may_run(one, host, site_id)), None)


def is_room_for(*, host: str, site_id: UUID) -> bool:
    """Whether a live worker that may run such a camera has room for one more; all tenants' cameras count."""
    with installation():
        live = workers().filter(seen_at__gt=Now() - TTL)
        return any(_may_run(one, host, site_id) and one.cameras < one.capacity for one in live)  # type: ignore[attr-defined]


def _may_run(worker: Worker, host: str, site_id: UUID) -> bool:
    return host in ("", worker.host) and (not worker.sites or str(site_id) in worker.sites)
