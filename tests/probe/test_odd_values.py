"""Every page, list, form and header takes every odd value with an answer that is no fault of ours."""

import os
import random
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import cycle
from typing import Any
from urllib.parse import quote, unquote_to_bytes, urlencode

import pytest
from django.core.signals import got_request_exception
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart
from django_tenants.utils import tenant_context

from facetrack.core.rolled_back import rolled_back
from tests.probe import odd
from tests.probe.browser import Browser, Order
from tests.probe.cast import Actor
from tests.probe.inventory import Pattern, patterns
from tests.probe.lookups import OFFERED, admins
from tests.probe.references import key_of
from tests.probe.survey import Survey
from tests.probe.world import World

ENDLESS = ("events/stream", "live.mjpeg", "logout")
OF_LISTS = {"q", "p", "o", "_to_field"}
EVERY = "EVERY_VALUE" in os.environ
"""`make fuzz` sends every value; the suite draws a few for each place, others for each."""

HEADERS = (
    "Accept",
    "Accept-Language",
    "Authorization",
    "Cookie",
    "HX-Current-URL",
    "HX-Request",
    "HX-Target",
    "If-Modified-Since",
    "If-None-Match",
    "Last-Event-ID",
    "Origin",
    "Range",
    "Referer",
    "User-Agent",
    "X-CSRFToken",
    "X-Forwarded-For",
    "X-Forwarded-Proto",
    "X-Reason",
    "X-Request-ID",
)


class Odd:
    """Sends one request after the other, each undone, and remembers those that met a fault."""

    def __init__(self, world: World) -> None:
        self.world, self.browser, self.survey = world, Browser(), Survey()
        self.admin = next(one for one in world.a.cast if one.name == "tenant_admin by session")
        self.sent, self.faults = 0, []  # type: int, list[str]
        self.raised, self.dice = "", random.Random(1)
        got_request_exception.connect(self._note)

    def _note(self, **_: Any) -> None:
        self.raised = " ".join(traceback.format_exc(limit=-2).split())

    def send(self, order: Order) -> None:
        with tenant_context(self.world.a.tenant), rolled_back():
            try:
                status = self.browser.send(order).status
            except Exception as error:  # noqa: BLE001  it is what the test looks for
                status, order = 599, Order(order.method, order.host, f"{order.path[:200]}: {error!r}")
        self.sent += 1
        if status >= 500:
            asked = f"{order.method} {order.path[:200]} {order.headers} {order.body[:200]!r}"
            self.faults.append(f"{status} {asked}: {self.raised}")

    def some(self, values: Sequence[str], few: int) -> Sequence[str]:
        return values if EVERY else self.dice.sample(values, min(few, len(values)))

    def actor(self, pattern: Pattern) -> Actor:
        if not pattern.is_public:
            return self.admin
        return self.world.worker if pattern.surface == "api" else self.world.root

    def order(self, pattern: Pattern, method: str, path: str, **more: Any) -> Order:
        actor = self.actor(pattern)
        headers = {"Authorization": actor.authorization} if actor.authorization else {}
        return Order(method, actor.host, path, headers=headers, cookies=actor.cookies, **more)

    def require_none(self, at_least: int) -> None:
        """Raises AssertionError that tells the faults, one of a kind."""
        assert self.sent >= at_least
        assert not self.faults, f"{len(self.faults)} of {self.sent}:\n" + "\n".join(self.faults[:40])


@pytest.fixture
def odd_world(world: World, settings: Any) -> Odd:
    made = Odd(world)
    made.survey.read_schema(made.browser, made.admin, public=False)
    made.survey.read_schema(made.browser, world.worker, public=True)
    return made


def addresses() -> list[Pattern]:
    return [one for one in patterns() if not any(word in one.template for word in ENDLESS)]


def own_path(one: Odd, pattern: Pattern) -> str:
    """The address with A's own rows in its places."""
    dice = random.Random(1)
    known = {name: str(key_of(one.world.a, pattern.route, dice)) for name, _ in pattern.holes}
    return "/" + pattern.template % {name: quote(text, safe="/") for name, text in known.items()}


def names_of(one: Odd, pattern: Pattern) -> set[str]:
    """The parameters that an address takes, as page, schema and admin say."""
    operation = one.survey.operation(pattern).get("get", {})
    found = {name["name"] for name in operation.get("parameters", ()) if name["in"] == "query"}
    found |= one.survey.queries.get(pattern.key, set())
    for name, admin in admins().items():
        label = admin.model._meta.label_lower
        if name.startswith("public") == pattern.is_public and (
            pattern.template == f"admin/{label.replace('.', '/')}/"
        ):
            return found | OFFERED.get(label, set()) | OF_LISTS
    return found | {"s", "page"} if "search" in pattern.template else found


def test_parameters_of_every_list(odd_world: Odd) -> None:
    for pattern in addresses():
        path = own_path(odd_world, pattern)
        if pattern.surface in ("html", "admin"):
            odd_world.survey.look(odd_world.browser, odd_world.actor(pattern), pattern, path)
        for name in sorted(names_of(odd_world, pattern)):
            for value in odd_world.some(tuple(odd.fitting(name)), 3):
                query = f"{quote(name)}={odd.as_address(value)}"
                odd_world.send(odd_world.order(pattern, "GET", f"{path}?{query}"))
    odd_world.require_none(300)


def test_places_in_every_address(odd_world: Odd) -> None:
    """Also where a converter refuses most of them."""
    for pattern in addresses():
        for name, kind in pattern.holes:
            texts = odd.TEXTS if kind in ("str", "path") else odd.TEXTS[:3]
            for value in odd_world.some(texts, 2):
                places = dict.fromkeys((hole for hole, _ in pattern.holes), odd.UUID)
                path = "/" + pattern.template % (places | {name: odd.as_address(value)})
                odd_world.send(odd_world.order(pattern, "GET", path))
    odd_world.require_none(100)


def forms(one: Odd) -> Iterator[tuple[Pattern, str, dict[str, str], bool]]:
    """Every form that posts, with the address it is for, its fields, and whether it uploads."""
    found = {pattern.key: pattern for pattern in addresses()}
    for pattern in found.values():
        if pattern.surface in ("html", "admin"):
            path = own_path(one, pattern)
            one.survey.look(one.browser, one.actor(pattern), pattern, path)
    for key, known in one.survey.forms.items():
        for form in {tuple(sorted(form.fields)): form for form in known}.values():
            if key in found:
                yield found[key], form.path or own_path(one, found[key]), form.fields, form.multipart


def test_fields_of_every_form(odd_world: Odd) -> None:
    values = cycle(unquote_to_bytes(value).decode(errors="replace") for value in odd.ALL)
    for pattern, path, fields, multipart in forms(odd_world):
        more = {"_selected_action": "", "action": "", "index": "0"} if pattern.surface == "admin" else {}
        for name in fields | more:
            for _ in range(2 if EVERY else 1):
                sent = fields | more | {name: next(values)}
                body, kind = urlencode(sent).encode(), "application/x-www-form-urlencoded"
                if multipart:
                    body, kind = encode_multipart(BOUNDARY, sent), MULTIPART_CONTENT
                odd_world.send(odd_world.order(pattern, "POST", path, body=body, kind=kind))
    odd_world.require_none(200)


def test_actions_of_the_admins_lists(odd_world: Odd) -> None:
    """What is chosen in a list is named by its key."""
    for name, admin in admins().items():
        label = admin.model._meta.label_lower.replace(".", "_")
        place = f"admin/{label.replace('_', '/')}/"
        public = name.startswith("public")
        pattern = next(one for one in addresses() if (one.template, one.is_public) == (place, public))
        for action in ("delete_selected", *(admin.actions or ())):
            for value in odd_world.some((*odd.TEXTS, *odd.NUMBERS[-3:]), 3):
                body = f"action={action}&index=0&_selected_action={odd.as_address(value)}".encode()
                kind = "application/x-www-form-urlencoded"
                odd_world.send(odd_world.order(pattern, "POST", f"/{place}", body=body, kind=kind))
    odd_world.require_none(60)


def test_headers(odd_world: Odd) -> None:
    templates = ("", "visits/", "admin/", "api/v1/visits/", "api/v1/auth/token/", "pictures/%(token)s")
    pages = cycle(one for one in addresses() if one.template in templates and not one.is_public)
    for name in HEADERS:
        for value in odd_world.some(odd.ALL, 10):
            pattern, text = next(pages), unquote_to_bytes(value).decode("latin-1")
            order = odd_world.order(pattern, "GET", "/" + pattern.template % {"token": "x"})
            if name == "Cookie":
                order = replace(order, cookies={"sessionid": text[:4000]})
            else:
                order = replace(order, headers=order.headers | {name: text})
            odd_world.send(order)
    odd_world.require_none(150)
