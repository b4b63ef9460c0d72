"""Ledgers compared: who was shown, and who was recorded; and whether an older run has written."""

from __future__ import annotations

from collections import Counter
from uuid import UUID

import numpy as np

from tests.chaos.camera import Shown
from tests.chaos.fleet import Fleet
from tests.chaos.people import template_of


def recorded(fleet: Fleet, camera: UUID, people: list[int]) -> Counter[int]:
    """How often each of these people was recorded by the camera, by the face of each sighting."""
    from tenants.context import inside
    from visits.models import Sighting

    faces = np.stack([template_of(person) for person in people])
    found: Counter[int] = Counter()
    with inside(fleet.tenant):
        for sighting in Sighting.objects.filter(camera=camera).exclude(decision="unsure"):
            likeness = faces @ sighting.template
            if float(likeness.max()) > 0.5:
                found[people[int(likeness.argmax())]] += 1
    return found


def compared(fleet: Fleet, camera: UUID, ledger: list[Shown]) -> tuple[int, int]:
    """How many of those shown are missing, and how often somebody was recorded more than once."""
    people = [shown.person for shown in ledger]
    found = recorded(fleet, camera, people)
    return sum(found[person] == 0 for person in people), sum(max(0, found[p] - 1) for p in people)


def stale_writes(fleet: Fleet) -> int:
    """Sightings that were written after the epoch that they carry had been succeeded."""
    from django.db import connection

    from tenants.context import inside

    with inside(fleet.tenant), connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT count(*) FROM visits_sighting AS s
            WHERE EXISTS (
                SELECT 1 FROM workers_leasegrant AS g
                WHERE g.camera_id = s.camera_id AND g.epoch > s.epoch AND g.granted_at < s.last_seen_at
            )
            """
        )
        return int(cursor.fetchone()[0])


def two_recorders(fleet: Fleet) -> int:
    """Pairs of sightings of one camera and different epochs that overlap in time."""
    from django.db import connection

    from tenants.context import inside

    with inside(fleet.tenant), connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT count(*) FROM visits_sighting AS a JOIN visits_sighting AS b
            ON a.camera_id = b.camera_id AND a.epoch < b.epoch AND a.last_seen_at > b.started_at
            """
        )
        return int(cursor.fetchone()[0])
