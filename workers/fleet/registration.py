"""Changes to workers: registration, heartbeats, sign-off."""

import os
import socket
from dataclasses import asdict, dataclass, field
from uuid import UUID, uuid4

from django.db import transaction
from django.db.models.functions import Now

from tenants.isolation.context import installation
from workers.fleet.leases import release_all
from workers.fleet.models import Worker

HISTORY = 60
"""Number of heartbeats that the page's curve shows."""


@dataclass(frozen=True, slots=True)
class Introduction:
    """What a worker reports about itself when it registers."""

    name: str
    capacity: int
    host: str = field(default_factory=lambda: socket.gethostname().lower())
    pid: int = field(default_factory=os.getpid)
    sites: list[str] = field(default_factory=list)
    devices: list[str] = field(default_factory=list)
    packs: list[str] = field(default_factory=list)
    accelerators: list[str] = field(default_factory=list)
    versions: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Beat:
    """What a worker reports about itself with each heartbeat."""

    state: Worker.State
    load: float = 0.0
    fps: float = 0.0
    faces_per_second: float = 0.0
    queue_depth: int = 0
    memory_megabytes: int = 0
    dropped: int = 0
    last_error: str = ""


def register(*, introduction: Introduction) -> Worker:
    """Register under a name. An older process with this name loses it, and all its leases."""
    with installation(), transaction.atomic():
        worker, _ = Worker.objects.update_or_create(
            name=introduction.name,
            defaults=asdict(introduction)
            | {
                "incarnation": uuid4(),
                "state": Worker.State.IDLE,
                "last_error": "",
                "registered_at": Now(),
                "beat_at": Now(),
                "seen_at": Now(),
            },
        )
        release_all(worker=worker)
        worker.refresh_from_db()
    return worker


def mark_seen(*, worker_id: UUID, incarnation: UUID) -> bool:
    """The process is alive. Returns False if another process has its name now."""
    with installation():
        return bool(Worker.objects.filter(pk=worker_id, incarnation=incarnation).update(seen_at=Now()))


def beat(*, worker_id: UUID, incarnation: UUID, beat: Beat) -> bool:
    """Record a worker's heartbeat. Returns False if another process has its name now."""
    with installation(), transaction.atomic():
        worker = (
            Worker.objects.select_for_update()
            .filter(pk=worker_id, incarnation=incarnation)
            .only("history")
            .first()
        )
        if worker is None:
            return False
        values = asdict(beat) | {"last_error": beat.last_error[:300]}
        history = [*worker.history, round(beat.fps, 1)][-HISTORY:]
        Worker.objects.filter(pk=worker_id).update(**values, history=history, beat_at=Now(), seen_at=Now())
    return True


def sign_off(*, worker: Worker) -> None:
    """The process signs off: its cameras are free at once."""
    with installation(), transaction.atomic():
        ended = Worker.objects.filter(pk=worker.pk, incarnation=worker.incarnation).update(
            state=Worker.State.OFFLINE, fps=0.0, faces_per_second=0.0, seen_at=None
        )
        if ended:
            release_all(worker=worker)
