"""A lease as its holder sees it: whether it is certainly valid, by the process's own monotonic clock."""

import threading
import time
from datetime import datetime, timedelta
from uuid import UUID

from workers.fleet.leases import Grant

SURE_SECONDS = 10.0
"""Seconds without a renewal after which a holder stops recording; the lease itself lasts five more."""


class HeldLease:
    """The worker process's thread confirms it, the run's thread asks it. Once set, `lost` stays set."""

    def __init__(self, grant: Grant, *, asked: float) -> None:
        """`asked`: the monotonic time before the database was asked, so that doubt never comes too late."""
        self.camera_id: UUID = grant.camera_id
        self.epoch = grant.epoch
        self.lost = threading.Event()
        self._confirmed: tuple[float, datetime] = asked, grant.at

    def confirm(self, grant: Grant, *, asked: float) -> None:
        self._confirmed = asked, grant.at

    @property
    def sure(self) -> bool:
        """Whether no other worker can hold the camera yet. False after a process was stopped for too long."""
        return not self.lost.is_set() and time.monotonic() - self._confirmed[0] < SURE_SECONDS

    def database_time(self) -> datetime:
        """The database's time now, counted on from its last answer; never earlier than the true time."""
        asked, at = self._confirmed
        return at + timedelta(seconds=time.monotonic() - asked)
