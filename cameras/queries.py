"""What is asked about sites and cameras."""

from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Q, QuerySet
from django.http import Http404

from cameras.models import Camera, Site

SILENT_AFTER = timedelta(seconds=15)
"""A run that has not reported for so long is taken for dead."""


def sites() -> QuerySet[Site]:
    return Site.objects.all()


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
