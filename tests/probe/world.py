"""Two tenants that are full of canaries: A, whose people try, and B, of whom nothing may be seen."""

import logging
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

from django.contrib.auth.models import Group
from django.db import connections
from django.db.models import Model

from tenants.isolation.context import installation
from tenants.isolation.policies import label_of
from tenants.models import Domain, Tenant
from tenants.rules import Role
from tests.probe.cast import (
    WORKER,
    Actor,
    actors,
    add_helper,
    add_members,
    give_cameras,
    installation_actor,
    worker_actor,
)
from tests.probe.rows import Filler, theirs
from tests.probe.secrets import Secrets

PUBLIC_HOST = "localhost"
LEFT_BY_STRANGERS = {"tenants.session", "tenants.activity", "tenants.activityhead"}
"""Whoever knocks at B's own door, without being let in, may leave such rows there: they are B's record."""

Snapshot = dict[str, dict[Any, str]]


@dataclass
class Party:
    """One of the tenants, with all that is its."""

    tenant: Tenant
    host: str
    secrets: Secrets
    filler: Filler
    cast: list[Actor] = field(default_factory=list)

    @property
    def rows(self) -> dict[type[Model], list[Model]]:
        return self.filler.rows


@dataclass
class World:
    a: Party
    b: Party
    root: Actor
    worker: Actor
    before: Snapshot = field(default_factory=dict)

    @property
    def actors(self) -> list[Actor]:
        return [*self.a.cast, self.root, self.worker]

    def row_of_b(self, dice: random.Random, model: type[Model] | None = None) -> Model:
        known = self.b.rows
        return dice.choice(known[model or dice.choice([model for model in known if known[model]])])


@contextmanager
def one_connection() -> Iterator[None]:
    """All that is tried happens in the test's own transaction, however often somebody thinks it is over."""
    logging.disable(logging.CRITICAL)  # every refusal would be told
    try:
        with mock.patch.object(connections["default"], "close_if_unusable_or_obsolete"):
            yield
    finally:
        logging.disable(logging.NOTSET)


def party(tenant: Tenant, secrets: Secrets) -> Party:
    """Fill a tenant, log its people in, and take note of what is its alone."""
    host = f"{tenant.schema_name}.localhost"
    _mark(tenant, secrets)
    add_members(tenant, secrets, [Role.VIEWER])  # to whom all belongs that belongs to a user; never logs in
    people = add_members(tenant, secrets, [Role.TENANT_ADMIN])
    helper = add_helper(tenant, people[Role.TENANT_ADMIN], secrets)
    filler = Filler(tenant, secrets)
    filler.fill()
    people |= add_members(tenant, secrets, [Role.SITE_MANAGER, Role.VIEWER])
    made = Party(tenant, host, secrets, filler)
    made.cast = actors(tenant, people, helper, host)
    filler.take_stock()
    secrets.open |= {tenant.name, host}
    secrets.add(host, shared=True)  # hosts are the installation's to give
    return made


def _mark(tenant: Tenant, secrets: Secrets) -> None:
    with installation():
        Group.objects.get_or_create(name="of nobody")
        tenant.name = secrets.canary()
        Tenant.objects.filter(pk=tenant.pk).update(name=tenant.name)
        Domain.objects.create(tenant=tenant, domain=f"{secrets.canary()}.localhost", is_primary=False)


def made_world(a: Tenant, b: Tenant) -> World:
    parties = party(a, Secrets("qzaxv")), party(b, Secrets("qzbxv", first=500_000))
    worker = worker_actor(PUBLIC_HOST)
    give_cameras(WORKER, a)
    give_cameras("yard", b)
    world = World(*parties, installation_actor(PUBLIC_HOST), worker)
    world.before = snapshot(world)
    return world


def snapshot(world: World, models: list[type[Model]] | None = None) -> Snapshot:
    """Every row of B by label and key, as text."""
    return {
        label_of(model): {row.pk: _as_text(row) for row in world.b.filler.readable(model)}
        for model in models or theirs()
    }


def _as_text(row: Model) -> str:
    return repr([getattr(row, f.attname) for f in row._meta.concrete_fields if f.attname != "last_login"])


def changes(before: Snapshot, after: Snapshot, *, at_bs_door: bool) -> list[str]:
    """What was written to B, in words; a stranger at B's own door may leave what B keeps of strangers."""
    found = []
    for label, rows in after.items():
        left = at_bs_door and label in LEFT_BY_STRANGERS
        for key in before[label].keys() | rows.keys():
            was, now = before[label].get(key), rows.get(key)
            if was != now and not (left and (was is None or label == "tenants.activityhead")):
                found.append(
                    f"{label} {key} was {'made' if was is None else 'changed' if now else 'deleted'}"
                )
    return found
