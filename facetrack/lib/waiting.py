"""Waiting for what is no database, without keeping one of the pool's few connections meanwhile."""

import time
import warnings
from typing import Any, cast

from django.db import connection


def give_back(*, may_keep: bool = False) -> None:
    """Give this thread's connection back to the pool, before something slow. The next query takes one again.

    The tenant stays the active one, and is activated anew with that query. Within a transaction the
    connection is kept, as it must be, and a RuntimeWarning names the fault, unless it `may_keep` it: wait
    before the transaction, or on commit.
    """
    if not connection.in_atomic_block:
        connection.close()
    elif not may_keep and not all(block._from_testcase for block in cast(Any, connection).atomic_blocks):
        warnings.warn("something slow is waited for within a transaction", RuntimeWarning, stacklevel=2)


def pause(seconds: float) -> None:
    """As `time.sleep`, with the connection given back."""
    give_back()
    time.sleep(seconds)
