"""A holder that sleeps beyond its lease and wakes up writing, many times, against the real database."""

from __future__ import annotations

import random
import threading
import time
from datetime import UTC, datetime, timedelta
from uuid import UUID

from tests.chaos.fleet import Fleet
from tests.chaos.people import template_of
from tests.chaos.results import Result


def woken_late(fleet: Fleet, trials: int) -> Result:
    """In each trial a lease runs out while its holder sleeps; another takes it as the first wakes and writes.

    The two race: the write may win, and is then right, or lose, and must be refused. What counts as stale is
    a sighting of the old epoch that was committed after the new grant.
    """
    from django.db.models.functions import Now

    from cameras.models import Camera, Site
    from tenants.isolation.context import inside
    from visits.models import Sighting
    from workers.fleet.leases import take
    from workers.fleet.models import CameraLease
    from workers.fleet.registration import Introduction, register

    workers = [register(introduction=Introduction(name=f"sleeper-{n}", capacity=9)) for n in (1, 2)]
    with inside(fleet.tenant):
        site = Site.objects.get(pk=fleet.site)
        camera = Camera.objects.create(
            site=site, name="Sleepers", kind="rtsp", location="rtsp://127.0.0.1:1/x"
        )
        CameraLease.objects.create(
            camera_id=camera.pk, tenant=fleet.tenant, site_id=site.pk, label="Sleepers", desired=True
        )
    accepted = refused = stale = 0
    for trial in range(trials):
        holder, other = random.sample(workers, 2)
        with inside(fleet.tenant):
            CameraLease.objects.filter(pk=camera.pk).update(expires_at=None, worker=None)
            old = take(camera_id=camera.pk, worker=holder)
            CameraLease.objects.filter(pk=camera.pk).update(expires_at=Now() - timedelta(seconds=1))
        assert old is not None
        outcome: list[bool] = []
        waking = threading.Thread(
            target=lambda epoch=old.epoch, trial=trial, outcome=outcome: outcome.append(
                _written(fleet, camera.pk, epoch, trial)
            )
        )
        late = trial % 2 == 1
        if not late:
            waking.start()
            time.sleep(random.uniform(0, 0.004))
        with inside(fleet.tenant):
            assert take(camera_id=camera.pk, worker=other) is not None
        if late:
            waking.start()
        waking.join()
        accepted, refused = accepted + outcome[0], refused + (not outcome[0])
        stale += late and outcome[0]
    with inside(fleet.tenant):
        saved = Sighting.objects.filter(camera=camera).count()
        CameraLease.objects.filter(pk=camera.pk).update(desired=False, worker=None)
    detail = {"refused": refused, "accepted_before_the_grant": accepted - stale, "saved": saved}
    result = Result("asleep beyond the lease, then writing", trials, stale_writes=stale, detail=detail)
    return result.judged(holds=saved == accepted and refused >= trials // 2)


def _written(fleet: Fleet, camera: UUID, epoch: int, trial: int) -> bool:
    """Whether a holder of this epoch could still record."""
    from tenants.isolation.context import inside
    from visits.actions import record_track
    from visits.track_facts import TrackFacts
    from workers.fleet.leases import StaleEpoch, lease_guard

    now = datetime.now(UTC)
    facts = TrackFacts(
        camera=camera,
        epoch=epoch,
        track=1,
        sequence=0,
        ended=True,
        decision="unsure",
        person=None,
        score=0.3,
        reason="written by a holder that slept",
        started_at=now,
        last_seen_at=now,
        faces=3,
        quality=0.5,
        pack="edgeface-xs",
        template=template_of(trial),
        shot=None,
    )
    try:
        with inside(fleet.tenant):
            record_track(facts=facts, match=0.4, guard=lease_guard(facts))
    except StaleEpoch:
        return False
    return True
