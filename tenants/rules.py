"""Which role may do what: the one table that pages, admin, API and websocket read."""

import re
from enum import StrEnum

PEOPLE_APPS = ("cameras", "staff", "visits")


class Role(StrEnum):
    TENANT_ADMIN = "tenant_admin"
    SITE_MANAGER = "site_manager"
    VIEWER = "viewer"

    @property
    def label(self) -> str:
        return self.value.replace("_", " ").capitalize()


# Django's verbs, for all people and cameras of the tenant.
VERBS: dict[Role, frozenset[str]] = {
    Role.TENANT_ADMIN: frozenset({"view", "add", "change", "delete"}),
    Role.SITE_MANAGER: frozenset({"view", "change"}),
    Role.VIEWER: frozenset({"view"}),
}


# What is about the organisation itself.
ORGANISATION: dict[Role, frozenset[str]] = {Role.TENANT_ADMIN: frozenset({"tenants.change_settings"})}


def may(role: Role, permission: str) -> bool:
    """Whether `role` has Django's permission `app.verb_model`, e.g. `cameras.change_camera`."""
    if permission in ORGANISATION.get(role, frozenset()):
        return True
    app, _, codename = permission.partition(".")
    return app in PEOPLE_APPS and codename.partition("_")[0] in VERBS[role]


def schema_for(name: str) -> str:
    """The schema of a tenant called `name`: lower-case letters, digits and underscores.

    Raises ValueError where nothing is left, or where PostgreSQL or django-tenants reserve the name.
    """
    schema = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")[:50]
    if (
        not schema
        or not schema[0].isalpha()
        or schema.startswith("pg_")
        or schema in {"public", "information_schema"}
    ):
        raise ValueError(f"'{name}' cannot name a tenant: begin with a letter, use letters and digits")
    return schema
