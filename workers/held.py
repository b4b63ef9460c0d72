"""A lease as the process that holds it sees it: how sure it may be, by its own monotonic clock."""

import threading
import time
from datetime import datetime, timedelta
from uuid import UUID

from workers.actions.leases import Grant

SURE_SECONDS = 10.0
"""Without a renewal for so long a holder no longer records: the lease itself lasts five seconds more."""


class Held:
    """Confirmed by the keeper's thread, asked by the run's. `lost` is set once and for all."""

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
        """Whether nobody else can have the camera yet. A stopped process finds itself unsure on waking."""
        return not self.lost.is_set() and time.monotonic() - self._confirmed[0] < SURE_SECONDS

    def database_time(self) -> datetime:
        """The database's time now, counted on from its last answer; never earlier than the truth."""
        asked, at = self._confirmed
        return at + timedelta(seconds=time.monotonic() - asked)
