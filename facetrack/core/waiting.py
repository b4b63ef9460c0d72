"""Waits for slow work other than the database, without holding one of the pool's few connections."""

import time
import warnings
from typing import Any, cast

from django.db import connection


def give_back(*, may_keep: bool = False) -> None:
    """Give this thread's connection back to the pool before slow work. The next query takes one again.

    The tenant stays active: the next query activates it again. Within a transaction the connection must be
    kept; unless the code `may_keep` it, a RuntimeWarning names the fault: wait before the transaction, or on
    commit.
    """
    if not connection.in_atomic_block:
        connection.close()
    elif not may_keep and not all(block._from_testcase for block in cast(Any, connection).atomic_blocks):
        warnings.warn("slow work is waited for within a transaction", RuntimeWarning, stacklevel=2)


def pause(seconds: float) -> None:
    """As `time.sleep`, without holding the connection."""
    give_back()
    time.sleep(seconds)
