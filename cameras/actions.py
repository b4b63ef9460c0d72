"""What changes sites and cameras."""

from collections.abc import Iterable
from datetime import datetime
from functools import partial
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.utils import timezone

from cameras.events import camera_switching_on, camera_wanted
from cameras.models import Camera, CameraCredential, Site
from cameras.rules import Login, login_problem
from tenants.access.rights import Access
from tenants.actions import forget_site
from tenants.isolation.quotas import Resource, require_room
from tenants.models import User
from tenants.queries import active_tenant
from tenants.rules.conflicts import CONFLICT

RECOGNITION = ("fps", "detector", "analysed_side", "min_face", "zones", "masks")
PICTURE = ("turn", "mirrored", "pixel_aspect")
TYPED = ("site", "name", "kind", "location", "loop", "exclusive", "host", *PICTURE, *RECOGNITION, "enabled")
"""The fields of a camera that people write; workers write the others."""
SITE_FIELDS = ("name", "address", "time_zone", "reentry_seconds", "networks")
"""The fields of a site that people write."""
KEPT = Login()
"""The stored login stays as it is."""


class SourceTaken(RuntimeError):
    """Another camera owns the source, which allows one owner at a time. The message says what to do."""

    def __init__(self, message: str, *, site: UUID | None = None) -> None:
        """`site` is the owner's site, if the owner is a camera of this tenant."""
        super().__init__(message)
        self.site = site

    def may_be_forced(self, access: Access) -> bool:
        """Whether the caller may take the source away: within a tenant, and with access to all its sites."""
        return self.site is not None and access.sites is None

    def told(self, access: Access) -> str:
        """The message for a caller who may not know of every site."""
        if self.site is None or access.sees(self.site):
            return str(self)
        return "A camera of another site uses this source. Ask an administrator of your organisation."


class DeviceNotAssigned(SourceTaken):
    """The operator has not assigned the USB device to this tenant."""


def save_camera(
    *, camera: Camera, by: User | None, only: Iterable[str] = TYPED, login: Login = KEPT
) -> Camera:
    """Create a camera, or change the fields `only` of one; announces it on commit.

    Raises ValidationError, QuotaExceeded, SourceTaken.

    What a worker writes is never part of it: an epoch that was read before a run began must not come back.
    A camera that gets another address needs its login again: see `require_login`.
    """
    camera.updated_by = by
    fields: list[str] | None = [*only, "updated_by", "updated_at"]
    if camera._state.adding:
        camera.created_by, fields = by, None
    with transaction.atomic():
        require_in_use(camera)
        if fields is None:
            require_room(active_tenant(), Resource.CAMERAS)
        require_sound(camera=camera, login=login)
        if camera.enabled:
            camera_switching_on.send(sender=Camera, camera=camera, force=False)
        camera.save(update_fields=fields)
        _forget_error(camera)
        _save_login(camera, login)
        _announce(camera.pk, camera.site_id)
    return camera


def require_sound(*, camera: Camera, login: Login) -> None:
    """Raises ValidationError with all that is wrong with the camera and its login."""
    found: list[ValidationError] = []
    for check in (
        partial(camera.full_clean, exclude=["created_by", "updated_by"]),
        partial(require_login, camera=camera, login=login),
    ):
        try:
            check()
        except ValidationError as refusal:
            found.append(refusal)
    if found:
        faults: dict[str, list[ValidationError]] = {}
        for one in found:
            faults = one.update_error_dict(faults)
        raise ValidationError(faults)


def _forget_error(camera: Camera) -> None:
    """A camera that is stopped has no error, also where its worker has reported it in the meantime."""
    if camera.enabled:
        return
    stopped = {"status": Camera.Status.STOPPED, "status_detail": ""}
    if Camera.objects.filter(pk=camera.pk, status=Camera.Status.ERROR).update(**stopped):
        camera.status, camera.status_detail = Camera.Status.STOPPED, ""


def require_login(*, camera: Camera, login: Login) -> None:
    """Raises ValidationError where a stored login would be sent to an address it was not entered for.

    Otherwise a user who may edit a camera could point it at their own host and read the password there.
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


def require_in_use(row: Camera | Site) -> None:
    """Raises ValidationError for what is archived: it is kept as it was.

    The row stays locked until the transaction ends: nothing is started while it is being archived.
    """
    if _archived_at(row) is not None:
        raise ValidationError(f"{row} is archived. Unarchive it first.", CONFLICT)


def require_archived(row: Camera | Site) -> None:
    """Raises ValidationError for what is in use. The row stays locked until the transaction ends."""
    if _archived_at(row) is None:
        raise ValidationError(f"{row} is not archived.", CONFLICT)


def _archived_at(row: Camera | Site) -> datetime | None:
    found = type(row)._default_manager.filter(pk=row.pk).order_by("pk").select_for_update(no_key=True)
    return found.values_list("archived_at", flat=True).first()


def delete_camera(*, camera: Camera) -> None:
    """Remove a camera; its run ends by itself. Raises ProtectedError where sightings belong to it."""
    camera_id = camera.pk
    with transaction.atomic():
        camera.delete()
        _announce(camera_id, camera.site_id)


def delete_site(*, site: Site) -> None:
    """Removes it from all site managers too. Raises ProtectedError where cameras or visits belong to it."""
    with transaction.atomic():
        forget_site(site=site.pk)
        site.delete()


def save_site(*, site: Site, by: User | None, only: Iterable[str] = SITE_FIELDS) -> Site:
    """Create a site, or change the fields `only` of one; cameras that run follow other networks at once.

    Raises ValidationError, QuotaExceeded.
    """
    site.updated_by = by
    fields: list[str] | None = [*only, "updated_by", "updated_at"]
    if adding := site._state.adding:
        site.created_by, fields = by, None
    before = Site.objects.filter(pk=site.pk).values_list("networks", flat=True).first()
    with transaction.atomic():
        require_in_use(site)
        if adding:
            require_room(active_tenant(), Resource.SITES)
        site.full_clean(exclude=["created_by", "updated_by"])
        site.save(update_fields=fields)
        if before is not None and before != site.networks:
            transaction.on_commit(partial(announce_cameras, site=site))
    return site


def archive_camera(*, camera: Camera, by: User | None) -> Camera:
    """Stop the camera for good and keep what it saw; its name, its source and its place are free again.

    Raises ValidationError if it is archived already.
    """
    with transaction.atomic():
        require_in_use(camera)
        camera.enabled, camera.archived_at, camera.updated_by = False, timezone.now(), by
        camera.status, camera.status_detail = Camera.Status.STOPPED, ""
        fields = ["enabled", "archived_at", "status", "status_detail", "updated_by", "updated_at"]
        camera.save(update_fields=fields)
        _announce(camera.pk, camera.site_id)
    return camera


def unarchive_camera(*, camera: Camera, by: User | None) -> Camera:
    """Use an archived camera again; it is off.

    Raises ValidationError if its name was given to another camera or its site is archived, QuotaExceeded,
    and SourceTaken if another camera runs from its source.
    """
    with transaction.atomic():
        require_archived(camera)
        require_room(active_tenant(), Resource.CAMERAS)
        camera.archived_at, camera.updated_by = None, by
        if camera.site.archived_at is not None:
            raise ValidationError(f"The site {camera.site} is archived. Unarchive it first.", CONFLICT)
        camera.validate_constraints()
        camera_switching_on.send(sender=Camera, camera=camera, force=False)
        camera.save(update_fields=["archived_at", "updated_by", "updated_at"])
        _announce(camera.pk, camera.site_id)
    return camera


def archive_site(*, site: Site, by: User | None) -> Site:
    """Archive a site with all its cameras. Its managers go on to see what was seen there.

    Raises ValidationError if it is archived already.
    """
    with transaction.atomic():
        require_in_use(site)
        for camera in Camera.objects.filter(site=site, archived_at=None):
            archive_camera(camera=camera, by=by)
        site.archived_at, site.updated_by = timezone.now(), by
        site.save(update_fields=["archived_at", "updated_by", "updated_at"])
    return site


def unarchive_site(*, site: Site, by: User | None) -> Site:
    """Use an archived site again. Its cameras stay archived until they are unarchived.

    Raises ValidationError if its name was given to another site, QuotaExceeded.
    """
    with transaction.atomic():
        require_archived(site)
        require_room(active_tenant(), Resource.SITES)
        site.archived_at, site.updated_by = None, by
        site.validate_constraints()
        site.save(update_fields=["archived_at", "updated_by", "updated_at"])
    return site


def announce_cameras(*, site: Site | None = None) -> None:
    """Announce that the allowed networks of a site or the tenant have changed. Call it after the commit."""
    rows = Camera.objects.filter(enabled=True)
    for camera_id, site_id in (rows.filter(site=site) if site else rows).values_list("pk", "site"):
        camera_wanted.send(sender=Camera, camera_id=camera_id, site_id=site_id)


def set_enabled(*, camera: Camera, enabled: bool, by: User | None, force: bool = False) -> Camera:
    """Say whether a camera should run; its worker follows within seconds.

    Starting a camera that has played to its end, or that failed, starts it again. `force` stops the camera
    that has its source. What a stopped camera's source said goes. Raises SourceTaken, ValidationError.
    """
    with transaction.atomic():
        require_in_use(camera)
        camera.enabled, camera.updated_by = enabled, by
        if enabled:
            camera_switching_on.send(sender=Camera, camera=camera, force=force)
        fields = ["enabled", "updated_by", "updated_at"]
        if camera.status == Camera.Status.ERROR or (enabled and camera.status == Camera.Status.ENDED):
            camera.status, camera.status_detail = Camera.Status.STOPPED, ""
            fields += ["status", "status_detail"]
        elif not enabled and camera.status_detail:
            camera.status_detail = ""
            fields.append("status_detail")
        camera.save(update_fields=fields)
        _forget_error(camera)
        _announce(camera.pk, camera.site_id)
    return camera


def begin_run(*, camera_id: UUID, worker: str, epoch: int, now: datetime) -> Camera | None:
    """Record that a run with this epoch begins. None where the camera should no longer run."""
    begun = Camera.objects.filter(pk=camera_id, enabled=True).update(
        epoch=epoch,
        worker=worker,
        status=Camera.Status.STARTING,
        status_detail="",
        picture_problem="",
        lost_frames=0,
        reported_at=now,
    )
    return Camera.objects.select_related("site").get(pk=camera_id) if begun else None


def report_run(
    *,
    camera_id: UUID,
    epoch: int,
    status: Camera.Status,
    now: datetime,
    detail: str = "",
    started_at: datetime | None = None,
    last_frame_at: datetime | None = None,
    picture_problem: str = "",
    lost_frames: int = 0,
) -> bool:
    """Report how a run is doing. False where the run should end: it was stopped, or taken over."""
    values = _reported(status, now, detail, lost_frames) | {"picture_problem": picture_problem}
    if started_at is not None:
        values["started_at"] = started_at
    if last_frame_at is not None:
        values["last_frame_at"] = last_frame_at
    return bool(Camera.objects.filter(pk=camera_id, epoch=epoch, enabled=True).update(**values))


def end_run(
    *,
    camera_id: UUID,
    epoch: int,
    status: Camera.Status,
    now: datetime,
    detail: str = "",
    lost_frames: int = 0,
) -> None:
    """End a run. A file that is played once switches its camera off.

    Of a camera that was stopped meanwhile, what its source said last is of no account.
    """
    values = _reported(status, now, detail, lost_frames) | {"picture_problem": ""}
    if status == Camera.Status.ENDED:
        values["enabled"] = False
    with transaction.atomic():
        ended = Camera.objects.filter(pk=camera_id, epoch=epoch)
        if status == Camera.Status.ERROR and ended.filter(enabled=False).exists():
            values |= {"status": Camera.Status.STOPPED, "status_detail": ""}
        if ended.update(**values) and "enabled" in values:
            _announce(camera_id, ended.values_list("site", flat=True).get())


def end_silent_runs(*, before: datetime) -> list[UUID]:
    """Mark cameras as not running whose worker has not reported since `before`. Returns their ids."""
    silent = Camera.objects.filter(
        status__in=[Camera.Status.STARTING, Camera.Status.RUNNING], reported_at__lt=before
    )
    with transaction.atomic():
        found = list(silent.select_for_update().values_list("pk", flat=True))
        Camera.objects.filter(pk__in=found).update(status=Camera.Status.STOPPED)
    return found


def _reported(status: Camera.Status, now: datetime, detail: str, lost_frames: int) -> dict[str, object]:
    return {"status": status, "status_detail": detail[:300], "reported_at": now, "lost_frames": lost_frames}


def _announce(camera_id: UUID, site_id: UUID) -> None:
    told = {"camera_id": camera_id, "site_id": site_id}
    transaction.on_commit(partial(camera_wanted.send, sender=Camera, **told))
