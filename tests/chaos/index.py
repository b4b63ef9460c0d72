"""The server of the visitors' index is killed while people come and come back."""

from __future__ import annotations

import time

from tests.chaos.audit import sightings_by_person
from tests.chaos.camera import EMPTY_SECONDS, SHOWN_SECONDS, Camera
from tests.chaos.fleet import Fleet, wait_for
from tests.chaos.results import Result

FIRST_PERSON, PEOPLE = 3701, 4
AWAY_SECONDS = 8.0
SETTLED_SECONDS = 180.0
"""A Milvus server that was killed takes about a minute to serve its collections again."""


def milvus_lost(fleet: Fleet, trials: int) -> Result:
    """SIGKILL of the Milvus server while people whom it knows return at a second camera, and new ones come.

    No person may be lost, and each stays one visitor.
    """
    result = Result("Milvus server killed and restarted", trials)
    settled: list[float] = []
    shown = PEOPLE
    with Camera(first_person=FIRST_PERSON) as first, Camera(first_person=FIRST_PERSON) as second:
        fleet.start_workers()
        cameras = [fleet.camera("First door", first.url), fleet.camera("Second door", second.url)]
        wait_for(lambda: all(fleet.records(one) for one in cameras), 60, "the cameras to record")
        first.show(PEOPLE)
        wait_for(lambda: first.done, 120, "the first people")
        for _ in range(trials):
            first.show(PEOPLE)
            second.show(PEOPLE)
            shown += PEOPLE
            time.sleep(SHOWN_SECONDS + EMPTY_SECONDS)
            start_again = fleet.kill_milvus()
            time.sleep(AWAY_SECONDS)
            start_again()
            wait_for(lambda: first.done and second.done, 120, "the last of the people")
            time.sleep(EMPTY_SECONDS)
            settled.append(wait_for(lambda: _is_settled(fleet), SETTLED_SECONDS, "all to be compared"))
        people = list(range(FIRST_PERSON, FIRST_PERSON + shown))
        found = sightings_by_person(fleet, cameras, people)
        fleet.switch_all_off()
    visitors = [{row.visitor_id for row in rows} for rows in found.values()]
    result.lost = sum(not rows for rows in found.values())
    result.duplicated = sum(len(known) > 1 for known in visitors)
    result.detail = {"shown": shown, "returned": trials * PEOPLE, "settled_s": [round(s, 1) for s in settled]}
    return result.judged()


def _is_settled(fleet: Fleet) -> bool:
    """Whether all tracks are recorded and compared, and the index is up to date."""
    from tenants.isolation.context import inside
    from tenants.models import Outbox
    from visits.models import Sighting, SightingDecision

    with inside(fleet.tenant):
        waiting = Sighting.objects.filter(decision=SightingDecision.PENDING).exists()
    return not (waiting or Outbox.objects.exists() or list((fleet.var / "spool").glob("*/*.event")))
