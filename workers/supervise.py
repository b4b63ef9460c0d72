"""What should run compared with what does; the database, not the broker, decides."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Q

from cameras.actions import assign, end_run, release_all
from cameras.models import Camera
from cameras.queries import no_longer_running, waiting_to_run
from tenants.context import inside
from tenants.queries import customers

RETRY_AFTER = timedelta(seconds=10)
"""A camera that failed is tried again after this long."""


def cameras_to_start(now: datetime) -> list[Camera]:
    """Cameras of the current tenant that wait for their worker; those without one get the installation's."""
    for lost in no_longer_running(now):
        end_run(camera_id=lost.pk, epoch=lost.epoch, status=Camera.Status.STOPPED, now=now)
    rested = ~Q(status=Camera.Status.ERROR) | Q(reported_at__lt=now - RETRY_AFTER)
    waiting = list(waiting_to_run(now).filter(rested))
    for camera in waiting:
        if not camera.worker:
            camera.worker = settings.FACETRACK_WORKER
            assign(camera_id=camera.pk, worker=camera.worker)
    return waiting


def start_afresh(worker: str, now: datetime) -> None:
    """A worker process has begun: whatever ran under its name before, runs no more."""
    for tenant in customers():
        with inside(tenant):
            release_all(worker=worker, now=now)


def queue_of(camera: Camera) -> str:
    return f"worker.{camera.worker}"
