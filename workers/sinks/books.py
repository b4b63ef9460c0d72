"""Where records are kept: the tables of the tenant, or what takes them there."""

from typing import Protocol

from cameras.actions import StaleEpoch
from tenants.context import inside, installation
from tenants.models import Tenant
from visits.actions import record_track
from workers.sinks import outage
from workers.sinks.letters import Letter


class Unfit(RuntimeError):
    """The record can never be kept as it is; the message says why."""


class Books(Protocol):
    """What comes twice is kept once. Both raise StaleEpoch where the right to record was lost, Away where
    it is not known whether the record arrived, and Unfit."""

    def record(self, tenant: Tenant, letter: Letter) -> None:
        """Keep what a run has just found out, under its present lease."""

    def deliver(self, letter: Letter) -> None:
        """Keep what has waited on disk: it counts if nobody else had the camera when it became known."""


class TenantBooks:
    """The tables of the letter's tenant. Raises what the database does for what is Unfit."""

    def record(self, tenant: Tenant, letter: Letter) -> None:
        with outage.noticed(), inside(tenant):
            record_track(facts=letter.facts, link=letter.link)

    def deliver(self, letter: Letter) -> None:
        with outage.noticed():
            with installation():
                tenant = Tenant.objects.filter(pk=letter.tenant).first()
            if tenant is None:
                raise StaleEpoch(f"the tenant {letter.tenant} is gone")
            with inside(tenant):
                record_track(facts=letter.facts, link=letter.link, known_at=letter.known_at)


BOOKS = TenantBooks()
