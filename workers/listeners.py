"""Turns signals of the apps below into leases and tasks.

Tasks are sent by name, so that a web process never loads the model libraries.
"""

import logging
from functools import partial
from uuid import UUID

from celery import current_app
from django.db import transaction
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from cameras.events import camera_switching_on, camera_wanted
from cameras.models import Camera
from staff.events import face_image_added, staff_member_leaving
from tenants.queries import active_tenant
from visits.events import visitor_leaving
from workers.fleet.leases import claim_source, keep_lease
from workers.fleet.queries import owner_of
from workers.process.sinks.pictures import forget

log = logging.getLogger(__name__)


def listen() -> None:
    """Called once, when Django is ready."""
    camera_switching_on.connect(_claim_source, dispatch_uid="workers.claim_source")
    camera_wanted.connect(_follow_wanted, dispatch_uid="workers.follow_wanted")
    face_image_added.connect(_examine_added, dispatch_uid="workers.examine_added")
    for leaving in (staff_member_leaving, visitor_leaving):
        leaving.connect(_forget_moments, dispatch_uid="workers.forget_moments")


def _claim_source(camera: Camera, force: bool, **_: object) -> None:
    claim_source(camera=camera, force=force)


def _follow_wanted(camera_id: UUID, **_: object) -> None:
    owner = owner_of(camera_id)  # asked first: a camera that goes releases its worker
    keep_lease(camera_id=camera_id)
    if not Camera.objects.filter(pk=camera_id, enabled=True).exists():
        _forget_pictures(active_tenant().pk, [camera_id])
    if owner := owner or owner_of(camera_id):
        _send("follow_camera", str(camera_id), queue=f"worker.{owner.name}")
    _send("supervise")


def _forget_moments(**_: object) -> None:
    """A deleted person may be in the newest picture of any camera, recognised there or not."""
    cameras = list(Camera.objects.values_list("pk", flat=True))
    transaction.on_commit(partial(_forget_pictures, active_tenant().pk, cameras))


def _forget_pictures(tenant: UUID, cameras: list[UUID]) -> None:
    try:
        forget(tenant, cameras)
    except RedisError as error:
        log.warning("Redis is unavailable, pictures of %s camera(s) expire later: %s", len(cameras), error)


def _examine_added(face_image_id: UUID, **_: object) -> None:
    _send("enrol_face", str(face_image_id))


def _send(task: str, *args: str, queue: str = "default") -> None:
    """The change is already committed; if the broker is unavailable, reconciliation repeats it later."""
    tenant = active_tenant()
    try:
        current_app.send_task(f"workers.tasks.{task}", args, retry=False, queue=queue)
    except OperationalError as error:
        log.warning("%s of %s is delayed until the broker is available: %s", task, tenant, error)
