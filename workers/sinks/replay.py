"""Delivers the spool to the books, in order; a repeated record changes nothing."""

import logging

from workers.actions.leases import StaleEpoch
from workers.sinks import outage
from workers.sinks.books import BOOKS, Books, Unfit
from workers.sinks.spool import Spool

log = logging.getLogger(__name__)


def deliver(spool: Spool, books: Books = BOOKS) -> int:
    """Deliver what waits, until the end or until the books are away again; returns the number delivered.

    Records of a camera that went to another worker before they were known are dropped and logged.
    """
    arrived = 0
    for name, letter in spool.letters():
        try:
            books.deliver(letter)
        except outage.Away:
            return arrived
        except StaleEpoch as error:
            log.warning("a spooled record was dropped, another worker held the camera by then: %s", error)
            spool.drop(name)
        except Unfit as error:
            spool.refuse(name, str(error))
        except Exception as error:
            log.exception("a spooled record cannot be stored")
            spool.refuse(name, f"it cannot be stored: {type(error).__name__}")
        else:
            spool.drop(name)
            arrived += 1
    return arrived
