"""Reading the log in tests, and being who tampers with it."""

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from django.conf import settings
from django.db import connection

from tenants.audit.queries import lines_of
from tenants.isolation.context import installation
from tenants.models import Activity, Tenant

Session = psycopg.Connection[Any]


@pytest.fixture
def log(db: None) -> Callable[..., list[Activity]]:
    """The sealed lines of a tenant's log that this test has written, oldest first.

    Another session tells what is committed, which are lines that other tests have left.
    """
    with closing(owner_session()) as session:
        last = dict(session.execute("SELECT tenant_id, max(number) FROM tenants_activity GROUP BY tenant_id"))

    def read(tenant: Tenant | None, **filters: Any) -> list[Activity]:
        seal()
        key = tenant.pk if tenant else None
        with installation():
            own = lines_of(key).filter(number__gt=last.get(key) or 0).filter(**filters)
            return list(own.order_by("number"))

    return read


def seal() -> None:
    """What a commit does; the transaction of a test never commits."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")


def owner_session() -> Session:
    """A session of the owner of the database, as somebody with psql would have."""
    login = settings.DATABASE_OWNER
    assert login is not None
    return psycopg.connect(
        host=login["HOST"],
        port=login["PORT"],
        user=login["USER"],
        password=login["PASSWORD"],
        dbname=connection.settings_dict["NAME"],
        options="-c lock_timeout=30s",  # a test that waits for itself ends
    )


@pytest.fixture
def owner(db: None) -> Iterator[Session]:
    session = owner_session()
    yield session
    session.rollback()
    session.close()


@pytest.fixture
def chain(db: None) -> UUID:
    """The chain of a tenant that only this test knows: committed lines of it stay in the database."""
    return uuid4()


def write(session: Session, chain: UUID | None, text: str) -> None:
    """A line by the function that triggers use, which only the owner may call."""
    session.execute("SELECT facetrack_log(%s, NULL, 'exported', 'tests.thing', '', %s, '{}')", [chain, text])
