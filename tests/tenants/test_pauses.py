"""A process that stops within a transaction, as in a suspended machine, and the locks that it holds."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import pytest
from django.conf import LazySettings
from django.db import OperationalError, connection
from django.db.backends.utils import CursorWrapper

from tenants.isolation.backend.base import DatabaseWrapper
from tenants.isolation.context import LONG_PAUSE, inside, long_pauses
from tenants.models import Tenant
from workers.fleet.leases import TTL

PAUSE = 0.3
LOCK = "SELECT pg_try_advisory_xact_lock(4711)"


@contextmanager
def another(tenant: Tenant) -> Iterator[DatabaseWrapper]:
    """A connection of another process."""
    wrapper = DatabaseWrapper({**connection.settings_dict, "OPTIONS": {}}, "another")
    cast(Any, wrapper).set_tenant(tenant)
    try:
        yield wrapper
    finally:
        wrapper.close()


def ask(wrapper: Any, statement: str) -> Any:
    with cast(CursorWrapper, wrapper.cursor()) as cursor:
        cursor.execute(statement)
        return cursor.fetchone()[0]


def test_who_stops_within_a_transaction_loses_its_locks(acme: Tenant, settings: LazySettings) -> None:
    settings.DB_MAX_PAUSE = PAUSE
    with another(acme) as stopped, another(acme) as waiting:
        stopped.set_autocommit(False)
        assert ask(stopped, LOCK) is True
        assert ask(waiting, LOCK) is False
        time.sleep(2 * PAUSE)
        assert ask(waiting, LOCK) is True
        with pytest.raises(OperationalError, match="idle-in-transaction"):
            ask(stopped, "SELECT 1")


def test_who_says_so_may_take_longer_and_nobody_after_them(acme: Tenant, settings: LazySettings) -> None:
    settings.DB_MAX_PAUSE = PAUSE
    shown = "SELECT extract(epoch FROM current_setting('idle_in_transaction_session_timeout')::interval)"
    with long_pauses():
        assert ask(connection, shown) == LONG_PAUSE
        with inside(acme):
            assert ask(connection, shown) == LONG_PAUSE
    assert float(ask(connection, shown)) == PAUSE
    settings.DB_MAX_PAUSE = 0.0


def test_a_pause_is_shorter_than_a_lease() -> None:
    """Where nothing is set: else a stopped worker keeps the others from its cameras."""
    code = "from facetrack import settings; print(settings.DB_MAX_PAUSE)"
    bare = {name: value for name, value in os.environ.items() if not name.startswith("FACETRACK_")}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=bare)
    assert 0 < float(done.stdout) < TTL.total_seconds()
