"""Leases of a worker at the edge: it holds A's cameras now, and held all of B's until a moment ago."""

import random
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

from django.db import DatabaseError
from django.db.models.functions import Now

from tenants.isolation.context import installation
from tests.probe.attempts import Attempt, Place
from tests.probe.browser import Browser
from tests.probe.cast import WORKER, Actor
from tests.probe.inventory import Pattern, patterns
from tests.probe.survey import Survey
from tests.probe.web import Web
from tests.probe.world import World
from workers.fleet.models import CameraLease, Worker


class Leases(Web):
    """A member is an address that is about one camera or one tenant, asked by the worker."""

    def __init__(self, world: World) -> None:
        browser, survey = Browser(), Survey()
        survey.read_schema(browser, world.worker, public=True)
        super().__init__("leases", about_leases(), browser, survey)

    def attempt(self, member: str, world: World, dice: random.Random) -> Attempt:
        attempt = super().attempt(member, world, dice)
        return replace(attempt, do=lambda: _holding(world, attempt))

    def _actor(self, pattern: Pattern, world: World, dice: random.Random) -> Actor:
        return world.worker

    def _place(self, pattern: Pattern, actor: Actor, dice: random.Random) -> Place:
        return "public"


def about_leases() -> list[Pattern]:
    return [
        pattern
        for pattern in patterns()
        if pattern.is_public and "workers/<str:worker>/" in pattern.route and "<uuid:" in pattern.route
    ]


def _holding(world: World, attempt: Attempt) -> str:
    """The attempt, with leases as they are while it lasts. What it writes to B's is there afterwards."""
    with installation():
        gate, yard = Worker.objects.get(name=WORKER), Worker.objects.get(name="yard")
        ours, theirs = (CameraLease.objects.filter(tenant=one.tenant) for one in (world.a, world.b))
        ours.update(worker=gate, expires_at=Now() + timedelta(hours=1))
        theirs.filter(worker=yard).update(worker=gate)
    try:
        return attempt.do()
    finally:
        with suppress(DatabaseError), installation():
            theirs.filter(worker=gate).update(worker=yard)
