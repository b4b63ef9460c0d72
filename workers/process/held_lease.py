"""A lease as its holder sees it: whether it is certainly valid, by the machine's own steady clock."""

import threading
import time
from datetime import datetime, timedelta
from uuid import UUID

from workers.fleet.leases import Grant

SURE_SECONDS = 10.0
"""Seconds without a renewal after which a holder stops recording; the lease itself lasts five more."""


def instant() -> float:
    """Seconds of a clock that nothing sets, and that goes on while the machine sleeps, as the lease does."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class HeldLease:
    """The worker process's thread confirms it, the run's thread asks it. Once set, `lost` stays set."""

    def __init__(self, grant: Grant, *, asked: float) -> None:
        """`asked`: the `instant` before the database was asked, so that doubt never comes too late."""
        self.camera_id: UUID = grant.camera_id
        self.epoch = grant.epoch
        self.lost = threading.Event()
        self._confirmed: tuple[float, datetime] = asked, grant.at

    def confirm(self, grant: Grant, *, asked: float) -> None:
        self._confirmed = asked, grant.at

    @property
    def sure(self) -> bool:
        """Whether no other worker can hold the camera yet. False after a process was stopped for too long."""
        return not self.lost.is_set() and instant() - self._confirmed[0] < SURE_SECONDS

    def database_time(self) -> datetime:
        """The database's time now, counted on from its last answer; never earlier than the true time."""
        asked, at = self._confirmed
        return at + timedelta(seconds=instant() - asked)
