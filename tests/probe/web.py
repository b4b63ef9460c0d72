"""Requests: to every address of the URL conf, by everybody, with B in every place that takes a value."""

import json
import random
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import quote, urlencode

from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart

from tests.probe.attempts import Attempt, Place
from tests.probe.browser import Browser, Order
from tests.probe.cast import Actor
from tests.probe.inventory import Pattern, patterns
from tests.probe.references import key_of, picture_token, uuid_of, value_of_b
from tests.probe.survey import Form, Survey
from tests.probe.world import PUBLIC_HOST, World

METHODS = ("GET", "GET", "GET", "GET", "POST", "POST", "PATCH", "PUT", "DELETE", "HEAD", "OPTIONS")
SHARES = {"api": 0.24, "html": 0.12, "admin": 0.08, "pictures": 0.05, "sse": 0.01, "leases": 0.03}
TELLING_HEADERS = ("X-Forwarded-Host", "X-Tenant", "X-Reason", "X-Request-ID", "Referer", "Origin")


class Web:
    """The addresses of one line of the report."""

    def __init__(self, name: str, addresses: list[Pattern], browser: Browser, survey: Survey) -> None:
        self.name, self.share = name, SHARES[name]
        self._patterns = {pattern.key: pattern for pattern in addresses}
        self._browser, self._survey = browser, survey

    def members(self) -> list[str]:
        return list(self._patterns)

    def attempt(self, member: str, world: World, dice: random.Random) -> Attempt:
        pattern = self._patterns[member]
        actor = self._actor(pattern, world, dice)
        place = self._place(pattern, actor, dice)
        order = self._order(pattern, actor, place, world, dice)
        return Attempt(
            f"{order.method} {order.path} on {order.host} as {actor.name}",
            order.text,
            lambda: self._browser.send(order).text,
            place,
            by_installation=actor is world.root and place == "public",
        )

    def _actor(self, pattern: Pattern, world: World, dice: random.Random) -> Actor:
        """To most of the public host's API nobody but a worker gets any further."""
        if pattern.is_public and pattern.surface == "api" and dice.random() < 0.5:
            return world.worker
        return dice.choice(world.actors)

    def _place(self, pattern: Pattern, actor: Actor, dice: random.Random) -> Place:
        if dice.random() < 0.8:
            return "public" if pattern.is_public else "a"
        return dice.choice(("a", "b", "b", "public", "nowhere"))

    def _order(
        self, pattern: Pattern, actor: Actor, place: Place, world: World, dice: random.Random
    ) -> Order:
        hosts = {"a": world.a.host, "b": world.b.host, "public": PUBLIC_HOST, "nowhere": "nobody.localhost"}
        order = Order(
            self._method(pattern, dice),
            hosts[place],
            "/" + pattern.template % dict(self._filled(pattern, actor, world, dice, place)),
            headers=self._headers(actor, world, dice),
            cookies=actor.cookies,
            checked_for_csrf=dice.random() < 0.1,
            address=f"10.{dice.randrange(256)}.{dice.randrange(256)}.{dice.randrange(1, 255)}",
        )
        names = self._query_names(pattern, order.method)
        some = dice.sample(names, min(len(names), dice.choice((0, 0, 1, 2))))
        at_b = place == "b"
        order = replace(
            order,
            query={
                name: value_of_b(world, member, dice, at_b=at_b)
                for name in some
                for member in [pattern.route]
            },
        )
        if order.method == "DELETE" and dice.random() < 0.9:  # without a reason nothing is looked up
            order = replace(order, headers={"X-Reason": "moved away"} | order.headers)
        if order.method in ("POST", "PATCH", "PUT"):
            kind, body = self._body(pattern, order.method, actor, world, dice, at_b)
            order = replace(order, kind=kind, body=body)
        return order

    def _method(self, pattern: Pattern, dice: random.Random) -> str:
        known = [method.upper() for method in self._survey.operation(pattern)]
        return dice.choice(known) if known and dice.random() < 0.8 else dice.choice(METHODS)

    def _filled(
        self, pattern: Pattern, actor: Actor, world: World, dice: random.Random, place: Place
    ) -> Iterator[tuple[str, str]]:
        """What stands in the holes of an address: B's, and where there are several also A's."""
        for name, kind in pattern.holes:
            own = len(pattern.holes) > 1 and dice.random() < 0.3
            party = world.a if own else world.b
            if kind == "uuid":
                about = name if len(name) > 3 and dice.random() < 0.5 else pattern.route
                yield name, str(uuid_of(party, about, dice))
            elif kind == "int":
                yield name, str(dice.choice([*range(9), world.b.secrets.number()]))
            elif name in actor.knows and dice.random() < 0.5:
                yield name, actor.knows[name]
            elif pattern.surface == "pictures":
                yield name, quote(picture_token(world, dice, at_b=place == "b"))
            elif kind == "path":
                yield name, quote(str(key_of(party, pattern.route, dice)), safe="/")
            else:
                yield name, quote(value_of_b(world, pattern.route, dice, at_b=place == "b"), safe="")

    def _headers(self, actor: Actor, world: World, dice: random.Random) -> dict[str, str]:
        headers = {"Authorization": actor.authorization} if actor.authorization else {}
        if dice.random() < 0.2:
            headers["HX-Request"] = "true"
        if dice.random() < 0.1:
            headers[dice.choice(TELLING_HEADERS)] = dice.choice([world.b.host, str(world.b.tenant.pk)])
        return headers

    def _query_names(self, pattern: Pattern, method: str) -> list[str]:
        operation = self._survey.operation(pattern).get(method.lower(), {})
        described = {one["name"] for one in operation.get("parameters", []) if one["in"] == "query"}
        return sorted(described | self._survey.queries.get(pattern.key, set()) | {"q", "next", "id"})

    def _body(
        self, pattern: Pattern, method: str, actor: Actor, world: World, dice: random.Random, at_b: bool
    ) -> tuple[str, bytes]:
        def given() -> str:
            return value_of_b(world, pattern.route, dice, at_b=at_b)

        if pattern.surface == "api":
            operation = self._survey.operation(pattern).get(method.lower(), {})
            fields = self._survey.properties(operation)
            most = dice.choice((0.8, 1.0))
            body = {
                name: self._named(name, self._survey.resolved(schema), given, world, dice)
                for name, schema in fields.items()
                if not schema.get("readOnly") and dice.random() < most
            }
            body |= {name: value for name, value in actor.knows.items() if name in fields}
            return "application/json", json.dumps(body or {"id": given()}).encode()
        forms = self._survey.forms.get(pattern.key) or [Form("", "POST", {"id": "", "name": ""})]
        form = dice.choice(forms)
        changed = set(dice.sample(sorted(form.fields), min(len(form.fields), dice.choice((1, 1, 2, 4)))))
        values = {name: given() if name in changed else value for name, value in form.fields.items()}
        if form.multipart:
            return MULTIPART_CONTENT, encode_multipart(BOUNDARY, values)
        return "application/x-www-form-urlencoded", urlencode(values).encode()

    def _named(self, name: str, schema: dict[str, Any], given: Any, world: World, dice: random.Random) -> Any:
        """As `_value`; now and then, for a key, that of what the field's name says."""
        if schema.get("format") == "uuid" and len(name) > 3 and dice.random() < 0.3:
            return str(uuid_of(world.b, name, dice))
        return self._value(schema, given, dice)

    def _value(self, schema: dict[str, Any], given: Any, dice: random.Random) -> Any:
        """A value that the schema allows, and that is of B where it can be."""
        if "enum" in schema:
            return dice.choice(schema["enum"])
        match schema.get("type"):
            case "boolean":
                return dice.random() < 0.5
            case "integer" | "number":
                return schema.get("minimum", 1)
            case "array":
                return [self._value(self._survey.resolved(schema["items"]), given, dice)]
            case "object":
                return {"id": given()}
        return given()[: schema.get("maxLength", 500)]


def web_surfaces(world: World) -> list[Web]:
    """A surface for each kind of address that there is, after a look at every page with A's own rows."""
    browser, survey, dice = Browser(), Survey(), random.Random(0)
    admin = next(actor for actor in world.a.cast if actor.name == "tenant_admin by session")
    survey.read_schema(browser, admin, public=False)
    survey.read_schema(browser, world.worker, public=True)
    found: dict[str, list[Pattern]] = {}
    for pattern in patterns():
        found.setdefault(pattern.surface, []).append(pattern)
        if pattern.surface in ("html", "admin") and "logout" not in pattern.route:
            actor = world.root if pattern.is_public else admin
            own = {name: str(uuid_of(world.a, pattern.route, dice)) for name, _ in pattern.holes}
            survey.look(browser, actor, pattern, "/" + pattern.template % own)
    return [Web(name, addresses, browser, survey) for name, addresses in found.items()]


def visit_everything(party: Any, browser: Browser) -> Iterator[None]:
    """What people of B do meanwhile, on their own host: a process must not keep it for others."""
    admin = next(actor for actor in party.cast if actor.name == "tenant_admin by session")
    dice = random.Random(1)
    while True:
        for pattern in patterns():
            if pattern.is_public or "logout" in pattern.route:
                continue
            own = {name: quote(str(key_of(party, pattern.route, dice))) for name, _ in pattern.holes}
            path = "/" + pattern.template % own
            browser.send(Order("GET", party.host, path, cookies=admin.cookies))
            yield
