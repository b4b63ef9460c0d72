"""A model, an address, a task, a socket or a group that is new is tried by the probe, or a test fails."""

from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest
from django.apps import apps
from django.db import models
from django.http import HttpResponse
from django.urls import path

from facetrack.celery import app
from tests.probe import inventory
from tests.probe.inventory import everything, group_functions, loose_groups, untried
from tests.probe.rows import CannotFill, Filler
from tests.probe.secrets import Secrets

GROUPS = {
    "visits.news": """
def news_group(tenant: Tenant) -> str:
    return f"news.{tenant.pk.hex}"

async def connect(self) -> None:
    await self.channel_layer.group_add(f"news.{self.tenant}", self.channel_name)
    await self.channel_layer.group_add(news_group(self.tenant), self.channel_name)
    await self.channel_layer.group_send("everybody", {"type": "live.event"})
"""
}


@pytest.fixture
def tried() -> set[tuple[str, str]]:
    """What a probe that was run before the new thing was there has tried: all of it."""
    known = everything()
    assert untried(known) == []
    return known


@pytest.fixture
def stray_model() -> Iterator[type[models.Model]]:
    class Stray(models.Model):
        secret = models.CharField(max_length=50)

        class Meta:
            app_label = "visits"

    yield Stray
    del apps.all_models["visits"]["stray"]
    apps.clear_cache()


def test_all_kinds_of_things_are_found() -> None:
    surfaces = {surface for surface, _ in everything()}
    assert {"html", "admin", "api", "pictures", "websocket", "celery", "groups", "sql"} <= surfaces


def test_a_new_model_is_missed(tried: set[tuple[str, str]], stray_model: type[models.Model]) -> None:
    assert untried(tried) == ["sql: tenant visits.stray"]


def test_a_model_of_which_there_can_be_no_row_stops_the_probe(
    acme: Any, stray_model: type[models.Model]
) -> None:
    with pytest.raises(CannotFill, match=r"visits\.stray"):
        Filler(acme, Secrets("qzcxv")).fill()


def test_a_new_address_is_missed(
    tried: set[tuple[str, str]], settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = path("planted/<uuid:pk>/", lambda request, pk: HttpResponse())
    _serve(monkeypatch, settings, "tests.stray_urls", [new])
    missed = untried(
        {(surface, key.replace("facetrack.urls ", "tests.stray_urls ")) for surface, key in tried}
    )
    assert missed == ["html: tests.stray_urls planted/<uuid:pk>/"]


def test_an_address_of_an_unknown_kind_stops_the_probe(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = path("planted/", lambda request: HttpResponse())
    monkeypatch.setattr(new, "pattern", object())
    _serve(monkeypatch, settings, "tests.stray_urls", [new])
    with pytest.raises(TypeError, match="the probe does not know"):
        everything()


def test_a_new_task_is_missed(tried: set[tuple[str, str]]) -> None:
    @app.task(name="visits.tasks.stray")  # type: ignore[untyped-decorator]
    def stray(visit_id: str) -> None:
        pass

    stray.name  # noqa: B018  Celery registers it when it is looked at
    try:
        assert untried(tried) == ["celery: visits.tasks.stray"]
    finally:
        app.tasks.unregister("visits.tasks.stray")


def test_a_new_socket_is_missed(tried: set[tuple[str, str]], monkeypatch: pytest.MonkeyPatch) -> None:
    known = inventory.sockets()
    monkeypatch.setattr(inventory, "sockets", lambda: {**known, "ws/stray/": None})
    assert untried(tried) == ["websocket: ws/stray/"]


def test_a_new_group_is_found_and_one_without_a_function_is_refused() -> None:
    assert loose_groups() == []
    assert group_functions(GROUPS) == ["visits.news.news_group"]
    assert loose_groups(GROUPS) == ["visits.news:6", "visits.news:8"]


def _serve(monkeypatch: pytest.MonkeyPatch, settings: Any, name: str, more: list[Any]) -> None:
    import sys

    from facetrack import urls

    module = ModuleType(name)
    module.__dict__.update(vars(urls) | {"__name__": name, "urlpatterns": [*more, *urls.urlpatterns]})
    monkeypatch.setitem(sys.modules, name, module)
    settings.ROOT_URLCONF = name
