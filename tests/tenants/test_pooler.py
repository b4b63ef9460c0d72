"""Behind PgBouncer: safe in session mode, refused in the others, whatever the load."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import pytest
from django.db import connection
from django.db.backends.utils import CursorWrapper

from tenants.isolation.backend import server
from tenants.isolation.backend.base import DatabaseWrapper, tenant_role
from tenants.isolation.backend.server import UnsafeServer, require_safe_server
from tenants.models import Tenant
from tests.tenants.pgbouncer import PROGRAM, pgbouncer

pytestmark = pytest.mark.skipif(
    not os.access(PROGRAM, os.X_OK), reason="needs Debian's package pgbouncer (make test installs it as root)"
)


@pytest.fixture(autouse=True)
def _asks_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """What one PgBouncer was found to be says nothing of the next one on its port."""
    monkeypatch.setattr(server, "_trusted", set())


@contextmanager
def behind(port: int) -> Iterator[DatabaseWrapper]:
    """A connection of the application through the pooler."""
    there = {**connection.settings_dict, "PORT": port, "OPTIONS": {}}
    wrapper = DatabaseWrapper(there, "behind")
    try:
        yield wrapper
    finally:
        wrapper.close()


def who_in(wrapper: Any, tenant: Tenant) -> tuple[Any, ...]:
    wrapper.set_tenant(tenant)
    with cast(CursorWrapper, wrapper.cursor()) as cursor:
        cursor.execute(
            "SELECT current_user, current_setting('app.tenant_id'), (SELECT name FROM tenants_tenant)"
        )
        return tuple(cursor.fetchone())


def test_session_mode_is_safe(acme: Tenant, other: Tenant) -> None:
    with pgbouncer(connection.settings_dict, "session") as port:
        for _ in range(3):  # the pooler gives the same session to one after the other
            with behind(port) as one, behind(port) as two:
                for _ in range(5):
                    assert who_in(one, acme) == (tenant_role(acme.pk), str(acme.pk), "acme")
                    assert who_in(two, other) == (tenant_role(other.pk), str(other.pk), "other")


@pytest.mark.parametrize("mode", ["transaction", "statement"])
def test_other_modes_are_refused_at_the_first_connection(acme: Tenant, mode: str) -> None:
    with (
        pgbouncer(connection.settings_dict, mode) as port,
        behind(port) as wrapper,
        pytest.raises(UnsafeServer, match="pool_mode = session"),
    ):
        who_in(wrapper, acme)


def test_it_is_asked_once_a_process(acme: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    parameters = {**cast(Any, connection).get_connection_params()}
    require_safe_server(parameters)
    monkeypatch.setattr(server, "_require_powerless", lambda _: pytest.fail("asked again"))
    require_safe_server(parameters)
