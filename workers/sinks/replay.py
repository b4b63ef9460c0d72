"""The spool's way back to the books, in order; what arrives twice changes nothing."""

import logging

from cameras.actions import StaleEpoch
from workers.sinks import outage
from workers.sinks.books import BOOKS, Books, Unfit
from workers.sinks.spool import Spool

log = logging.getLogger(__name__)


def deliver(spool: Spool, books: Books = BOOKS) -> int:
    """Record what waits, until the end or until the books are away again; returns how many arrived.

    Records of a camera that went to another worker before they were known are dropped and told.
    """
    arrived = 0
    for name, letter in spool.letters():
        try:
            books.deliver(letter)
        except outage.Away:
            return arrived
        except StaleEpoch as error:
            log.warning("a spooled record is dropped, the camera was another worker's by then: %s", error)
            spool.drop(name)
        except Unfit as error:
            spool.refuse(name, str(error))
        except Exception as error:
            log.exception("a spooled record cannot be saved")
            spool.refuse(name, f"it cannot be saved: {type(error).__name__}")
        else:
            spool.drop(name)
            arrived += 1
    return arrived
