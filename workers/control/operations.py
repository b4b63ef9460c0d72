"""Requests of users to a camera's worker: its worker carries them out and answers through Redis in time."""

from __future__ import annotations

import logging
import time
from uuid import UUID, uuid4

from celery import current_app
from kombu.exceptions import OperationalError as BrokerAway
from redis.exceptions import RedisError

from cameras.actions import DeviceNotAssigned
from cameras.models import Camera
from facetrack.core.waiting import give_back, pause
from tenants.limits.slots import waiting
from tenants.queries import active_tenant
from workers.fleet.machines import UsableDevices, machine_of
from workers.fleet.queries import Owner, live_workers, owner_of, spare_worker
from workers.fleet.scheduler import queue_of
from workers.process.clients.ticket import Ticket
from workers.process.sinks.answers import Answer, Operation, key_of
from workers.process.sinks.pictures import store

__all__ = ["Answer", "NoAnswer", "ask", "ask_worker"]

log = logging.getLogger(__name__)

PATIENCE = 20.0
"""Seconds to wait for an answer: opening a camera that does not answer takes 15."""


class NoAnswer(RuntimeError):
    """No worker can carry the request out, or none did in time; the message says what to do."""


@waiting()
def ask(operation: Operation, camera: Camera, *, seconds: float = PATIENCE) -> Answer:
    """Send the request to the camera's worker, or to a free one if none runs it. Raises NoAnswer, Full."""
    owner = owner_of(camera.pk)
    if owner is None and operation is Operation.SNAPSHOT and not camera.enabled:
        raise NoAnswer(f"{camera} is stopped, so it has no newest picture: start it, or test it.")
    if owner is None and operation in (Operation.RESTART, Operation.RELOAD):
        raise NoAnswer(f"{camera} is not running: start it.")
    host = _machine_of(camera)
    owner = owner or spare_worker(host=host, site_id=camera.site_id)
    if owner is None:
        where = f" on the machine {host}" if host else ""
        raise NoAnswer(f"No worker is available for {camera}{where}: start one with manage.py worker.")
    return _asked(operation, owner, seconds, camera.pk)


@waiting()
def ask_worker(operation: Operation, name: str, *, seconds: float = PATIENCE) -> Answer:
    """Send a worker a request that concerns no camera. Raises NoAnswer, Full."""
    worker = live_workers().filter(name=name).first()
    if worker is None:
        raise NoAnswer(f"The worker {name} is offline: start it with manage.py worker --name {name}.")
    answer = _asked(operation, Owner(worker.name, worker.host), seconds)
    if "devices" in answer.facts:
        answer.facts["devices"] = UsableDevices().among(worker.host, answer.facts["devices"])
    return answer


def _machine_of(camera: Camera) -> str:
    """As `machine_of`. Raises NoAnswer: not even a test may open another tenant's device."""
    try:
        return machine_of(camera)
    except DeviceNotAssigned as error:
        raise NoAnswer(str(error)) from None


def _asked(operation: Operation, owner: Owner, seconds: float, camera_id: UUID | None = None) -> Answer:
    ticket = Ticket(uuid4(), owner.name, active_tenant().pk, camera_id, operation.value)
    key = key_of(ticket.request)
    give_back()  # the broker may hang
    try:
        current_app.send_task(
            "workers.tasks.operate",
            [key, operation.value, str(camera_id or ""), ticket.signed],
            queue=queue_of(owner.name),
            expires=seconds,
            retry=False,
        )
        data = _waited(key, seconds)
    except (BrokerAway, RedisError, OSError):
        raise NoAnswer("The worker cannot be reached because Redis is unavailable: try again.") from None
    if data is None:
        raise NoAnswer(f"The worker {owner.name} did not answer within {seconds:.0f} s: check its state.")
    return Answer.unpacked(data)


def _waited(key: str, seconds: float) -> bytes | None:
    """Waits in slices shorter than the socket's own time-out."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if data := store().lpop(key):
            return bytes(data)  # type: ignore[arg-type]
        pause(0.05)
    return None
