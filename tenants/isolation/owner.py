"""Acting as the owner of the database: migrations, new tenants, and nothing that a request does."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import DEFAULT_DB_ALIAS, connections

from tenants.isolation.backend.base import DatabaseWrapper

LOCK_SECONDS = 60
"""A migration that waits longer for a table gives up, so that others do not queue behind it."""


@contextmanager
def as_owner() -> Iterator[None]:
    """Let this thread's connection be the owner's for a while; the application's own waits meanwhile.

    Raises ImproperlyConfigured where the environment names no owner, as it should be for a web server.
    """
    before = cast(Any, connections[DEFAULT_DB_ALIAS])
    if before.as_owner:
        yield
        return
    owner = DatabaseWrapper(_owner_settings(before.settings_dict), DEFAULT_DB_ALIAS)
    owner.set_tenant(before.tenant)
    connections[DEFAULT_DB_ALIAS] = owner
    try:
        yield
    finally:
        owner.close()
        connections[DEFAULT_DB_ALIAS] = before


def _owner_settings(application: dict[str, Any]) -> dict[str, Any]:
    owner = settings.DATABASE_OWNER
    if owner is None:
        raise ImproperlyConfigured(
            "this needs the owner of the database: name its login in DATABASE_OWNER_URL (docs/operations.md)"
        )
    options = {name: value for name, value in application["OPTIONS"].items() if name != "pool"}
    options["options"] = f"-c lock_timeout={LOCK_SECONDS}s"
    login = {name: owner[name] for name in ("USER", "PASSWORD", "HOST", "PORT")}
    return {**application, **login, "OPTIONS": options, "AS_OWNER": True}
