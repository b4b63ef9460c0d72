"""Celery's way in: every task takes ids, calls one function and says nothing.

Beat calls the tasks of the installation; those fan out one task a tenant. The commands under
`management` run the same functions by hand.
"""

import logging
from datetime import timedelta
from uuid import UUID

from celery import shared_task
from celery.signals import worker_shutting_down
from django.core.management import call_command
from django.utils import timezone
from kombu.exceptions import OperationalError

from cameras.events import camera_wanted
from staff.events import face_image_added
from tenants.queries import active_tenant
from tenants.tasks import InstallationTask, TenantTask, fan_out
from visits import actions as visits
from workers import enrolment, indexing, runner, supervise

log = logging.getLogger(__name__)

EVENTS_KEPT = timedelta(days=1)


@shared_task(base=TenantTask)
def run_camera(camera_id: str) -> None:
    """Runs for as long as the camera does; on the queue of the worker that owns it."""
    runner.run_camera(active_tenant(), UUID(camera_id))


@shared_task(base=TenantTask)
def enrol_face(face_image_id: str) -> None:
    enrolment.examine(UUID(face_image_id))


@shared_task(base=InstallationTask)
def reconcile_cameras() -> None:
    fan_out(reconcile_cameras_of_tenant, expires=10)


@shared_task(base=TenantTask)
def reconcile_cameras_of_tenant() -> None:
    now = timezone.now()
    for camera in supervise.cameras_to_start(now):
        run_camera.apply_async([str(camera.pk)], queue=supervise.queue_of(camera), expires=10)
    for face_image in enrolment.overdue(now):
        enrol_face.apply_async([str(face_image.pk)], expires=60)


@shared_task(base=InstallationTask)
def close_visits() -> None:
    fan_out(close_visits_of_tenant, expires=60)


@shared_task(base=TenantTask)
def close_visits_of_tenant() -> None:
    visits.close_visits(now=timezone.now())


@shared_task(base=InstallationTask)
def drain_outbox() -> None:
    indexing.drain_outbox()


@shared_task(base=InstallationTask)
def clear_expired() -> None:
    call_command("clearsessions")
    call_command("flushexpiredtokens")
    fan_out(forget_old_events, expires=600)


@shared_task(base=TenantTask)
def forget_old_events() -> None:
    visits.forget_old_events(before=timezone.now() - EVENTS_KEPT)


def listen() -> None:
    """Connect what lower floors announce; called once when Django is ready."""
    camera_wanted.connect(_start_wanted, dispatch_uid="workers.start_wanted")
    face_image_added.connect(_examine_added, dispatch_uid="workers.examine_added")
    worker_shutting_down.connect(_stop_running, dispatch_uid="workers.stop_running")


def _start_wanted(camera_id: UUID, **_: object) -> None:
    _send(reconcile_cameras_of_tenant)


def _examine_added(face_image_id: UUID, **_: object) -> None:
    _send(enrol_face, str(face_image_id))


def _stop_running(**_: object) -> None:
    runner.stop_all()


def _send(task: TenantTask, *args: str) -> None:
    """The change is committed already; when the broker is away, reconciliation finds it later."""
    try:
        task.apply_async(args)
    except OperationalError as error:
        log.warning("%s waits for the broker: %s", task.name, error)
