"""From a track's report to the tenant's saved facts."""

import logging
import time
from datetime import UTC, datetime
from uuid import UUID

from django.db import InterfaceError, OperationalError

from facetrack.lib.images import jpeg
from tenants.context import inside
from tenants.models import Tenant
from visits.actions import record_track
from visits.rules import TrackFacts
from workers.types import TrackReport

log = logging.getLogger(__name__)

DATABASE_PATIENCE = (0.5, 1, 2, 4, 8, 8, 8)
"""Seconds to wait before each further try while PostgreSQL is away: a restart takes a few."""


class Recorder:
    """Records the tracks of one run of one camera. Raises StaleEpoch when the run has lost its camera."""

    def __init__(self, tenant: Tenant, camera: UUID, epoch: int, pack: str, link: float) -> None:
        self._tenant, self._camera, self._epoch = tenant, camera, epoch
        self._pack, self._link = pack, link

    def record(self, report: TrackReport) -> None:
        """Save a report; tried again while the database is away, a second time is a no-op."""
        facts = self._facts(report)
        for pause in (*DATABASE_PATIENCE, None):
            try:
                with inside(self._tenant):
                    record_track(facts=facts, link=self._link)
                return
            except (OperationalError, InterfaceError):
                if pause is None:
                    raise
                log.warning("track %s of camera %s waits for the database", report.track, self._camera)
                time.sleep(pause)

    def _facts(self, report: TrackReport) -> TrackFacts:
        verdict, shot = report.verdict, report.shot
        return TrackFacts(
            camera=self._camera,
            epoch=self._epoch,
            track=report.track,
            sequence=report.sequence,
            ended=report.ended,
            decision=verdict.decision.value,
            person=UUID(verdict.identity) if verdict.identity else None,
            score=float(verdict.score),
            reason=verdict.reason,
            started_at=datetime.fromtimestamp(report.started_at, UTC),
            last_seen_at=datetime.fromtimestamp(report.last_seen_at, UTC),
            faces=report.faces,
            quality=shot.quality if shot else 0.0,
            pack=self._pack,
            template=report.template,
            shot=jpeg(shot.picture) if shot else None,
        )
