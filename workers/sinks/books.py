"""Where records are stored: the tenant's tables, or a service that writes them there."""

from typing import Protocol

from tenants.isolation.context import inside, installation
from tenants.models import Tenant
from visits.actions import record_track
from workers.actions.leases import StaleEpoch, lease_guard
from workers.sinks import outage
from workers.sinks.letters import Letter


class Unfit(RuntimeError):
    """The record can never be stored as it is; the message says why."""


class Books(Protocol):
    """A repeated record is stored once. Both methods raise StaleEpoch if the right to record was lost, Away
    if it is unknown whether the record arrived, and Unfit."""

    def record(self, tenant: Tenant, letter: Letter) -> None:
        """Store a new record, under the run's present lease."""

    def deliver(self, letter: Letter) -> None:
        """Store a record that waited on disk: it counts if no other worker held the camera by `known_at`."""


class TenantBooks:
    """The tables of the letter's tenant. Raises the database's errors for a record that is Unfit."""

    def record(self, tenant: Tenant, letter: Letter) -> None:
        with outage.noticed(), inside(tenant):
            record_track(facts=letter.facts, match=letter.link, guard=lease_guard(letter.facts))

    def deliver(self, letter: Letter) -> None:
        with outage.noticed():
            with installation():
                tenant = Tenant.objects.filter(pk=letter.tenant).first()
            if tenant is None:
                raise StaleEpoch(f"the tenant {letter.tenant} is gone")
            with inside(tenant):
                guard = lease_guard(letter.facts, letter.known_at)
                record_track(facts=letter.facts, match=letter.link, guard=guard)


BOOKS = TenantBooks()
