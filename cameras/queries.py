"""What is asked about sites and cameras."""

from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Literal
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.db.models import Q, QuerySet
from django.http import Http404
from django.utils import timezone

from cameras.models import Camera, Site

SILENT_AFTER = timedelta(seconds=15)
"""A run that has not reported for so long is taken for dead."""


@dataclass(frozen=True, slots=True)
class CameraState:
    """A camera as its people see it: what they want of it and what its worker says, in one word."""

    camera: Camera
    tone: Literal["ok", "wait", "bad", "off"]
    label: str
    detail: str


def sites() -> QuerySet[Site]:
    return Site.objects.all()


def get_site(site_id: UUID) -> Site:
    """Raises Http404."""
    site = sites().filter(pk=site_id).first()
    if site is None:
        raise Http404("There is no such site.")
    return site


def zone_of(site: Site | None) -> tzinfo:
    """The time zone that moments at this site are told in, or the installation's own."""
    try:
        return ZoneInfo(site.time_zone) if site else timezone.get_current_timezone()
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return timezone.get_current_timezone()


def cameras() -> QuerySet[Camera]:
    return Camera.objects.select_related("site")


def get_camera(camera_id: UUID) -> Camera:
    """Raises Http404."""
    camera = cameras().filter(pk=camera_id).first()
    if camera is None:
        raise Http404("There is no such camera.")
    return camera


def waiting_to_run(now: datetime) -> QuerySet[Camera]:
    """Cameras that should run and do not: never started, or silent for too long."""
    silent = Q(reported_at=None) | Q(reported_at__lt=now - SILENT_AFTER)
    idle = Q(status__in=[Camera.Status.STOPPED, Camera.Status.ERROR])
    return Camera.objects.filter(enabled=True).filter(idle | silent)


def no_longer_running(now: datetime) -> QuerySet[Camera]:
    """Cameras that nobody wants to run and that still claim to, though their run is silent."""
    return Camera.objects.filter(
        enabled=False,
        status__in=[Camera.Status.STARTING, Camera.Status.RUNNING],
        reported_at__lt=now - SILENT_AFTER,
    )


def camera_states(now: datetime) -> list[CameraState]:
    """All cameras, by site and name. A status that nobody has confirmed lately is not repeated as true."""
    return [CameraState(camera, *_shown(camera, now)) for camera in cameras()]


def _shown(camera: Camera, now: datetime) -> tuple[Literal["ok", "wait", "bad", "off"], str, str]:
    heard = camera.reported_at is not None and camera.reported_at >= now - SILENT_AFTER
    status, detail = camera.status, camera.status_detail
    if not camera.enabled:
        if heard and status in (Camera.Status.STARTING, Camera.Status.RUNNING):
            return "wait", "Stopping", detail
        return "off", "Played to its end" if status == Camera.Status.ENDED else "Stopped", detail
    if status == Camera.Status.ERROR:
        return "bad", "Error", detail
    if not heard and camera.updated_at < now - SILENT_AFTER:
        return "wait", "Waiting for a worker", "No worker reports about it. It starts when one runs."
    if status != Camera.Status.RUNNING or not heard:
        return "wait", "Starting", detail
    if camera.last_frame_at is not None and camera.last_frame_at < now - SILENT_AFTER:
        return "bad", "No picture", detail or "The source is open but sends no frames."
    return "ok", "Running", detail
