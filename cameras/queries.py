"""Queries of sites and cameras."""

from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Literal
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.db.models import CharField, Exists, OuterRef, QuerySet
from django.db.models.expressions import RawSQL
from django.utils import timezone
from django.utils.formats import date_format

from cameras.models import Camera, CameraCredential, Site
from cameras.rules import Login
from facetrack.core.rows import get_or_404
from tenants.access.rights import Access

SILENT_AFTER = timedelta(seconds=15)
"""A run that has not reported for this long counts as dead."""


CAPACITY = (
    "All workers that may run it are busy, and your organisation has its share of them. It starts as soon as "
    "one has room. Stop a camera that you need less, or ask FaceTrack's operators for more workers."
)
DEVICE = (
    "The USB device is not assigned to your organisation, or you have it on several machines. Name the "
    "machine, or ask FaceTrack's operators to assign the device (manage.py assign_device)."
)
TRIED_AGAIN = (
    "Other cameras use its place meanwhile. It is tried again in turn. To try it now, start it again."
)


NO_PICTURE = "No picture"
PICTURE_PROBLEMS = {
    Camera.PictureProblem.BLACK: "The picture is black. Check the light, the lens cap, and the exposure.",
    Camera.PictureProblem.UNIFORM: "The picture has one colour everywhere. Check the lens, and whether a "
    "recorder shows a channel without a camera.",
    Camera.PictureProblem.FROZEN: "The picture has stood still for a minute, without even the noise of a "
    "sensor. Restart the camera itself.",
}


@dataclass(frozen=True, slots=True)
class CameraState:
    """A camera as users see it: its desired state and its worker's report, in one word."""

    camera: Camera
    tone: Literal["ok", "wait", "bad", "off"]
    label: str
    detail: str


def sites(access: Access) -> QuerySet[Site]:
    """The sites in use."""
    return all_sites(access).filter(archived_at=None)


def all_sites(access: Access) -> QuerySet[Site]:
    """The sites in use and those that are archived: where people were seen."""
    rows = Site.objects.all()
    return rows if access.sites is None else rows.filter(pk__in=access.sites)


def get_site(access: Access, site_id: UUID) -> Site:
    """A site, archived or not. Raises Http404."""
    return get_or_404(all_sites(access), "There is no such site.", pk=site_id)


def may_allow_networks(access: Access) -> bool:
    """Whether the caller may say which private networks the workers connect to for a site."""
    return access.may("tenants.change_settings")


def zone_of(site: Site | None) -> tzinfo:
    """The time zone of this site, or the installation's own."""
    try:
        return ZoneInfo(site.time_zone) if site else timezone.get_current_timezone()
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return timezone.get_current_timezone()


def zones_of_sites() -> dict[tzinfo, list[UUID]]:
    """The active tenant's sites, archived or not, by the time zone in which their rows are shown."""
    found: dict[tzinfo, list[UUID]] = {}
    for site in Site.objects.only("time_zone").order_by("pk"):
        found.setdefault(zone_of(site), []).append(site.pk)
    return found


def site_names(archived: bool = False) -> dict[UUID, str]:
    """See `tenants.access.sites.site_names`."""
    rows = Site.objects.order_by("name")
    return {site.pk: named(site) for site in (rows if archived else rows.filter(archived_at=None))}


def named(row: Site | Camera) -> str:
    """What a site or a camera is called in lists of what was seen; another may have its name by now."""
    if row.archived_at is None:
        return str(row)
    return f"{row}, archived {date_format(timezone.localtime(row.archived_at), 'j M Y')}"


def stored_login(camera_id: UUID) -> Login:
    """For the worker that connects; empty where there is none."""
    return Camera(pk=camera_id).stored_login()


def cameras(access: Access) -> QuerySet[Camera]:
    """The cameras in use; see `all_cameras`."""
    return all_cameras(access).filter(archived_at=None)


def all_cameras(access: Access) -> QuerySet[Camera]:
    """The cameras in use and those that are archived.

    With `has_login`, all that users learn of a login, and `waits`, why no worker runs it."""
    login = CameraCredential.objects.filter(camera=OuterRef("pk"))
    # The leases are a table of a floor above: why a camera has no worker is known there alone.
    waits = RawSQL(
        "(SELECT CASE WHEN device IS NOT NULL AND NOT desired THEN 'device' ELSE waits END"
        " FROM workers_cameralease WHERE camera_id = cameras_camera.id)",
        [],
        output_field=CharField(),
    )
    rows = Camera.objects.select_related("site").annotate(has_login=Exists(login), waits=waits)
    return rows if access.sites is None else rows.filter(site__in=access.sites)


def get_camera(access: Access, camera_id: UUID) -> Camera:
    """A camera in use. Raises Http404."""
    return get_or_404(cameras(access), "There is no such camera, or it is archived.", pk=camera_id)


def get_any_camera(access: Access, camera_id: UUID) -> Camera:
    """A camera, archived or not. Raises Http404."""
    return get_or_404(all_cameras(access), "There is no such camera.", pk=camera_id)


def is_wanted(access: Access, camera_id: UUID) -> bool:
    """Whether the caller may see the camera and it should run."""
    return cameras(access).filter(pk=camera_id, enabled=True).exists()


def camera_states(access: Access, now: datetime) -> list[CameraState]:
    """The cameras, by site and name. A status that no worker has confirmed lately is not shown as true."""
    return [state_of(camera, now) for camera in cameras(access)]


def state_of(camera: Camera, now: datetime) -> CameraState:
    return CameraState(camera, *_shown(camera, now))


def _shown(camera: Camera, now: datetime) -> tuple[Literal["ok", "wait", "bad", "off"], str, str]:
    heard = camera.reported_at is not None and camera.reported_at >= now - SILENT_AFTER
    status, detail = camera.status, camera.status_detail
    if camera.archived_at is not None:
        return "off", "Archived", ""
    if not camera.enabled:
        if heard and status in (Camera.Status.STARTING, Camera.Status.RUNNING):
            return "wait", "Stopping", ""
        if status == Camera.Status.ENDED:
            return "off", "Played to its end", detail
        return "off", "Stopped", ""
    waits = getattr(camera, "waits", "")
    if waits == "device":
        return "bad", "Device not assigned", DEVICE
    if status == Camera.Status.ERROR:
        return "bad", "Error", f"{detail} {TRIED_AGAIN}".strip() if waits else detail
    if waits == "capacity":
        return "wait", "Waiting for capacity", CAPACITY
    if not heard and camera.updated_at < now - SILENT_AFTER:
        return "wait", "Waiting for a worker", "No worker reports on it. It starts when a worker runs."
    if status != Camera.Status.RUNNING or not heard:
        begun = heard and status == Camera.Status.STARTING
        return "wait", "Starting" if begun else "Being assigned", detail
    if camera.last_frame_at is not None and camera.last_frame_at < now - SILENT_AFTER:
        return "bad", NO_PICTURE, detail or "The source is open but sends no frames."
    if camera.picture_problem in PICTURE_PROBLEMS:
        told = PICTURE_PROBLEMS[Camera.PictureProblem(camera.picture_problem)]
        return "bad", NO_PICTURE, f"{told} {detail}".strip()
    return "ok", "Running", detail
