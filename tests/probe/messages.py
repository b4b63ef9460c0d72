"""Celery's messages and the groups of sockets: A's with B's ids, and messages of nobody."""

import inspect
import random
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any, cast
from unittest import mock
from uuid import UUID, uuid4

from celery.app.trace import build_tracer
from django.db import connection

from tenants.access.rights import Access
from tenants.models import Tenant
from tenants.rules import Role
from tenants.tasks import TenantTask
from tests.probe.attempts import Attempt
from tests.probe.inventory import group_functions, tasks
from tests.probe.references import key_of, uuid_of
from tests.probe.stores import attempted
from tests.probe.world import World

SENT = "a message was sent for another tenant than the active one"


class Celery:
    """A member is a task: A's message names B's things, or the message says not whose it is."""

    name, share = "celery", 0.03

    def __init__(self) -> None:
        self._tasks = tasks()

    def members(self) -> list[str]:
        return list(self._tasks)

    def attempt(self, member: str, world: World, dice: random.Random) -> Attempt:
        task = self._tasks[member]
        wanted = list(inspect.signature(task.run).parameters.values())
        values = [str(key_of(world.b, member + parameter.name, dice)) for parameter in wanted]
        ours = world.a.tenant.schema_name
        headers: list[dict[str, Any]] = [{"_schema_name": ours}]
        if isinstance(task, TenantTask):
            headers += [{}, {"_schema_name": "public"}, {"_schema_name": "nowhere"}, {"_schema_name": ""}]
            headers += [{"_schema_name": None}, {"_schema_name": f"{ours},{world.b.tenant.schema_name}"}]
        if not wanted:  # what it does for its tenant is its business; B has no place in it but a wrong one
            values = [str(uuid_of(world.b, member, dice))] if dice.random() < 0.5 else []
        header = dice.choice(headers)
        if not isinstance(task, TenantTask) and not values:
            values = [str(uuid_of(world.b, member, dice))]  # the installation's own work is for everybody
        return Attempt(
            f"task {member}{tuple(values)} with {header}",
            f"{values} {header}",
            lambda: attempted(lambda: _delivered(task, values, header)),
        )


def _delivered(task: Any, values: list[str], header: dict[str, Any]) -> object:
    """Run a task the way a worker does with a message."""
    with _nothing_sent() as sent:
        trace = build_tracer(task.name, task, app=task.app, propagate=False)
        request = {"id": uuid4().hex, "headers": header, "is_eager": True, "delivery_info": {}, **header}
        cast(Any, connection).set_schema_to_public()
        answer = trace(request["id"], values, {}, request)
    return answer, sent


@contextmanager
def _nothing_sent() -> Iterator[list[str]]:
    """Messages are looked at instead of sent: each has to name the tenant that is active."""
    from facetrack.celery import app

    sent: list[str] = []

    def keep(producer: Any, name: str, message: Any, **options: Any) -> None:
        named = {**message.headers, **options.get("headers", {})}.get("_schema_name")
        active = getattr(connection, "schema_name", None)
        sent.append(f"{name} for {named}: {message.body}")
        if named != active:
            raise AssertionError(f"{SENT}: {name} names {named}, active is {active}")

    with mock.patch.object(app.amqp, "send_task_message", keep):
        yield sent


class Groups:
    """A member is a function that names channel groups: A's names never are B's, and nobody has none."""

    name, share = "groups", 0.03

    def __init__(self) -> None:
        self.functions = {name: _function(name) for name in group_functions()}

    def members(self) -> list[str]:
        return list(self.functions)

    def attempt(self, member: str, world: World, dice: random.Random) -> Attempt:
        function = self.functions[member]
        site = uuid_of(world.b, "site", dice)
        owner = dice.choice(
            [world.a.tenant, world.a.tenant, None, "public", str(world.a.tenant.pk), world.a.tenant.pk]
        )
        given = arguments(function, owner, site)
        needed = [p for p in inspect.signature(function).parameters.values() if p.default is p.empty]
        given = given[: dice.randint(len(needed), len(given))]
        return Attempt(
            f"{member}{tuple(map(str, given))}",
            f"{site}",
            lambda: _named(function, given, owner, world),
        )


def arguments(function: Any, owner: Any, site: UUID) -> list[Any]:
    """What a group function takes: a tenant or somebody's access to it, and sites."""
    names = list(inspect.signature(function).parameters)
    if names[0] == "access":
        return [Access(tenant=owner, role=Role.SITE_MANAGER, sites=frozenset({site}))]
    return [owner, *[site] * (len(names) - 1)]


def called(function: Any, tenant: Tenant, site: UUID) -> list[str]:
    """The names that a group function makes for a tenant."""
    names = function(*arguments(function, tenant, site))
    return [names] if isinstance(names, str) else list(names)


def _named(function: Any, given: list[Any], owner: Any, world: World) -> str:
    """The names, or how they are refused. Of a tenant, each has to say whose it is."""
    answer = attempted(lambda: function(*given))
    ours, theirs = world.a.tenant.pk.hex, world.b.tenant.pk.hex
    refused = answer.startswith(("TypeError", "AttributeError", "TenantMissing", "ValueError"))
    if isinstance(owner, Tenant) != (ours in answer) or (not isinstance(owner, Tenant) and not refused):
        return f"{answer}: this group is not A's, and so could be {theirs}'s"
    return answer


def _function(name: str) -> Any:
    module, _, function = name.rpartition(".")
    return getattr(import_module(module), function)
