"""What lower floors announce, turned into tasks.

Tasks are sent by name, so that a web process never loads the models' libraries.
"""

import logging
from uuid import UUID

from celery import current_app
from kombu.exceptions import OperationalError

from cameras.events import camera_wanted
from staff.events import face_image_added
from tenants.queries import active_tenant

log = logging.getLogger(__name__)


def listen() -> None:
    """Called once, when Django is ready."""
    camera_wanted.connect(_start_wanted, dispatch_uid="workers.start_wanted")
    face_image_added.connect(_examine_added, dispatch_uid="workers.examine_added")


def _start_wanted(camera_id: UUID, **_: object) -> None:
    _send("reconcile_cameras_of_tenant")


def _examine_added(face_image_id: UUID, **_: object) -> None:
    _send("enrol_face", str(face_image_id))


def _send(task: str, *args: str) -> None:
    """The change is committed already; when the broker is away, reconciliation finds it later."""
    tenant = active_tenant()
    try:
        current_app.send_task(f"workers.tasks.{task}", args, retry=False)
    except OperationalError as error:
        log.warning("%s of %s waits for the broker: %s", task, tenant, error)
