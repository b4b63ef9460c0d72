"""Ledgers compared: who was shown, and who was recorded; and whether an older run has written."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING
from uuid import UUID

import numpy as np

from tests.chaos.camera import Shown
from tests.chaos.fleet import Fleet
from tests.chaos.people import template_of

if TYPE_CHECKING:
    from visits.models import Sighting


@dataclass(frozen=True)
class Comparison:
    """`doubled`: two sightings of somebody at one time, or as two visitors. `split`: one after the other of
    one visitor, as when a busy machine lost sight of them for a second."""

    lost: int
    doubled: int
    split: int


def compared(fleet: Fleet, camera: UUID, ledger: list[Shown]) -> Comparison:
    """Who was shown against who was recorded, by the face of each sighting."""
    found = sightings_by_person(fleet, [camera], [shown.person for shown in ledger])
    pairs = [pair for rows in found.values() for pair in pairwise(rows)]
    doubled = sum(b.started_at < a.last_seen_at or _differ(a.visitor_id, b.visitor_id) for a, b in pairs)
    return Comparison(sum(not rows for rows in found.values()), doubled, len(pairs) - doubled)


def sightings_by_person(fleet: Fleet, cameras: list[UUID], people: list[int]) -> dict[int, list[Sighting]]:
    """The sightings by these cameras, by the face of each, oldest first."""
    from tenants.isolation.context import inside
    from visits.models import Sighting

    faces = np.stack([template_of(person) for person in people])
    found: dict[int, list[Sighting]] = {person: [] for person in people}
    with inside(fleet.tenant):
        for row in Sighting.objects.filter(camera__in=cameras).order_by("started_at"):
            likeness = faces @ row.template
            if float(likeness.max()) > 0.5:
                found[people[int(likeness.argmax())]].append(row)
    return found


def _differ(one: UUID | None, other: UUID | None) -> bool:
    return one is not None and other is not None and one != other


def stale_writes(fleet: Fleet) -> int:
    """Sightings that were written after the epoch that they carry had been succeeded."""
    from django.db import connection

    from tenants.isolation.context import inside

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

    from tenants.isolation.context import inside

    with inside(fleet.tenant), connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT count(*) FROM visits_sighting AS a JOIN visits_sighting AS b
            ON a.camera_id = b.camera_id AND a.epoch < b.epoch AND a.last_seen_at > b.started_at
            """
        )
        return int(cursor.fetchone()[0])
