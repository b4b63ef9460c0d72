"""What changes sites and cameras."""

from collections.abc import Iterable
from datetime import datetime
from functools import partial
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.db.models import F

from cameras.events import camera_wanted
from cameras.models import Camera, CameraCredential, Site
from cameras.rules import Login, login_problem
from tenants.actions import forget_site
from tenants.models import User

RECOGNITION = ("fps", "detector", "analysed_side", "min_face", "zones", "masks")
TYPED = ("site", "name", "kind", "location", "loop", *RECOGNITION, "enabled")
"""The fields of a camera that people write; workers write the others."""
KEPT = Login()
"""The stored login stays as it is."""


class StaleEpoch(RuntimeError):
    """The camera has been taken over by a later run; this one has no right to write any more."""


def save_camera(
    *, camera: Camera, by: User | None, only: Iterable[str] = TYPED, login: Login = KEPT
) -> Camera:
    """Create a camera, or change the fields `only` of one. Raises ValidationError; announces it on commit.

    What a worker writes is never part of it: an epoch that was read before a run began must not come back.
    A camera that gets another address needs its login anew: see `require_login`.
    """
    camera.updated_by = by
    fields: list[str] | None = [*only, "updated_by", "updated_at"]
    if camera._state.adding:
        camera.created_by, fields = by, None
    with transaction.atomic():
        camera.full_clean(exclude=["created_by", "updated_by"])
        require_login(camera=camera, login=login)
        camera.save(update_fields=fields)
        _save_login(camera, login)
        _announce(camera.pk)
    return camera


def require_login(*, camera: Camera, login: Login) -> None:
    """Raises ValidationError where a stored login would be sent to an address it was not entered for.

    Otherwise whoever may edit a camera could point it at a host of theirs and read the password there.
    The camera's row stays locked until the transaction ends: two changes cannot slip past each other.
    """
    rows = Camera.objects.filter(pk=camera.pk).values_list("kind", "location")
    if connection.in_atomic_block:
        rows = rows.select_for_update()
    before = rows.first()
    moved = before is not None and before != (camera.kind, camera.location)
    if problems := login_problem(moved=moved, stored=camera.stored_login(), given=login):
        raise ValidationError(problems)


def _save_login(camera: Camera, login: Login) -> None:
    given = {"username": login.username, "password": login.password}
    values = {name: value for name, value in given.items() if value is not None}
    if not values:
        return
    CameraCredential.objects.update_or_create(camera=camera, defaults=values)
    CameraCredential.objects.filter(camera=camera, username="", password="").delete()


def delete_camera(*, camera: Camera) -> None:
    """Remove a camera; its run ends by itself. Raises ProtectedError where sightings tell of it."""
    camera.delete()


def delete_site(*, site: Site) -> None:
    """Nobody manages it any more. Raises ProtectedError where cameras or visits belong to it."""
    with transaction.atomic():
        forget_site(site=site.pk)
        site.delete()


def save_site(*, site: Site, by: User | None) -> Site:
    """Create or change a site. Raises ValidationError."""
    site.updated_by = by
    if site._state.adding:
        site.created_by = by
    site.full_clean(exclude=["created_by", "updated_by"])
    site.save()
    return site


def set_enabled(*, camera: Camera, enabled: bool, by: User | None) -> Camera:
    """Say whether a camera should run; its worker follows within seconds.

    Starting a camera that has played to its end, or that failed, starts it anew.
    """
    with transaction.atomic():
        camera.enabled, camera.updated_by = enabled, by
        fields = ["enabled", "updated_by", "updated_at"]
        if enabled and camera.status in (Camera.Status.ENDED, Camera.Status.ERROR):
            camera.status, camera.status_detail = Camera.Status.STOPPED, ""
            fields += ["status", "status_detail"]
        camera.save(update_fields=fields)
        _announce(camera.pk)
    return camera


def assign(*, camera_id: UUID, worker: str) -> None:
    Camera.objects.filter(pk=camera_id).update(worker=worker)


def begin_run(*, camera_id: UUID, worker: str, now: datetime) -> Camera | None:
    """Take the camera for a new run: the epoch grows. None where nobody wants it to run any more."""
    taken = Camera.objects.filter(pk=camera_id, enabled=True).update(
        epoch=F("epoch") + 1, worker=worker, status=Camera.Status.STARTING, status_detail="", reported_at=now
    )
    return Camera.objects.select_related("site").get(pk=camera_id) if taken else None


def report_run(
    *,
    camera_id: UUID,
    epoch: int,
    status: Camera.Status,
    now: datetime,
    detail: str = "",
    started_at: datetime | None = None,
    last_frame_at: datetime | None = None,
) -> bool:
    """Say how a run is doing. False where the run should end: stopped by somebody, or taken over."""
    values: dict[str, object] = {"status": status, "status_detail": detail[:300], "reported_at": now}
    if started_at is not None:
        values["started_at"] = started_at
    if last_frame_at is not None:
        values["last_frame_at"] = last_frame_at
    return bool(Camera.objects.filter(pk=camera_id, epoch=epoch, enabled=True).update(**values))


def end_run(*, camera_id: UUID, epoch: int, status: Camera.Status, now: datetime, detail: str = "") -> None:
    """The run is over. A file that was to be played once switches its camera off."""
    values: dict[str, object] = {"status": status, "status_detail": detail[:300], "reported_at": now}
    if status == Camera.Status.ENDED:
        values["enabled"] = False
    Camera.objects.filter(pk=camera_id, epoch=epoch).update(**values)


def release_all(*, worker: str, now: datetime) -> int:
    """Say of all cameras of a worker that they do not run: it has only just started. Returns how many."""
    return Camera.objects.filter(
        worker=worker, status__in=[Camera.Status.STARTING, Camera.Status.RUNNING]
    ).update(status=Camera.Status.STOPPED, reported_at=now)


def require_epoch(*, camera_id: UUID, epoch: int) -> None:
    """Hold the camera's epoch for the rest of the transaction. Raises StaleEpoch for an older run."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT epoch FROM cameras_camera WHERE id = %s FOR SHARE", [camera_id])
        row = cursor.fetchone()
    if row is None or row[0] != epoch:
        raise StaleEpoch(f"camera {camera_id} is at epoch {row and row[0]}, this run at {epoch}")


def _announce(camera_id: UUID) -> None:
    transaction.on_commit(partial(camera_wanted.send, sender=Camera, camera_id=camera_id))
