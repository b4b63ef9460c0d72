"""Throttles: each caller, each tenant, and strangers by address."""

from collections.abc import Callable

import pytest
from django.core.cache import cache
from django.test import Client
from pytest_django import Settings
from rest_framework.test import APIClient

from tenants.models import Tenant, User
from tenants.rules import Role
from tenants.web import throttling
from tests.api.answers import TOKEN, V1, problem
from tests.conftest import PASSWORD

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


WRONG = {"email": "nobody@nowhere.test", "password": "wrong"}


def test_strangers_count_by_address(nobody: APIClient, acme: Tenant, api_of: ApiOf) -> None:
    assert [nobody.post(TOKEN, WRONG).status_code for _ in range(2)] == [401, 401]
    problem(nobody.post(TOKEN, WRONG), 429)
    elsewhere = nobody.post(TOKEN, WRONG, REMOTE_ADDR="192.0.2.7")
    assert elsewhere.status_code == 401


def test_one_network_of_ipv6_counts_as_one_address(nobody: APIClient) -> None:
    answers = [nobody.post(TOKEN, WRONG, REMOTE_ADDR=f"2001:db8::{host}") for host in range(3)]
    assert [answer.status_code for answer in answers] == [401, 401, 429]
    assert nobody.post(TOKEN, WRONG, REMOTE_ADDR="2001:db8:0:1::").status_code == 401
    assert nobody.post(TOKEN, WRONG, REMOTE_ADDR="::ffff:192.0.2.9").status_code == 401
    assert nobody.post(TOKEN, WRONG, REMOTE_ADDR="192.0.2.9").status_code == 401
    assert nobody.post(TOKEN, WRONG, REMOTE_ADDR="::ffff:192.0.2.9").status_code == 429


def test_strangers_use_up_nothing_of_who_logs_in(
    acme: Tenant, nobody: APIClient, api_of: ApiOf, member_of: Callable[..., User], settings: Settings
) -> None:
    """Neither of those who are logged in, nor the way in; from however many addresses they come."""
    settings.FACETRACK_RATE_TENANT = settings.FACETRACK_RATE_STRANGERS = 5
    administrator = api_of(acme)
    for number in range(40):
        nobody.post("/login/", {}, REMOTE_ADDR=f"192.0.2.{number}")
        nobody.post(TOKEN, {}, REMOTE_ADDR=f"192.0.2.{number}")
        nobody.get(f"{V1}/sites/", REMOTE_ADDR=f"198.51.100.{number}")
        nobody.post("/visits/", REMOTE_ADDR=f"203.0.113.{number}")
    assert administrator.get(f"{V1}/sites/").status_code == 200
    email = member_of(acme, Role.VIEWER).email
    form = {"username": email, "password": PASSWORD}
    assert Client(SERVER_NAME="acme.localhost").post("/login/", form).status_code == 302


def test_strangers_together_have_a_rate_where_nobody_logs_in(nobody: APIClient, settings: Settings) -> None:
    settings.FACETRACK_RATE_STRANGERS = 3
    answers = [nobody.post("/members/", REMOTE_ADDR=f"203.0.113.{n}").status_code for n in range(5)]
    assert answers == [302, 302, 302, 429, 429]


def test_what_a_caller_was_refused_is_not_the_tenants(
    acme: Tenant, api_of: ApiOf, settings: Settings
) -> None:
    settings.FACETRACK_RATE_TENANT = 5
    greedy = api_of(acme, Role.VIEWER)
    assert [greedy.get(f"{V1}/sites/").status_code for _ in range(20)] == [200] * 3 + [429] * 17
    assert api_of(acme).get(f"{V1}/sites/").status_code == 200


def test_a_browser_that_is_known_waits_for_nobody_at_its_address(
    acme: Tenant, nobody: APIClient, member_of: Callable[..., User]
) -> None:
    """Which many share: behind it is an office, or a provider's customers."""
    form = {"username": member_of(acme, Role.VIEWER).email, "password": PASSWORD}
    known, new = Client(SERVER_NAME="acme.localhost"), Client(SERVER_NAME="acme.localhost")
    assert known.post("/login/", form).status_code == 302
    known.post("/logout/")
    for _ in range(5):
        nobody.post(TOKEN, WRONG)
    assert new.post("/login/", form).status_code == 429
    assert known.post("/login/", form).status_code == 302


@pytest.mark.parametrize("given", ["Bearer x.y.z", "Api-Key x", f"Api-Key ft_{'a' * 12}_{'b' * 43}"])
def test_guessing_tokens_and_keys_is_throttled(
    acme: Tenant, nobody: APIClient, api_of: ApiOf, given: str, tokens_of: Callable[..., dict[str, str]]
) -> None:
    """On a protected path: before DRF asks its throttles. A right one from the same address is not."""
    token = tokens_of(acme)["access"]
    addresses = [f"2001:db8::{host}" for host in range(4)]
    answers = [
        nobody.get(f"{V1}/sites/", HTTP_AUTHORIZATION=given, REMOTE_ADDR=address) for address in addresses
    ]
    assert [answer.status_code for answer in answers] == [401, 401, 429, 429]
    assert answers[-1]["Retry-After"] == "10"
    problem(answers[-1], 429)
    right = nobody.get(f"{V1}/sites/", HTTP_AUTHORIZATION=f"Bearer {token}", REMOTE_ADDR=addresses[0])
    assert right.status_code == 200


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
