"""What a worker does for the person who asks: looks at a camera, tests it, restarts it."""

from __future__ import annotations

import time
from contextlib import closing
from typing import Any
from uuid import UUID

from cameras.models import Camera
from facetrack.core.images import jpeg
from facetrack.core.waiting import give_back
from tenants.models import Tenant
from workers.process.clients.camera_settings import CameraSettings, source_of
from workers.process.hardware import devices
from workers.process.model_cache import loaded_models
from workers.process.sinks.answers import Answer, Operation
from workers.process.sinks.outage import Unavailable
from workers.process.sinks.preview import annotated
from workers.process.worker_process import WorkerProcess
from workers.recognition.capture import SourceError, open_source
from workers.recognition.config import CameraConfig
from workers.recognition.models.loading import UnknownModelError
from workers.recognition.models.store import ModelMissing
from workers.recognition.orientation import QuarterTurn
from workers.recognition.stages.detect import shrunk
from workers.recognition.stages.picture import BriefLook
from workers.recognition.stages.upright import suggested_turn
from workers.recognition.types import Picture

MEASURED_SECONDS = 2.0


def carry_out(
    worker_process: WorkerProcess,
    tenant: Tenant,
    operation: Operation,
    camera_id: UUID | None,
    ticket: str = "",
) -> Answer:
    """The worker's side. Never raises for a fault of the camera.

    `ticket` lets a worker at the edge see the settings of a camera that it does not run.
    """
    name = worker_process.name
    if operation is Operation.DEVICES or camera_id is None:
        return Answer(ok=True, worker=name, facts={"devices": devices()})
    try:
        match operation:
            case Operation.RESTART:
                done = worker_process.reload(camera_id, force=True)
                return Answer(done, name, "Restarting." if done else "It does not run on this worker.")
            case Operation.RELOAD:
                done = worker_process.reload(camera_id)
                return Answer(True, name, "Restarting." if done else "The settings have not changed.")
            case Operation.SNAPSHOT:
                return _snapshot(worker_process, tenant, camera_id, ticket)
            case Operation.TEST:
                return _test(worker_process, tenant, camera_id, ticket)
    except Unavailable as error:
        return Answer(False, name, f"The worker cannot read the camera's settings: {error}.")


def _snapshot(worker_process: WorkerProcess, tenant: Tenant, camera_id: UUID, ticket: str) -> Answer:
    run = worker_process.running(camera_id)
    if run is None or run.latest is None:
        return _test(worker_process, tenant, camera_id, ticket)
    frame, faces = run.latest
    picture = jpeg(annotated(frame.picture, faces, max_side=1920), quality=85)
    return Answer(ok=True, worker=worker_process.name, picture=picture, facts={"at": frame.at})


def _test(worker_process: WorkerProcess, tenant: Tenant, camera_id: UUID, ticket: str) -> Answer:
    """Open the source. If it already runs here, it is not opened twice: the run knows everything."""
    name, run = worker_process.name, worker_process.running(camera_id)
    if run is not None and run.latest is not None and run.source is not None and run.delivers:
        frame, _ = run.latest
        facts = _described(getattr(run.source, "facts", {}), frame.picture.shape)
        facts["measured_fps"] = run.measured_fps
        hint = _turn_hint(run.camera_settings, [frame.picture])
        facts |= {"lost_frames": run.lost, "picture_problem": run.picture_problem}
        told = f"It runs{_in_words(facts)}{_but(run.picture_problem)}.{_told(hint)}"
        picture = jpeg(annotated(frame.picture, []), quality=80)
        return Answer(not run.picture_problem, name, told, facts | hint, picture)
    if run is not None:
        return Answer(False, name, run.error or "The source is being opened: try again in a moment.")
    camera_settings = worker_process.camera_settings(tenant, camera_id, ticket)
    if camera_settings is None:
        return Answer(False, name, "The camera was deleted.")
    give_back()
    try:
        with closing(open_source(**(source_of(camera_settings) | {"fps": 30.0}))) as source:
            first = source.read()
            if first is None:
                return Answer(False, name, "The source ends before its first picture.")
            began, frames, last, seen = time.monotonic(), 0, first, BriefLook(first.picture)
            while time.monotonic() - began < MEASURED_SECONDS and (later := source.read()) is not None:
                frames, last = frames + 1, later
                seen.add(later.picture)
            seconds = max(0.1, time.monotonic() - began)
            facts = _described(getattr(source, "facts", {}), first.picture.shape)
            facts["measured_fps"] = round(frames / seconds, 1)
            facts |= {"lost_frames": getattr(source, "lost", 0), "picture_problem": seen.problem or ""}
    except SourceError as error:
        return Answer(False, name, str(error))
    hint = _turn_hint(camera_settings, [first.picture, last.picture])
    told = f"Connected{_in_words(facts)}{_but(facts['picture_problem'])}.{_told(hint)}"
    if seen.unchanged:
        told += " The picture has not changed meanwhile: if it stays so for a minute, the camera is frozen."
    picture = jpeg(annotated(first.picture, []), quality=80)
    return Answer(not facts["picture_problem"], name, told, facts | hint, picture)


def _turn_hint(camera_settings: CameraSettings, pictures: list[Picture]) -> dict[str, int]:
    """The camera's `turn` with which the faces in these pictures are upright; empty if they are, or there are
    none."""
    try:
        models = loaded_models(camera_settings.detector)
    except (ModelMissing, UnknownModelError):
        return {}  # the run itself reports it
    for picture in pictures:
        small = shrunk(picture, CameraConfig().analysed_side).picture
        if (turn := suggested_turn(models.detector, small, models.sure)) is not QuarterTurn.NONE:
            mirrored = -turn if camera_settings.mirrored else turn
            return {"turn": (camera_settings.turn + mirrored) % 360}
    return {}


def _but(picture_problem: str) -> str:
    return f", but {Camera.PictureProblem(picture_problem).label}" if picture_problem else ""


def _told(hint: dict[str, int]) -> str:
    if not hint:
        return ""
    return f" The faces seem to be turned: set “turn the picture” to “{Camera.Turn(hint['turn']).label}”."


def _in_words(facts: dict[str, Any]) -> str:
    codec = f"{facts['codec']}, " if facts["codec"] else ""
    announced = f" of {facts['fps']:g}" if facts["fps"] else ""
    size = f"{facts['width']} x {facts['height']}"
    return f": {codec}{size}, {facts['measured_fps']:g}{announced} frames a second"


def _described(facts: dict[str, Any], shape: tuple[int, ...]) -> dict[str, Any]:
    return {"codec": "", "fps": 0.0, **facts} | {
        "width": facts.get("width") or shape[1],
        "height": facts.get("height") or shape[0],
    }
