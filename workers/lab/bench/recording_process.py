"""One process of `bench record`: its threads record tracks as fast as they can, each as a camera of its own.

python -m workers.lab.bench.recording_process < PLAN
"""

from __future__ import annotations

import os
import sys
import threading
import time
from datetime import UTC, datetime
from itertools import count as counted
from uuid import UUID

import msgspec
import numpy as np

from workers.recognition.types import Floats

FIRST_STRANGER = 1_000_000
SHARED = 10
"""Every tenth stranger is met by all cameras at about the same moment; the others by one."""
NOISE = 0.0045
"""Of each number of a template, so that no two pictures of a person are the same: a similarity of 0.99.

It has to be above the match of every model pack; that of dlib is 0.93."""
SHOT = b"\xff\xd8\xff\xe0" + bytes(range(256)) * 32
"""A picture of 8 kB; recording does not look at it."""


class RecordingPlan(msgspec.Struct, frozen=True):
    """What one process does. `cameras` are by the number of their writer among all `writers`.

    `people` are the visitors that the tracks name; without them, each track is of a stranger.
    """

    tenant: UUID
    database: str
    cameras: dict[int, UUID]
    writers: int
    decision: str
    people: list[UUID]
    first_track: int
    seconds: float
    pack: str


class Recorded(msgspec.Struct, frozen=True):
    """What one process did: milliseconds of each record, seconds of all, and the strangers that came."""

    ms: list[float]
    seconds: float
    strangers: list[int]


def record_in_turn(plan: RecordingPlan, *, count: int) -> None:
    """One camera meets strangers 1 to `count`, in this process."""
    [camera] = plan.cameras.values()
    for number in range(1, count + 1):
        _record(plan, camera, track=number, face=number, person=None)


def record_together(plan: RecordingPlan) -> Recorded:
    """All cameras of the process for the plan's seconds, each in a thread."""
    results: list[tuple[float, int]] = []
    began = time.monotonic()
    threads = [
        threading.Thread(target=_write, args=(plan, writer, began + plan.seconds, results))
        for writer in plan.cameras
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    strangers = [] if plan.people else sorted({face for _, face in results})
    return Recorded([ms for ms, _ in results], time.monotonic() - began, strangers)


def _write(plan: RecordingPlan, writer: int, until: float, results: list[tuple[float, int]]) -> None:
    from tenants.isolation.context import inside, installation
    from tenants.models import Tenant

    with installation():
        tenant = Tenant.objects.get(pk=plan.tenant)
    chance = np.random.default_rng(writer)
    for number in counted():
        if time.monotonic() >= until:
            return
        face = 1 + int(chance.integers(len(plan.people))) if plan.people else _stranger(plan, writer, number)
        person = plan.people[face - 1] if plan.people else None
        began = time.perf_counter()
        with inside(tenant):
            _record(plan, plan.cameras[writer], track=plan.first_track + number, face=face, person=person)
        results.append((1_000 * (time.perf_counter() - began), face))


def _stranger(plan: RecordingPlan, writer: int, number: int) -> int:
    own = 0 if number % SHARED == 0 else writer + 1
    return FIRST_STRANGER + number * (plan.writers + 1) + own


def _record(plan: RecordingPlan, camera: UUID, *, track: int, face: int, person: UUID | None) -> None:
    from visits.actions import record_track
    from visits.track_facts import TrackFacts
    from workers.fleet.leases import lease_guard
    from workers.recognition.models.catalogue import PACKS

    now = datetime.now(UTC)
    facts = TrackFacts(
        camera=camera,
        epoch=1,
        track=track,
        sequence=0,
        ended=True,
        decision=plan.decision,
        person=person,
        score=0.9 if person else 0.1,
        started_at=now,
        last_seen_at=now,
        faces=9,
        quality=0.7,
        pack=plan.pack,
        template=_template(face, noise=NOISE),
        shot=SHOT,
    )
    record_track(facts=facts, match=PACKS[plan.pack].thresholds.match, guard=lease_guard(facts))


def _template(face: int, *, noise: float) -> Floats:
    """The same number is the same face; other numbers are strangers to it."""
    seen = np.random.default_rng(face).standard_normal(512)
    seen = seen / np.linalg.norm(seen) + noise * np.random.default_rng().standard_normal(512)
    return np.asarray(seen / np.linalg.norm(seen), dtype=np.float32)


def main() -> None:
    """Says `ready`, waits for a line, records, and prints what it did."""
    plan = msgspec.json.decode(sys.stdin.buffer.readline(), type=RecordingPlan)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "facetrack.settings")
    import django

    django.setup()
    from django.db import connection

    connection.settings_dict["NAME"] = plan.database
    print("ready", flush=True)  # noqa: T201
    sys.stdin.buffer.readline()
    sys.stdout.buffer.write(msgspec.json.encode(record_together(plan)) + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
