"""Which role may do what: the one table that pages, admin, API and websocket read."""

import re
import unicodedata
from collections.abc import Iterator
from enum import StrEnum
from itertools import count

from facetrack.core.text import folded

MAX_SCHEMA = 50
"""Characters, without a number. PostgreSQL takes 63."""
_RESERVED = frozenset({"public", "information_schema"})

PEOPLE_APPS = ("cameras", "staff", "visits")


class Role(StrEnum):
    SYSTEM_ADMIN = "system_admin"
    """Runs the installation, on the public host; nothing in any tenant."""
    TENANT_ADMIN = "tenant_admin"
    SITE_MANAGER = "site_manager"
    """Of named sites only."""
    VIEWER = "viewer"
    WORKER = "worker"
    """The machine that runs cameras."""

    @property
    def label(self) -> str:
        return self.value.replace("_", " ").capitalize()


MEMBER_ROLES = (Role.TENANT_ADMIN, Role.SITE_MANAGER, Role.VIEWER)
"""What a person can be in a tenant."""


def _people(*verbs: str) -> frozenset[str]:
    return frozenset(f"{app}.{verb}_*" for app in PEOPLE_APPS for verb in verbs)


# The table. `cameras.change_*` is Django's verb for every model of the app; other names are exact.
PERMISSIONS: dict[Role, frozenset[str]] = {
    Role.SYSTEM_ADMIN: frozenset(
        f"tenants.{verb}_{model}"
        for model in ("tenant", "tenantlimits", "domain", "user")
        for verb in ("view", "add", "change", "delete")
    )
    | {"tenants.view_membership"}  # who becomes a member, they and the customer decide
    | {f"workers.{verb}_*" for verb in ("view", "add", "change", "delete")}
    | {"tenants.view_apikey", "tenants.view_activity"},  # workers' keys, and the installation's own log
    Role.TENANT_ADMIN: _people("view", "add", "change", "delete")
    | {
        "tenants.manage_members",
        "tenants.manage_keys",
        "tenants.grant_support",
        "tenants.view_activity",
        "tenants.export_activity",
        "tenants.change_settings",
        "workers.view_worker",  # their load and frames count the cameras of all sites
    },
    Role.SITE_MANAGER: _people("view", "change"),
    Role.VIEWER: _people("view"),
    Role.WORKER: frozenset({"workers.run_cameras", "workers.report_state"}),
}


def may(role: Role, permission: str) -> bool:
    """Whether `role` has a permission of the table, or Django's `app.verb_model` that it covers."""
    granted = PERMISSIONS[role]
    app, _, codename = permission.partition(".")
    return permission in granted or f"{app}.{codename.partition('_')[0]}_*" in granted


def has_any(role: Role, app: str) -> bool:
    """Whether there is anything in `app` for the role."""
    return any(permission.startswith(f"{app}.") for permission in PERMISSIONS[role])


def plain_email(text: str) -> str:
    """An e-mail address as it is kept and compared: one spelling for all that lead to the same mailbox.

    Raises ValueError for letters before the @ that are not ASCII: some are another letter's capital, so that
    a database takes one mailbox for another.
    """
    plain = unicodedata.normalize("NFKC", text.strip()).lower()
    if not plain.rpartition("@")[0].isascii():
        raise ValueError("Use only letters without accents before the @ of an e-mail address.")
    return plain


def schema_names(name: str) -> Iterator[str]:
    """The schemas that a tenant called `name` may have, best first: the first one that is free is taken.

    Lower-case ASCII letters, digits and underscores, beginning with a letter. A name of which none are left,
    or with which PostgreSQL or django-tenants reserve the schema, gets one that begins with `tenant`.
    """
    letters = folded(name)
    plain = re.sub(r"[^a-z0-9]+", "_", letters).strip("_")[:MAX_SCHEMA].rstrip("_")
    if not plain or not plain[0].isalpha() or plain.startswith("pg_") or plain in _RESERVED:
        plain = f"tenant_{plain}"[:MAX_SCHEMA].rstrip("_")
    yield plain
    for number in count(2):
        yield f"{plain}_{number}"
