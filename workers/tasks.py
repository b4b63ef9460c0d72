"""Celery tasks: each takes ids, calls one function and returns nothing.

Beat calls the tasks of the installation; those start one task per tenant. The commands under
`management` run the same functions by hand. Names are written out: messages that wait in a queue, beat and
workers of the version before use them, so that a function may move and its name may not.
"""

import threading
from contextlib import suppress
from datetime import timedelta
from uuid import UUID

from celery import shared_task
from celery.signals import worker_shutting_down
from django.utils import timezone

from cameras.actions import end_silent_runs
from cameras.queries import SILENT_AFTER
from tenants.accounts.actions_invitations import forget_invitations
from tenants.actions import forget_tenant_switches
from tenants.credentials import actions as credentials
from tenants.isolation import storage
from tenants.isolation.sessions import SessionStore
from tenants.limits.attempts import forget_attempts
from tenants.queries import active_tenant
from tenants.tasks import InstallationTask, TenantTask, fan_out
from visits import actions as visits
from visits import live_events
from workers import indexing
from workers.fleet import scheduler as supervisor
from workers.fleet.leases import GRANTS_KEPT, forget_old_grants, keep_leases
from workers.process import answering, enrolment
from workers.process.sinks.answers import Operation
from workers.process.worker_process import NOT_REPORTED, installed

EVENTS_KEPT = timedelta(days=1)


@shared_task(name="workers.tasks.supervise", base=InstallationTask)
def supervise() -> None:
    """Compares the desired with the actual state, and notifies the workers."""
    orders = supervisor.tick()
    if orders is None:
        return
    for task, told in ((release_cameras, orders.release), (assign_cameras, orders.assign)):
        for worker, pairs in told.items():
            ids = [[str(tenant), str(camera)] for tenant, camera in pairs]
            task.apply_async([ids], queue=supervisor.queue_of(worker), expires=5)


@shared_task(name="workers.tasks.assign_cameras", base=InstallationTask)
def assign_cameras(pairs: list[list[str]]) -> None:
    """ASSIGN_CAMERA: on the queue of the worker that should acquire them; the lease decides."""
    if worker_process := installed():
        with suppress(*NOT_REPORTED):  # the worker process finds them with its next round
            worker_process.take((UUID(tenant), UUID(camera)) for tenant, camera in pairs)


@shared_task(name="workers.tasks.release_cameras", base=InstallationTask)
def release_cameras(pairs: list[list[str]]) -> None:
    """RELEASE_CAMERA: on the queue of the worker that should release them."""
    if worker_process := installed():
        for _, camera_id in pairs:
            worker_process.stop(UUID(camera_id))


@shared_task(name="workers.tasks.follow_camera", base=TenantTask)
def follow_camera(camera_id: str) -> None:
    """The camera was changed, switched or deleted; on the queue of the worker that runs it."""
    if worker_process := installed():
        worker_process.reload(UUID(camera_id))


@shared_task(name="workers.tasks.operate", base=TenantTask)
def operate(reply_to: str, operation: str, camera_id: str, ticket: str = "") -> None:
    """Carries out a user's request."""
    if worker_process := installed():
        wanted = Operation(operation)
        camera = UUID(camera_id) if camera_id else None
        answer = answering.carry_out(worker_process, active_tenant(), wanted, camera, ticket)
        worker_process.answer(reply_to, ticket, answer)


@shared_task(name="workers.tasks.enrol_face", base=TenantTask)
def enrol_face(face_image_id: str) -> None:
    enrolment.examine_picture(UUID(face_image_id))


@shared_task(name="workers.tasks.reconcile", base=InstallationTask)
def reconcile() -> None:
    fan_out(reconcile_tenant, expires=60)


@shared_task(name="workers.tasks.reconcile_tenant", base=TenantTask)
def reconcile_tenant() -> None:
    """Repairs what events have missed: outdated leases, silent runs, lost enrolments."""
    now = timezone.now()
    if keep_leases():
        supervise.delay()
    for camera_id in end_silent_runs(before=now - SILENT_AFTER):
        live_events.record_camera_event(camera_id=camera_id)
    for face_image in enrolment.overdue(now):
        enrol_face.apply_async([str(face_image.pk)], expires=60)
    if storage.is_due(now):
        count_storage.apply_async(expires=60)


@shared_task(name="workers.tasks.count_storage", base=TenantTask)
def count_storage() -> None:
    """Corrects the total size of the stored pictures after a crash."""
    storage.count(now=timezone.now())


@shared_task(name="workers.tasks.close_visits", base=InstallationTask)
def close_visits() -> None:
    fan_out(close_visits_of_tenant, expires=60)


@shared_task(name="workers.tasks.close_visits_of_tenant", base=TenantTask)
def close_visits_of_tenant() -> None:
    visits.close_visits(now=timezone.now())
    indexing.settle_identities(now=timezone.now())


@shared_task(name="workers.tasks.drain_outbox", base=InstallationTask)
def drain_outbox() -> None:
    indexing.drain_outbox()


@shared_task(name="workers.tasks.clear_expired", base=InstallationTask)
def clear_expired() -> None:
    SessionStore.clear_expired()
    credentials.forget_expired(now=timezone.now())
    forget_tenant_switches(before=timezone.now())
    forget_invitations(now=timezone.now())
    forget_attempts(before=timezone.now())
    forget_old_grants()
    fan_out(forget_old_events, expires=600)


@shared_task(name="workers.tasks.forget_old_events", base=TenantTask)
def forget_old_events() -> None:
    live_events.forget_old_events(before=timezone.now() - EVENTS_KEPT)
    visits.forget_counted_tracks(before=timezone.now() - GRANTS_KEPT)


@worker_shutting_down.connect(weak=False)
def stop_running(**_: object) -> None:
    """SIGTERM first waits for tasks to end; cameras end meanwhile."""
    if worker_process := installed():
        threading.Thread(target=worker_process.stop_all).start()  # a signal handler must not wait for a lock
