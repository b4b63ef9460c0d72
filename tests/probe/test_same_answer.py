"""A thing of another tenant and one that never was get the same answer, after the same work."""

import json
import os
import random
import re
from dataclasses import replace
from uuid import UUID, uuid4

import pytest
from django.core.cache import cache
from django.db import connection, reset_queries
from django.test.utils import CaptureQueriesContext
from django_tenants.utils import tenant_context

from facetrack.core.rolled_back import rolled_back
from tests.probe.browser import Answer, Browser, Order
from tests.probe.cast import Actor
from tests.probe.inventory import Pattern, patterns
from tests.probe.references import uuid_of
from tests.probe.world import World

EVERY = "EVERY_VALUE" in os.environ
ACTORS = 5
"""Tried at each address, drawn; `make probe` tries all of them."""

OF_A_REQUEST = {"Set-Cookie", "X-Request-ID", "Content-Security-Policy", "Date"}
"""Headers that differ between any two requests: cookies, ids and nonces made for each."""
_VARYING = re.compile(r'(nonce|csrfmiddlewaretoken" value|X-CSRFToken"?:)[ =]*"[^"]*"|[0-9a-f]{32}')


def with_keys() -> list[Pattern]:
    return [found for found in patterns() if any(kind == "uuid" for _, kind in found.holes)]


def test_a_foreign_thing_is_answered_like_one_that_never_was(world: World) -> None:
    browser, dice = Browser(), random.Random(1)
    compared, different = 0, []
    for pattern in with_keys():
        people = [*world.a.cast, world.worker]
        for actor in people if EVERY else dice.sample(people, ACTORS):
            for method in ("GET", "POST" if pattern.is_public else dice.choice(("POST", "PATCH", "DELETE"))):
                holes = [name for name, _ in pattern.holes]
                foreign = {name: uuid_of(world.b, pattern.route, dice) for name in holes}
                if len(holes) > 1 and dice.random() < 0.5:  # the parent is A's own, the row below it is not
                    foreign[holes[0]] = uuid_of(world.a, pattern.route, dice)
                never = {name: value if value in _own(world) else uuid4() for name, value in foreign.items()}
                first, second = (
                    _answered(world, browser, actor, method, pattern, keys) for keys in (foreign, never)
                )
                compared += 1
                what = [f"{one} / {two}" for one, two in zip(first, second, strict=True) if one != two]
                if what:
                    different.append(f"{method} {pattern.route} as {actor.name}: {what}")
    assert compared > 100
    assert not different, "\n".join(different[:10])


@pytest.mark.parametrize("kind", ["uuid"])
def test_there_are_such_addresses(kind: str) -> None:
    assert len(with_keys()) > 10


def _own(world: World) -> set[object]:
    return {row.pk for rows in world.a.rows.values() for row in rows}


def _answered(
    world: World, browser: Browser, actor: Actor, method: str, pattern: Pattern, keys: dict[str, UUID]
) -> tuple[int, dict[str, str], str, int]:
    """Status, headers, body without the keys, and how many statements it took."""
    path = "/" + pattern.template % ({name: str(key) for name, key in keys.items()} | actor.knows)
    headers = {"Authorization": actor.authorization} if actor.authorization else {}
    headers |= {"X-Reason": "moved away"} if method == "DELETE" else {}
    order = Order(method, actor.host, path, headers=headers, cookies=actor.cookies, kind="application/json")
    if "incarnation" in actor.knows:
        order = replace(order, body=json.dumps(_process(pattern, actor)).encode())
    with tenant_context(world.a.tenant), rolled_back():
        cache.clear()  # of refusals that are alike the log has one line, and counts them here
        reset_queries()  # Django keeps the last 9,000
        with CaptureQueriesContext(connection) as queries:
            answer = browser.send(order)
    return answer.status, _headers(answer, keys), _without(answer.body.decode(), keys), len(queries)


def _process(pattern: Pattern, actor: Actor) -> dict[str, object]:
    """What a worker says before anything that it asks for is looked at."""
    said: dict[str, object] = {"incarnation": actor.knows["incarnation"]}
    return said | ({"epoch": 1} if "release" in pattern.route else {})


def _headers(answer: Answer, keys: dict[str, UUID]) -> dict[str, str]:
    kept = {name: text for name, text in answer.headers.items() if name not in OF_A_REQUEST}
    return {name: _without(text, keys) for name, text in kept.items()}


def _without(text: str, keys: dict[str, UUID]) -> str:
    for key in keys.values():
        text = text.replace(str(key), "<key>").replace(key.hex, "<key>")
    return _VARYING.sub("<varying>", text)
