"""Where records are stored: the tenant's tables, or a service that writes them there."""

from typing import Protocol

from tenants.isolation.context import inside, installation
from tenants.models import Tenant
from visits.actions import record_track
from workers.fleet.leases import StaleEpoch, lease_guard
from workers.process.sinks import outage
from workers.process.sinks.track_record import TrackRecord


class InvalidRecord(RuntimeError):
    """The record can never be stored as it is; the message says why."""


class SightingStore(Protocol):
    """A repeated record is stored once. Both methods raise StaleEpoch if the right to record was lost,
    Unavailable if it is unknown whether the record arrived, and InvalidRecord."""

    def record(self, tenant: Tenant, track_record: TrackRecord) -> None:
        """Store a new record, under the run's present lease."""

    def deliver(self, track_record: TrackRecord) -> None:
        """Store a record that waited on disk: it counts if no other worker held the camera by `known_at`."""


class TenantSightingStore:
    """The tables of the record's tenant. Raises the database's errors for a record that is InvalidRecord."""

    def record(self, tenant: Tenant, track_record: TrackRecord) -> None:
        with outage.noticed(), inside(tenant):
            record_track(
                facts=track_record.facts, match=track_record.link, guard=lease_guard(track_record.facts)
            )

    def deliver(self, track_record: TrackRecord) -> None:
        with outage.noticed():
            with installation():
                tenant = Tenant.objects.filter(pk=track_record.tenant).first()
            if tenant is None:
                raise StaleEpoch(f"the tenant {track_record.tenant} is gone")
            with inside(tenant):
                guard = lease_guard(track_record.facts, track_record.known_at)
                record_track(facts=track_record.facts, match=track_record.link, guard=guard)


SIGHTING_STORE = TenantSightingStore()
