"""Two requests that change one row at the same moment, on real connections and always in the same order.

A file that uses `committed` needs a test that uses `db`, too: pytest-django makes the database for that.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from django.db import connections
from pytest_django.plugin import DjangoDbBlocker

from tenants.actions import add_member, create_tenant
from tenants.isolation.context import inside
from tenants.isolation.owner import as_owner
from tenants.models import Tenant
from tenants.rules import Role
from tests.asgi import Answer
from tests.audit.conftest import owner_session
from tests.conftest import PASSWORD, drop_further_tenants

ADMIN, HOST = "admin@new.test", "globex.localhost"


@pytest.fixture
def committed(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Tenant]:
    """A tenant with an administrator that every connection sees; the active one, and gone afterwards."""
    with django_db_blocker.unblock():
        try:
            with as_owner():
                made = create_tenant(name="Globex", host=HOST, networks=["10.0.0.0/8"])
            add_member(tenant=made, email=ADMIN, role=Role.TENANT_ADMIN, password=PASSWORD)
            with inside(made):
                yield made
        finally:
            drop_further_tenants()


def both_at(table: str, row: UUID, *asked: Callable[[], Answer]) -> list[Answer]:
    """The answers to requests that all meet the same row: it is held until each of them waits for it.

    A request that reads the row before it waits has read what the others are about to change.
    """
    answers: dict[int, Answer] = {}

    def run(number: int) -> None:
        try:
            answers[number] = asked[number]()
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(len(asked))]
    with closing(owner_session()) as holder, closing(owner_session()) as watcher:
        watcher.autocommit = True
        holder.execute(f"SELECT FROM {table} WHERE id = %s FOR UPDATE".encode(), [row])
        for number, thread in enumerate(threads):
            thread.start()
            _wait_for(partial(_waits_or_ended, watcher, number, thread))
        holder.rollback()
        for thread in threads:
            thread.join()
    return [answers[number] for number in range(len(asked))]


def _waits_or_ended(session: Any, before: int, thread: threading.Thread) -> bool:
    return _waiting(session) > before or not thread.is_alive()


def _waiting(session: Any) -> int:
    query = (
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    return int(session.execute(query).fetchone()[0])


def _wait_for(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline, "a request neither waits for the row nor has ended"
        time.sleep(0.02)
