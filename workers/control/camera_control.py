"""Start, stop and restart with an answer: it comes when the camera's worker has done it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from cameras.actions import SourceTaken, set_enabled
from cameras.models import Camera
from facetrack.core.waiting import pause
from tenants.limits.slots import waiting
from tenants.models import User
from workers.control.operations import Answer, NoAnswer, ask
from workers.fleet.leases import claim_source
from workers.fleet.machines import machine_of
from workers.fleet.queries import is_room_for, lease_of, owner_of, spare_worker
from workers.process.sinks.answers import Operation

PATIENCE = 8.0
"""Seconds: a worker takes a camera within one or two, opens it within a few more, and stops it within one."""
STEP = 0.2

T = TypeVar("T")


@waiting()
def start(
    *, camera: Camera, by: User | None, force: bool = False, seconds: float = PATIENCE
) -> Camera | None:
    """Enable the camera and wait; returns it as its worker reports it: running, or with an error.

    None if its worker has not started it within `seconds`: it starts later by itself. Raises Full,
    SourceTaken, and NoAnswer if no worker can run it; the camera stays enabled in the last case, too.
    """
    set_enabled(camera=camera, enabled=True, by=by, force=force)
    _yield_to_an_owner(camera, by)
    if owner_of(camera.pk) is None:
        _require_worker(camera)
    begun = _waited(lambda: _reported(camera), seconds)
    if begun is None and owner_of(camera.pk) is None:
        _require_room(camera)
    return begun


@waiting()
def stop(*, camera: Camera, by: User | None, seconds: float = PATIENCE) -> Camera:
    """Disable the camera; returns it when no worker runs it any more. Raises Full, NoAnswer.

    The camera is disabled in any case, unless too many requests wait already.
    """
    set_enabled(camera=camera, enabled=False, by=by)
    if _waited(lambda: owner_of(camera.pk) is None or None, seconds) is None:
        owner = owner_of(camera.pk)
        raise NoAnswer(
            f"{camera} should stop, but its worker {owner.name if owner else ''} has not confirmed it within "
            f"{seconds:.0f} s: check the worker's state. If the worker is gone, its right to record ends "
            "within 15 s."
        )
    camera.refresh_from_db()
    return camera


@waiting()
def restart(*, camera: Camera, seconds: float = PATIENCE) -> Answer:
    """Have the camera's worker close and open it; answered when it runs again. Raises Full, NoAnswer."""
    before = lease_of(camera.pk)
    answer = ask(Operation.RESTART, camera, seconds=seconds)
    if not answer.ok:
        return answer
    again = _waited(lambda: _reported(camera, after=before.epoch if before else 0), seconds)
    if again is None:
        return replace(answer, ok=False, detail="Restarting; there is no picture yet. Look again soon.")
    if again.status == Camera.Status.RUNNING:
        return replace(answer, detail="The camera runs again.")
    return replace(answer, ok=False, detail=again.status_detail or f"It is {again.get_status_display()}.")


def _yield_to_an_owner(camera: Camera, by: User | None) -> None:
    """Two users may start cameras with one source at the same moment; both see it free, and one fails."""
    lease = lease_of(camera.pk)
    if not camera.source_key or (lease is not None and lease.desired):
        return
    try:
        claim_source(camera=camera, force=False)
    except SourceTaken:
        set_enabled(camera=camera, enabled=False, by=by)
        raise


def _require_worker(camera: Camera) -> None:
    """Raises NoAnswer, DeviceNotAssigned."""
    host = machine_of(camera)
    if spare_worker(host=host, site_id=camera.site_id) is None:
        where = f" on the machine {host}" if host else ""
        raise NoAnswer(
            f"{camera} is enabled, but no worker is available for it{where}: start one with manage.py "
            "worker. The camera then starts by itself."
        )


def _require_room(camera: Camera) -> None:
    """Raises NoAnswer, DeviceNotAssigned."""
    if not is_room_for(host=machine_of(camera), site_id=camera.site_id):
        raise NoAnswer(
            f"{camera} is enabled, but the workers that may run it are full: start another worker, or stop "
            "a camera. This camera then starts by itself."
        )


def _reported(camera: Camera, *, after: int = 0) -> Camera | None:
    """The camera as its present run reports it, once it has a picture or an error, or is over."""
    now = Camera.objects.select_related("site").filter(pk=camera.pk).first()
    if now is None or not now.enabled:  # deleted or stopped by another user, or a short clip has ended
        return now or camera
    lease = lease_of(camera.pk)
    held = lease is not None and lease.live and lease.epoch == now.epoch > after  # type: ignore[attr-defined]
    return now if held and now.status in (Camera.Status.RUNNING, Camera.Status.ERROR) else None


def _waited(done: Callable[[], T | None], seconds: float) -> T | None:
    """What `done` returns once it is not None; None after `seconds`."""
    until = time.monotonic() + seconds
    while (found := done()) is None and time.monotonic() < until:
        pause(STEP)
    return found
