"""Throttles: each caller, each tenant, and strangers by address."""

from collections.abc import Callable

import pytest
from django.core.cache import cache
from django.test import Client
from pytest_django import Settings
from rest_framework.test import APIClient

from tenants import throttling
from tenants.models import Tenant
from tenants.rules import Role
from tests.api.answers import TOKEN, V1, problem

ApiOf = Callable[..., APIClient]


@pytest.fixture(autouse=True)
def throttled(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.FACETRACK_THROTTLE = True
    settings.FACETRACK_RATE_CALLER, settings.FACETRACK_RATE_TENANT = 3, 100
    settings.FACETRACK_RATE_ANONYMOUS = 2
    monkeypatch.setattr(throttling, "time", lambda: 1_000_000_070.0)  # the minute does not end meanwhile


def test_a_caller_who_asks_too_often_waits(api: APIClient, acme: Tenant, api_of: ApiOf) -> None:
    assert [api.get(f"{V1}/sites/").status_code for _ in range(3)] == [200, 200, 200]
    answer = api.get(f"{V1}/sites/")
    problem(answer, 429)
    assert answer["Retry-After"] == "10"
    assert api_of(acme, Role.VIEWER).get(f"{V1}/sites/").status_code == 200


def test_the_next_minute_is_a_new_one(api: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(4):
        answer = api.get(f"{V1}/sites/")
    assert answer.status_code == 429
    monkeypatch.setattr(throttling, "time", lambda: 1_000_000_081.0)
    assert api.get(f"{V1}/sites/").status_code == 200


def test_a_tenant_has_a_rate_of_its_own(
    acme: Tenant, other: Tenant, api_of: ApiOf, settings: Settings
) -> None:
    settings.FACETRACK_RATE_TENANT = 4
    for role in (Role.TENANT_ADMIN, Role.VIEWER):
        client = api_of(acme, role)
        assert [client.get(f"{V1}/sites/").status_code for _ in range(2)] == [200, 200]
    problem(api_of(acme, Role.SITE_MANAGER).get(f"{V1}/sites/"), 429)
    assert api_of(other).get(f"{V1}/sites/").status_code == 200


def test_strangers_count_by_address(nobody: APIClient, acme: Tenant, api_of: ApiOf) -> None:
    body = {"email": "nobody@nowhere.test", "password": "wrong"}
    assert [nobody.post(TOKEN, body).status_code for _ in range(2)] == [401, 401]
    problem(nobody.post(TOKEN, body), 429)
    elsewhere = nobody.post(TOKEN, body, REMOTE_ADDR="192.0.2.7")
    assert elsewhere.status_code == 401


def test_pages_are_throttled_with_a_page(acme: Tenant, client_of: Callable[..., Client]) -> None:
    client = client_of(acme)
    assert [client.get("/visits/").status_code for _ in range(3)] == [200, 200, 200]
    answer = client.get("/visits/")
    assert (answer.status_code, answer["Retry-After"]) == (429, "10")
    assert "Wait for 10 seconds" in answer.content.decode()
    assert client.get("/pictures/x").status_code == 404  # a list shows fifty of them


def test_nobody_waits_because_the_cache_forgot(api: APIClient) -> None:
    for _ in range(9):
        cache.clear()
        assert api.get(f"{V1}/sites/").status_code == 200


def test_it_can_be_switched_off(api: APIClient, settings: Settings) -> None:
    settings.FACETRACK_THROTTLE = False
    assert {api.get(f"{V1}/sites/").status_code for _ in range(9)} == {200}
