"""What lower floors announce, turned into leases and tasks.

Tasks are sent by name, so that a web process never loads the models' libraries.
"""

import logging
from uuid import UUID

from celery import current_app
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from cameras.events import camera_switching_on, camera_wanted
from cameras.models import Camera
from staff.events import face_image_added
from tenants.queries import active_tenant
from workers.actions.leases import claim_source, keep_lease
from workers.queries import owner_of
from workers.sinks.pictures import forget

log = logging.getLogger(__name__)


def listen() -> None:
    """Called once, when Django is ready."""
    camera_switching_on.connect(_claim_source, dispatch_uid="workers.claim_source")
    camera_wanted.connect(_follow_wanted, dispatch_uid="workers.follow_wanted")
    face_image_added.connect(_examine_added, dispatch_uid="workers.examine_added")


def _claim_source(camera: Camera, force: bool, **_: object) -> None:
    claim_source(camera=camera, force=force)


def _follow_wanted(camera_id: UUID, **_: object) -> None:
    keep_lease(camera_id=camera_id)
    if not Camera.objects.filter(pk=camera_id, enabled=True).exists():
        _forget_picture(camera_id)
    if owner := owner_of(camera_id):
        _send("follow_camera", str(camera_id), queue=f"worker.{owner.name}")
    _send("supervise")


def _forget_picture(camera_id: UUID) -> None:
    try:
        forget(active_tenant().pk, camera_id)
    except RedisError as error:
        log.warning("the picture of camera %s goes by itself, Redis is away: %s", camera_id, error)


def _examine_added(face_image_id: UUID, **_: object) -> None:
    _send("enrol_face", str(face_image_id))


def _send(task: str, *args: str, queue: str = "default") -> None:
    """The change is committed already; when the broker is away, reconciliation finds it later."""
    tenant = active_tenant()
    try:
        current_app.send_task(f"workers.tasks.{task}", args, retry=False, queue=queue)
    except OperationalError as error:
        log.warning("%s of %s waits for the broker: %s", task, tenant, error)
