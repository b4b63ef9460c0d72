"""Stores a track's report with the tenant, or in the spool while that is not possible."""

import logging
from datetime import UTC, datetime
from typing import Protocol
from uuid import UUID

from facetrack.core.images import jpeg
from tenants.models import Tenant
from visits.track_facts import MAX_REASON, TrackFacts
from workers.process.sinks import outage
from workers.process.sinks.sighting_store import SIGHTING_STORE, InvalidRecord, SightingStore
from workers.process.sinks.spool import Spool
from workers.process.sinks.track_record import TrackRecord
from workers.recognition.types import TrackReport

log = logging.getLogger(__name__)


class LeaseGuard(Protocol):
    """The right to record for a camera: a lease, as its holder sees it."""

    @property
    def epoch(self) -> int:
        """The epoch of the lease."""

    @property
    def sure(self) -> bool:
        """Whether no other worker can hold it."""

    def database_time(self) -> datetime:
        """The database's time now."""


class Recorder:
    """Records the tracks of one run of one camera. Raises StaleEpoch when the run has lost its camera."""

    def __init__(
        self,
        tenant: Tenant,
        camera: UUID,
        guard: LeaseGuard,
        spool: Spool | None,
        *,
        pack: str,
        link: float,
        sighting_store: SightingStore = SIGHTING_STORE,
    ) -> None:
        """Without a spool, a record that cannot be stored raises the error of the store."""
        self._tenant, self._camera, self._guard, self._spool = tenant, camera, guard, spool
        self._pack, self._link, self._sighting_store = pack, link, sighting_store

    def record(self, report: TrackReport) -> None:
        """Store a report now; spool it if the store are away, the lease is in doubt, or earlier ones wait."""
        track_record = TrackRecord(
            self._tenant.pk, self._facts(report), self._link, self._guard.database_time()
        )
        if self._spool is None:
            self._sighting_store.record(self._tenant, track_record)
        elif outage.on() or not self._guard.sure or self._spool.depth:
            self._spool.put(track_record)
        else:
            try:
                self._sighting_store.record(self._tenant, track_record)
            except (outage.Unavailable, InvalidRecord) as error:
                log.warning("track %s of camera %s waits in the spool: %s", report.track, self._camera, error)
                self._spool.put(track_record)

    def _facts(self, report: TrackReport) -> TrackFacts:
        verdict, shot = report.verdict, report.shot
        return TrackFacts(
            camera=self._camera,
            epoch=self._guard.epoch,
            track=report.track,
            sequence=report.sequence,
            ended=report.ended,
            decision=verdict.decision.value,
            person=UUID(verdict.identity) if verdict.identity else None,
            score=float(verdict.score),
            reason=verdict.reason[:MAX_REASON],
            started_at=datetime.fromtimestamp(report.started_at, UTC),
            last_seen_at=datetime.fromtimestamp(report.last_seen_at, UTC),
            faces=report.faces,
            quality=shot.quality if shot else 0.0,
            pack=self._pack,
            template=report.template,
            shot=jpeg(shot.picture) if shot else None,
        )
