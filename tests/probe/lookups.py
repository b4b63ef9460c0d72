"""Questions to the lists of both admins about columns that they do not offer, also through relations."""

import random
from collections.abc import Iterator
from typing import Any

from django.contrib.admin import ModelAdmin
from django.db.models import Model

from tenants.admin import installation_admin, tenant_admin
from tests.probe.attempts import Attempt
from tests.probe.browser import Browser, Order
from tests.probe.world import PUBLIC_HOST, World

ANSWERED = "a list was narrowed by what it does not offer"
MAX_DEPTH = 3
OPERATORS = {
    "": "1",
    "exact": "1",
    "startswith": "a",
    "contains": "@",
    "regex": "^[a-m]",
    "gte": "2000-01-01",
    "lt": "9",
    "in": "1,2",
    "isnull": "0",
    "year": "2026",
    "len": "3",
}

OFFERED = {
    "cameras.camera": {
        f"{name}__{kind}"
        for name, kinds in {
            "site": ("id__exact", "isnull"),
            "enabled": ("exact", "isnull"),
            "status": ("exact", "isnull"),
        }.items()
        for kind in kinds
    }
    | {"archived"},
    "cameras.site": {"archived"},
    "visits.identityrejection": {"person"},
    "staff.staffmember": {"active__exact", "active__isnull", "department", "department__isnull"},
    "visits.visit": {"site__id__exact", "site__isnull", "start"},
    "visits.sighting": {"camera__id__exact", "camera__isnull", "decision", "start"},
    "visits.mergeproposal": {"state__exact", "state__isnull"},
    "tenants.user": {f"{name}__{kind}" for name in ("is_active", "is_staff") for kind in ("exact", "isnull")},
    "tenants.activity": {
        f"{name}__{kind}" for name in ("verb", "actor_kind") for kind in ("exact", "isnull")
    },
}
"""Every parameter that a list takes; lists that are not named take none."""


def admins() -> dict[str, ModelAdmin[Any]]:
    """The admins of both sites by the host they are on and the model."""
    sites = {"tenant": tenant_admin, "public": installation_admin}
    return {
        f"{host} {model._meta.label_lower}": admin
        for host, site in sites.items()
        for model, admin in site._registry.items()
    }


def paths(model: type[Model], depth: int = MAX_DEPTH) -> Iterator[str]:
    """Every column that a query on the model can name, forwards and backwards through its relations."""
    for field in model._meta.get_fields():
        if getattr(field, "hidden", False):
            continue
        yield field.name
        related = field.related_model
        if depth > 1 and isinstance(related, type):
            for further in paths(related, depth - 1):
                yield f"{field.name}__{further}"


def is_offered(admin: ModelAdmin[Any], parameter: str) -> bool:
    return parameter in OFFERED.get(admin.model._meta.label_lower, ())


def parameter_of(path: str, operator: str) -> str:
    return f"{path}__{operator}" if operator else path


class Lookups:
    """The admins' lists, asked by everybody who has a session, through the whole stack."""

    name, share = "lookups", 0.02

    def __init__(self) -> None:
        self._admins, self._browser = admins(), Browser()
        self._paths = {name: list(paths(admin.model)) for name, admin in self._admins.items()}

    def members(self) -> list[str]:
        return list(self._admins)

    def attempt(self, member: str, world: World, dice: random.Random) -> Attempt:
        admin, public = self._admins[member], member.startswith("public")
        allowed = [one for one in world.a.cast if one.cookies]
        actor = world.root if public else dice.choice(allowed)
        parameter, value = self._question(member, dice)
        place = admin.model._meta.label_lower.replace(".", "/")
        order = Order(
            "GET",
            PUBLIC_HOST if public else world.a.host,
            f"/admin/{place}/",
            {parameter: value},
            cookies=actor.cookies,
        )

        def do() -> str:
            answer = self._browser.send(order)
            return answer.text + (ANSWERED if answer.status == 200 else "")

        return Attempt(
            f"{order.path}?{parameter}={value} as {actor.name}",
            order.text,
            do,
            "public" if public else "a",
            by_installation=public,
        )

    def _question(self, member: str, dice: random.Random) -> tuple[str, str]:
        while True:
            operator = dice.choice(list(OPERATORS))
            parameter = parameter_of(dice.choice(self._paths[member]), operator)
            if not is_offered(self._admins[member], parameter):
                return parameter, OPERATORS[operator]
