"""Delivers the spool to the store, in order; a repeated record changes nothing."""

import logging

from workers.fleet.leases import StaleEpoch
from workers.process.sinks import outage
from workers.process.sinks.sighting_store import SIGHTING_STORE, InvalidRecord, SightingStore
from workers.process.sinks.spool import Spool

log = logging.getLogger(__name__)


def deliver(spool: Spool, sighting_store: SightingStore = SIGHTING_STORE) -> int:
    """Deliver what waits, until the end or until the store are away again; returns the number delivered.

    Records of a camera that went to another worker before they were known are dropped and logged.
    """
    arrived = 0
    for name, track_record in spool.track_records():
        try:
            sighting_store.deliver(track_record)
        except outage.Unavailable:
            return arrived
        except StaleEpoch as error:
            log.warning("a spooled record was dropped, another worker held the camera by then: %s", error)
            spool.drop(name)
        except InvalidRecord as error:
            spool.refuse(name, str(error))
        except Exception as error:
            log.exception("a spooled record cannot be stored")
            spool.refuse(name, f"it cannot be stored: {type(error).__name__}")
        else:
            spool.drop(name)
            arrived += 1
    return arrived
