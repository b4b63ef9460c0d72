"""Requests of users to a camera's worker: its worker carries them out and answers through Redis in time."""

from __future__ import annotations

import logging
import time
from contextlib import closing
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid4

from celery import current_app
from kombu.exceptions import OperationalError as BrokerAway
from redis.exceptions import RedisError

from cameras.actions import DeviceNotAssigned
from cameras.models import Camera
from facetrack.lib.images import jpeg
from facetrack.lib.waiting import give_back, pause
from tenants.limits.slots import waiting
from tenants.models import Tenant
from tenants.queries import active_tenant
from workers.actions.machines import UsableDevices, machine_of
from workers.devices import devices
from workers.keeper import Keeper
from workers.links import Away
from workers.links.brief import source_of
from workers.links.ticket import Ticket
from workers.queries import Owner, live_workers, owner_of, spare_worker
from workers.sinks.answers import Answer, key_of
from workers.sinks.pictures import store
from workers.sinks.preview import annotated
from workers.stages.capture import SourceError, open_source
from workers.supervise import queue_of

__all__ = ["Answer", "NoAnswer", "Operation", "ask", "ask_worker", "carry_out"]

log = logging.getLogger(__name__)

PATIENCE = 20.0
"""Seconds to wait for an answer: opening a camera that does not answer takes 15."""
MEASURED_SECONDS = 2.0


class Operation(StrEnum):
    """Requests to a worker. `test` opens the source; `snapshot` is the newest frame."""

    RESTART = "restart"
    RELOAD = "reload"
    TEST = "test"
    SNAPSHOT = "snapshot"
    DEVICES = "devices"


class NoAnswer(RuntimeError):
    """No worker can carry the request out, or none did in time; the message says what to do."""


@waiting()
def ask(operation: Operation, camera: Camera, *, seconds: float = PATIENCE) -> Answer:
    """Send the request to the camera's worker, or to a free one if none runs it. Raises NoAnswer, Full."""
    owner = owner_of(camera.pk)
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


def carry_out(
    keeper: Keeper, tenant: Tenant, operation: Operation, camera_id: UUID | None, ticket: str = ""
) -> Answer:
    """The worker's side. Never raises for a fault of the camera.

    `ticket` lets a worker at the edge see the settings of a camera that it does not run.
    """
    name = keeper.name
    if operation is Operation.DEVICES or camera_id is None:
        return Answer(ok=True, worker=name, facts={"devices": devices()})
    try:
        match operation:
            case Operation.RESTART:
                done = keeper.reload(camera_id, force=True)
                return Answer(done, name, "Restarting." if done else "It does not run on this worker.")
            case Operation.RELOAD:
                done = keeper.reload(camera_id)
                return Answer(True, name, "Restarting." if done else "The settings have not changed.")
            case Operation.SNAPSHOT:
                return _snapshot(keeper, tenant, camera_id, ticket)
            case Operation.TEST:
                return _test(keeper, tenant, camera_id, ticket)
    except Away as error:
        return Answer(False, name, f"The worker cannot read the camera's settings: {error}.")


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


def _snapshot(keeper: Keeper, tenant: Tenant, camera_id: UUID, ticket: str) -> Answer:
    run = keeper.running(camera_id)
    if run is None or run.latest is None:
        return _test(keeper, tenant, camera_id, ticket)
    frame, faces = run.latest
    picture = jpeg(annotated(frame.picture, faces, longest=1920), quality=85)
    return Answer(ok=True, worker=keeper.name, picture=picture, facts={"at": frame.at})


def _test(keeper: Keeper, tenant: Tenant, camera_id: UUID, ticket: str) -> Answer:
    """Open the source. If it already runs here, it is not opened twice: the run knows everything."""
    name, run = keeper.name, keeper.running(camera_id)
    if run is not None and run.latest is not None and run.source is not None and run.delivers:
        frame, _ = run.latest
        facts = _described(getattr(run.source, "facts", {}), frame.picture.shape)
        return Answer(True, name, "It runs.", facts, jpeg(annotated(frame.picture, []), quality=80))
    if run is not None:
        return Answer(False, name, run.error or "The source is being opened: try again in a moment.")
    brief = keeper.brief(tenant, camera_id, ticket)
    if brief is None:
        return Answer(False, name, "The camera was deleted.")
    give_back()
    try:
        with closing(open_source(**(source_of(brief) | {"fps": 30.0}))) as source:
            first = source.read()
            if first is None:
                return Answer(False, name, "The source ends before its first picture.")
            began, frames = time.monotonic(), 0
            while time.monotonic() - began < MEASURED_SECONDS and source.read() is not None:
                frames += 1
            seconds = max(0.1, time.monotonic() - began)
            facts = _described(getattr(source, "facts", {}), first.picture.shape)
            facts["measured_fps"] = round(frames / seconds, 1)
    except SourceError as error:
        return Answer(False, name, str(error))
    return Answer(True, name, "Connected.", facts, jpeg(annotated(first.picture, []), quality=80))


def _described(facts: dict[str, Any], shape: tuple[int, ...]) -> dict[str, Any]:
    return {"codec": "", "fps": 0.0, **facts} | {
        "width": facts.get("width") or shape[1],
        "height": facts.get("height") or shape[0],
    }
