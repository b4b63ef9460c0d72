"""What there is to probe, found in the URL conf, the registries, the sockets' router and the source."""

import ast
import inspect
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from django.apps import apps
from django.conf import settings
from django.db.models import Model
from django.urls import URLPattern, URLResolver, get_resolver
from django.urls.resolvers import RegexPattern, RoutePattern
from django.utils.regex_helper import normalize

from tenants.isolation.policies import label_of, shared_models

ROOT = Path(__file__).resolve().parents[2]
_HOLE = re.compile(r"<(?:(?P<kind>\w+):)?(?P<name>\w+)>")


@dataclass(frozen=True, slots=True)
class Pattern:
    """One address of a URL conf: `template` with `%(name)s` for each of `holes` (name to kind)."""

    urlconf: str
    route: str
    template: str
    view: Callable[..., Any] = field(compare=False, repr=False)
    holes: tuple[tuple[str, str], ...] = ()

    @property
    def key(self) -> str:
        return f"{self.urlconf} {self.route}"

    @property
    def is_public(self) -> bool:
        """Whether it is on the installation's own host."""
        return self.urlconf == settings.PUBLIC_SCHEMA_URLCONF

    @property
    def surface(self) -> str:
        """Which line of the report counts it."""
        if re.search(r"(^|/)(sse|stream)/", self.template):
            return "sse"
        if self.template.startswith("api/"):
            return "api"
        if self.template.startswith("admin/"):
            return "admin"
        if self.template.startswith("pictures/"):
            return "pictures"
        return "html"


def patterns(*urlconfs: str) -> list[Pattern]:
    """Every address that a request can reach, of a customer's host and of the installation's."""
    names = urlconfs or (settings.ROOT_URLCONF, settings.PUBLIC_SCHEMA_URLCONF)
    return [found for name in names for found in _walk(name, get_resolver(name), "", "", ())]


def _walk(
    urlconf: str, resolver: URLResolver, route: str, before: str, holes: tuple[tuple[str, str], ...]
) -> Iterator[Pattern]:
    for entry in resolver.url_patterns:
        text, more = _template(entry.pattern)
        here = route + str(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from _walk(urlconf, entry, here, before + text, holes + more)
        elif isinstance(entry, URLPattern):
            yield Pattern(urlconf, here, before + text, entry.callback, holes + more)


def _template(pattern: Any) -> tuple[str, tuple[tuple[str, str], ...]]:
    if isinstance(pattern, RoutePattern):
        route = str(pattern)
        found = tuple((hole["name"], hole["kind"] or "str") for hole in _HOLE.finditer(route))
        return _HOLE.sub(lambda hole: f"%({hole['name']})s", route), found
    if isinstance(pattern, RegexPattern):
        template, names = normalize(pattern.regex.pattern)[0]
        return template, tuple((name, "path") for name in names)
    raise TypeError(f"the probe does not know how addresses of {type(pattern).__name__} look")


def tenant_models() -> list[type[Model]]:
    """Models whose tables are in each tenant's schema."""
    return [
        model
        for model in apps.get_models(include_auto_created=True)
        if apps.get_app_config(model._meta.app_label).name in settings.TENANT_APPS
        and model._meta.managed
        and not model._meta.proxy
    ]


def models() -> dict[str, type[Model]]:
    """Every model with a table, of the tenants' schemas and of the shared one; those of both once each."""
    found = {f"shared {label_of(model)}": model for model in shared_models()}
    return found | {f"tenant {label_of(model)}": model for model in tenant_models()}


def tasks() -> dict[str, Any]:
    """Every Celery task of ours."""
    from facetrack.celery import app

    app.loader.import_default_modules()
    return {name: task for name, task in sorted(app.tasks.items()) if not name.startswith("celery.")}


def sockets() -> dict[str, Any]:
    """Every address of the websocket's router, and its consumer."""
    from channels.routing import URLRouter

    app: Any = import_module("facetrack.asgi").websocket
    while not isinstance(app, URLRouter):
        app = next(
            inner for name in ("app", "inner", "application") if callable(inner := getattr(app, name, None))
        )
    return {str(route.pattern): route.callback for route in app.routes}


def sources() -> dict[str, str]:
    """The project's own modules by name, tests and migrations left out."""
    packages = ("cameras", "facetrack", "staff", "tenants", "visits", "workers")
    return {
        ".".join(path.relative_to(ROOT).with_suffix("").parts): path.read_text()
        for package in packages
        for path in sorted((ROOT / package).rglob("*.py"))
        if "migrations" not in path.parts
    }


def group_functions(texts: dict[str, str] | None = None) -> list[str]:
    """`module.function` for each function that makes names of channel groups."""
    return [
        f"{module}.{node.name}"
        for module, tree in _trees(texts)
        for node in tree.body
        if isinstance(node, ast.FunctionDef)
        and re.search(r"(^|_)groups?(_|$)", node.name)
        and "str" in ast.unparse(node.returns or ast.Constant(""))
    ]


def loose_groups(texts: dict[str, str] | None = None) -> list[str]:
    """Where a group is joined or told by a name that no group function made."""
    found = []
    for module, tree in _trees(texts):
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call) or not node.args:
                continue
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if name in ("group_add", "group_send", "group_discard") and _is_loose(node.args[0]):
                found.append(f"{module}:{node.lineno}")
    return found


def _is_loose(name: ast.expr) -> bool:
    return any(isinstance(part, (ast.Constant, ast.JoinedStr, ast.BinOp)) for part in ast.walk(name))


def _trees(texts: dict[str, str] | None) -> Iterable[tuple[str, ast.Module]]:
    return _parsed() if texts is None else [(name, ast.parse(text)) for name, text in texts.items()]


@cache
def _parsed() -> list[tuple[str, ast.Module]]:
    return [(name, ast.parse(text)) for name, text in sources().items() if "group" in text]


def takers_of_tenants(owner: Any) -> dict[str, Callable[..., Any]]:
    """The public functions (or methods) of `owner` whose first argument is a tenant."""
    return {
        name: function
        for name, function in inspect.getmembers(owner, callable)
        if not name.startswith("_") and _first_argument(function) == "tenant"
    }


def _first_argument(function: Any) -> str:
    if not (inspect.isfunction(function) or inspect.ismethod(function)):
        return ""
    names = [name for name in inspect.signature(function).parameters if name != "self"]
    return names[0] if names else ""


def everything() -> set[tuple[str, str]]:
    """All that the probe has to try at least once: the line of the report, and the member."""
    found = {(pattern.surface, pattern.key) for pattern in patterns()}
    found |= {("sql", name) for name in models()} | {("celery", name) for name in tasks()}
    return (
        found | {("groups", name) for name in group_functions()} | {("websocket", name) for name in sockets()}
    )


def untried(tried: set[tuple[str, str]]) -> list[str]:
    """What there is and no attempt was about."""
    return sorted(f"{surface}: {member}" for surface, member in everything() - tried)
