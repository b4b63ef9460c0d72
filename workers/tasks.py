"""Celery's way in: every task takes ids, calls one function and says nothing.

Beat calls the tasks of the installation; those fan out one task a tenant. The commands under
`management` run the same functions by hand.
"""

from datetime import timedelta
from uuid import UUID

from celery import shared_task
from celery.signals import worker_shutting_down
from django.utils import timezone

from tenants.actions import forget_hand_overs
from tenants.credentials import actions as credentials
from tenants.queries import active_tenant
from tenants.sessions import SessionStore
from tenants.tasks import InstallationTask, TenantTask, fan_out
from visits import actions as visits
from workers import examine, indexing, runner, supervise

EVENTS_KEPT = timedelta(days=1)


@shared_task(base=TenantTask)
def run_camera(camera_id: str) -> None:
    """Runs for as long as the camera does; on the queue of the worker that owns it."""
    runner.run_camera(active_tenant(), UUID(camera_id))


@shared_task(base=TenantTask)
def enrol_face(face_image_id: str) -> None:
    examine.examine_picture(UUID(face_image_id))


@shared_task(base=InstallationTask)
def reconcile_cameras() -> None:
    fan_out(reconcile_cameras_of_tenant, expires=10)


@shared_task(base=TenantTask)
def reconcile_cameras_of_tenant() -> None:
    now = timezone.now()
    for camera in supervise.cameras_to_start(now):
        run_camera.apply_async([str(camera.pk)], queue=supervise.queue_of(camera), expires=10)
    for face_image in examine.overdue(now):
        enrol_face.apply_async([str(face_image.pk)], expires=60)


@shared_task(base=InstallationTask)
def close_visits() -> None:
    fan_out(close_visits_of_tenant, expires=60)


@shared_task(base=TenantTask)
def close_visits_of_tenant() -> None:
    visits.close_visits(now=timezone.now())
    indexing.settle_identities(now=timezone.now())


@shared_task(base=InstallationTask)
def drain_outbox() -> None:
    indexing.drain_outbox()


@shared_task(base=InstallationTask)
def clear_expired() -> None:
    SessionStore.clear_expired()
    credentials.forget_expired(now=timezone.now())
    forget_hand_overs(before=timezone.now())
    fan_out(forget_old_events, expires=600)


@shared_task(base=TenantTask)
def forget_old_events() -> None:
    visits.forget_old_events(before=timezone.now() - EVENTS_KEPT)


@worker_shutting_down.connect(weak=False)
def stop_running(**_: object) -> None:
    """SIGTERM waits for tasks to end; those that run cameras end when they are told to."""
    runner.stop_all()
