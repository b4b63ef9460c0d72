"""The spool's way back to PostgreSQL, in order; what arrives twice changes nothing."""

import logging

from cameras.actions import StaleEpoch
from tenants.context import inside, installation
from tenants.models import Tenant
from visits.actions import record_track
from workers.sinks import outage
from workers.sinks.letters import Letter
from workers.sinks.spool import Spool

log = logging.getLogger(__name__)


def deliver(spool: Spool) -> int:
    """Record what waits, until the end or until the database is away again; returns how many arrived.

    Records of a camera that went to another worker before they were known are dropped and told.
    """
    arrived = 0
    for name, letter in spool.letters():
        try:
            _deliver(letter)
        except outage.AWAY:
            outage.note()
            return arrived
        except StaleEpoch as error:
            log.warning("a spooled record is dropped, the camera was another worker's by then: %s", error)
            spool.drop(name)
        except Exception as error:
            log.exception("a spooled record cannot be saved")
            spool.refuse(name, f"it cannot be saved: {type(error).__name__}")
        else:
            spool.drop(name)
            arrived += 1
    return arrived


def _deliver(letter: Letter) -> None:
    with installation():
        tenant = Tenant.objects.filter(pk=letter.tenant).first()
    if tenant is None:
        raise StaleEpoch(f"the tenant {letter.tenant} is gone")
    with inside(tenant):
        record_track(facts=letter.facts, link=letter.link, known_at=letter.known_at)
