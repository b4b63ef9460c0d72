"""Too many wrong passwords: for one account from one address, whichever door they were tried at."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client, RequestFactory

from tenants.addresses import client_address
from tenants.models import Tenant, User
from tenants.rules import Role
from tests.conftest import PASSWORD
from tests.pages.logins import join, log_in

ClientOf = Callable[..., Client]
MemberOf = Callable[[Tenant, Role], User]
TOKEN = "/api/v1/auth/token/"


@pytest.fixture
def member(acme: Tenant, member_of: MemberOf) -> User:
    return member_of(acme, Role.VIEWER)


@pytest.fixture
def client(acme: Tenant, client_of: ClientOf, member: User) -> Client:
    """A browser on acme's host from which the member's password was guessed five times."""
    client = client_of(acme, None)
    for count in range(5):
        answer = log_in(client, member.email, f"guess {count}")
    assert answer.status_code == 429
    return client


def test_the_page_says_how_long_to_wait(
    client: Client, member: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = log_in(client, member.email)
    assert answer.status_code == 429
    assert "Nothing is tried any more for 15 minutes" in answer.content.decode()
    assert 0 < int(answer["Retry-After"]) <= 900
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 650)
    assert "Nothing is tried any more for 5 minutes" in log_in(client, member.email).content.decode()


def test_trying_on_does_not_make_it_longer(client: Client, member: User, settings: Any) -> None:
    from django.core.cache import cache

    before = cache.get(_until(client, member))
    for _ in range(3):
        log_in(client, member.email)
    assert cache.get(_until(client, member)) == before


def _until(client: Client, member: User) -> str:
    from tenants.lockout import _until as key_of

    request: Any = RequestFactory().post("/login/")
    request.tenant = Tenant.objects.get(schema_name="acme")
    return key_of(request, {"username": member.email})


def test_it_is_over_after_the_cool_off(
    acme: Tenant, client_of: ClientOf, member: User, settings: Any
) -> None:
    from datetime import timedelta

    settings.AXES_COOLOFF_TIME = timedelta(seconds=1)
    client = client_of(acme, None)
    for count in range(5):
        answer = log_in(client, member.email, f"guess {count}")
    assert answer.status_code == 429
    deadline = time.monotonic() + 20
    while log_in(client, member.email).status_code == 429:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert client.get("/").status_code == 200


@pytest.mark.parametrize("spelling", ["VIEWER@acme.test", " viewer@acme.test ", "v\u0131ewer@acme.test"])
def test_another_spelling_is_the_same_account(client: Client, member: User, spelling: str) -> None:
    assert log_in(client, spelling).status_code == 429


def test_the_api_is_behind_the_same_door(client: Client, member: User) -> None:
    answer = client.post(
        TOKEN, {"email": member.email, "password": PASSWORD}, content_type="application/json"
    )
    assert answer.status_code == 429
    assert answer["Content-Type"] == "application/problem+json"
    assert 0 < int(answer["Retry-After"]) <= 900


def test_wrong_passwords_at_the_api_lock_the_page(acme: Tenant, client_of: ClientOf, member: User) -> None:
    client = client_of(acme, None)
    for _ in range(5):
        client.post(TOKEN, {"email": member.email, "password": "wrong"}, content_type="application/json")
    assert log_in(client, member.email).status_code == 429


def test_others_and_elsewhere_are_not_locked(
    client: Client, acme: Tenant, other: Tenant, member: User, member_of: MemberOf, client_of: ClientOf
) -> None:
    colleague = member_of(acme, Role.TENANT_ADMIN)
    assert log_in(client_of(acme, None), colleague.email).status_code == 302
    join(member, other)
    assert log_in(client_of(other, None), member.email).status_code == 302
    elsewhere = Client(SERVER_NAME="acme.localhost", REMOTE_ADDR="192.0.2.7")
    assert log_in(elsewhere, member.email).status_code == 302


def test_an_unknown_address_locks_like_a_known_one(acme: Tenant, client_of: ClientOf) -> None:
    client = client_of(acme, None)
    answers = [log_in(client, "nobody@nowhere.test").status_code for _ in range(6)]
    assert answers == [200] * 4 + [429] * 2


def test_a_right_password_forgets_the_wrong_ones(acme: Tenant, client_of: ClientOf, member: User) -> None:
    for _ in range(2):
        client = client_of(acme, None)
        for _ in range(4):
            assert log_in(client, member.email, "wrong").status_code == 200
        assert log_in(client, member.email).status_code == 302


def test_a_forged_header_is_no_other_address(client: Client, member: User) -> None:
    answer = client.post(
        "/login/",
        {"username": member.email, "password": PASSWORD},
        headers={"X-Forwarded-For": "203.0.113.9"},
    )
    assert answer.status_code == 429


@pytest.mark.parametrize(
    ("proxies", "header", "address"),
    [
        (0, "203.0.113.9", "10.0.0.1"),
        (1, "203.0.113.9", "203.0.113.9"),
        (1, "1.2.3.4, 203.0.113.9", "203.0.113.9"),
        (2, "1.2.3.4, 203.0.113.9, 10.0.0.2", "203.0.113.9"),
        (2, "203.0.113.9", "10.0.0.1"),
        (1, "", "10.0.0.1"),
        (1, "anything", "10.0.0.1"),
        (1, "2001:db8::7", "2001:db8::7"),
    ],
)
def test_only_our_own_proxies_are_believed(proxies: int, header: str, address: str, settings: Any) -> None:
    settings.FACETRACK_PROXIES = proxies
    request = RequestFactory().get("/", REMOTE_ADDR="10.0.0.1", HTTP_X_FORWARDED_FOR=header)
    assert client_address(request) == address
