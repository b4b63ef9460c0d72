"""Entering a tenant outside of requests."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

from django.db import connection
from django_tenants.postgresql_backend.base import FakeTenant
from django_tenants.utils import get_public_schema_name, tenant_context

from tenants.models import Tenant
from tenants.queries import TenantMissing, is_public

LONG_PAUSE = 120.0
"""Seconds between two statements of a transaction that has to wait for something else."""


class Installation(FakeTenant):  # type: ignore[misc]
    """Stands for the installation as a whole, where the code entered it on purpose."""

    def __init__(self) -> None:
        super().__init__(get_public_schema_name())


@contextmanager
def inside(tenant: Tenant) -> Iterator[None]:
    """Run a piece of work in `tenant`, then give the connection back to the pool.

    A thread that runs a camera for days must not keep one of the pool's few connections meanwhile.
    """
    if not isinstance(tenant, Tenant) or is_public(tenant):
        raise TenantMissing(f"work of a tenant was started for {tenant!r}")
    try:
        with tenant_context(tenant):
            yield
    finally:
        if not connection.in_atomic_block:
            connection.close()


@contextmanager
def installation() -> Iterator[None]:
    """Do something for the installation as a whole, from inside a tenant: on purpose, and briefly.

    Only the shared tables of all tenants can be reached, and no tenant's people.
    """
    former = cast(Any, connection).tenant
    cast(Any, connection).set_tenant(Installation())
    try:
        yield
    finally:
        cast(Any, connection).set_tenant(former)


@contextmanager
def long_pauses() -> Iterator[None]:
    """Around a transaction that waits for something else between its statements, as for the index."""
    database = cast(Any, connection)
    database.pause_at_most(LONG_PAUSE)
    try:
        yield
    finally:
        database.pause_at_most(None)
