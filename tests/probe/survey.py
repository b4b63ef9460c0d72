"""What pages and schema say that can be sent: forms with their fields, parameters, bodies."""

import json
import re
from collections import defaultdict
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from django.urls import Resolver404, resolve

from tests.probe.browser import Browser, Order
from tests.probe.cast import Actor
from tests.probe.inventory import Pattern

SCHEMA = "/api/v1/schema/"


@dataclass
class Form:
    path: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)
    multipart: bool = False


class _Page(HTMLParser):
    """The forms and the names in queries of one page."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.forms: list[Form] = []
        self.queries: set[str] = set()
        self._select = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        for name in ("href", "hx-get", "src"):
            self.queries |= {key for key, _ in parse_qsl(urlsplit(given.get(name, "")).query)}
        if tag == "form" or "hx-post" in given:
            action = given.get("hx-post", given.get("action", ""))
            method = "POST" if "hx-post" in given else given.get("method", "get").upper()
            self.forms.append(
                Form(urlsplit(action).path, method, {}, "multipart" in given.get("enctype", ""))
            )
        elif name := given.get("name", ""):
            form = self.forms[-1] if self.forms else Form("", "GET")
            if tag in ("input", "textarea", "button", "select") and tag != "meta":
                form.fields.setdefault(name, given.get("value", ""))
            self._select = name if tag == "select" else self._select
        elif tag == "option" and self._select and self.forms and not self.forms[-1].fields[self._select]:
            self.forms[-1].fields[self._select] = given.get("value", "")


class Survey:
    """What there is to send to each address, learnt by looking at it once with all rights."""

    def __init__(self) -> None:
        self.forms: dict[str, list[Form]] = defaultdict(list)
        self.queries: dict[str, set[str]] = defaultdict(set)
        self.operations: dict[tuple[bool, str], dict[str, Any]] = {}
        self._parts: dict[str, Any] = {}

    def look(self, browser: Browser, actor: Actor, pattern: Pattern, path: str) -> None:
        answer = browser.send(Order("GET", actor.host, path, cookies=actor.cookies))
        if "text/html" not in answer.headers.get("Content-Type", ""):
            return
        page = _Page()
        page.feed(answer.body.decode())
        self.queries[pattern.key] |= page.queries
        for form in page.forms:
            if form.method == "GET":
                self.queries[pattern.key] |= set(form.fields)
                continue
            self.forms[_key_of(pattern.urlconf, form.path) or pattern.key].append(form)

    def read_schema(self, browser: Browser, actor: Actor, *, public: bool) -> None:
        """What a host says of its API: the installation's own to workers, a customer's to its members."""
        schema = schema_of(browser, actor)
        self._parts |= schema["components"]["schemas"]
        for path, operations in schema["paths"].items():
            self.operations[public, re.sub(r"\{\w+\}", "{}", path)] = operations

    def operation(self, pattern: Pattern) -> dict[str, Any]:
        """Method to what the schema says of it; empty for an address that the schema leaves out."""
        path = "/" + pattern.template % {name: "{}" for name, _ in pattern.holes}
        return self.operations.get((pattern.is_public, path), {})

    def properties(self, operation: dict[str, Any]) -> dict[str, dict[str, Any]]:
        """The fields of a body."""
        for content in operation.get("requestBody", {}).get("content", {}).values():
            return dict(self.resolved(content["schema"]).get("properties", {}))
        return {}

    def resolved(self, schema: dict[str, Any]) -> dict[str, Any]:
        for alone in (schema.get("allOf") or schema.get("oneOf") or [schema])[:1]:
            schema = {**schema, **alone}
        name = schema.get("$ref", "").rpartition("/")[2]
        return self.resolved(self._parts[name]) if name else schema


def schema_of(browser: Browser, actor: Actor) -> dict[str, Any]:
    headers = {"Authorization": actor.authorization} if actor.authorization else {}
    order = Order("GET", actor.host, SCHEMA, {"format": "json"}, headers=headers, cookies=actor.cookies)
    return dict(json.loads(browser.send(order).body))


def _key_of(urlconf: str, path: str) -> str:
    if not path.startswith("/"):
        return ""
    try:
        return f"{urlconf} {resolve(path, urlconf).route}"
    except Resolver404:
        return ""
