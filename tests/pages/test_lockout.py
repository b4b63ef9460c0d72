"""Too many wrong passwords: for one account from one address, whichever door they were tried at."""

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client, RequestFactory
from django.utils import timezone

from facetrack.devservices import ports
from tenants.access.addresses import client_address, network_of
from tenants.auth import MembershipBackend
from tenants.isolation.context import installation
from tenants.limits.attempts import forget_attempts
from tenants.models import AttemptCount, Tenant, User
from tenants.rules import Role
from tests.conftest import PASSWORD
from tests.pages.logins import join, log_in
from tests.pages.test_passwords import NEW, choose, link_in

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
    assert "You cannot log in from here for 15 minutes" in answer.content.decode()
    assert 0 < int(answer["Retry-After"]) <= 900
    later = timezone.now() + timedelta(seconds=650)
    monkeypatch.setattr(timezone, "now", lambda: later)
    assert "You cannot log in from here for 5 minutes" in log_in(client, member.email).content.decode()


def test_trying_on_does_not_make_it_longer(client: Client, member: User) -> None:
    before = list(AttemptCount.objects.order_by("pk").values_list("name", "ends_at"))
    for _ in range(3):
        log_in(client, member.email)
    assert list(AttemptCount.objects.order_by("pk").values_list("name", "ends_at")) == before


def test_it_is_over_after_the_cool_off(
    acme: Tenant, client_of: ClientOf, member: User, settings: Any
) -> None:
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
        (1, "203.0.113.9:41001", "203.0.113.9"),
        (1, "1.2.3.4:80,203.0.113.9:41001", "203.0.113.9"),
        (1, "203.0.113.9:_hidden", "203.0.113.9"),
        (1, "[2001:db8::7]", "2001:db8::7"),
        (1, "[2001:db8::7]:41001", "2001:db8::7"),
        (1, '"[2001:DB8::7]:41001"', "2001:db8::7"),
        (1, '"203.0.113.9"', "203.0.113.9"),
        (1, "fe80::7%eth0", "fe80::7"),
        (1, "[fe80::7%25eth0]:80", "fe80::7"),
        (1, "::ffff:203.0.113.9", "203.0.113.9"),
        (1, "[::ffff:203.0.113.9]:80", "203.0.113.9"),
        (1, "unknown", "10.0.0.1"),
        (1, "_gateway", "10.0.0.1"),
        (1, "1.2.3.4, unknown", "10.0.0.1"),
        (1, "1.2.3.4,", "10.0.0.1"),  # an empty element is not skipped for what the client wrote
        (2, "1.2.3.4,, 203.0.113.9:7, 10.0.0.2:8", "203.0.113.9"),
        (1, "203.0.113.9:port", "10.0.0.1"),
        (1, "203.0.113.999", "10.0.0.1"),
        (1, "[" * 10_000, "10.0.0.1"),
    ],
)
def test_only_our_own_proxies_are_believed(proxies: int, header: str, address: str, settings: Any) -> None:
    settings.FACETRACK_PROXIES = proxies
    request = RequestFactory().get("/", REMOTE_ADDR="10.0.0.1", HTTP_X_FORWARDED_FOR=header)
    assert client_address(request) == address


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::", "2001:db8:1:3::/64"),
        ("", ""),
    ],
)
def test_addresses_of_one_network_count_together(address: str, counted: str) -> None:
    assert network_of(address) == counted


def elsewhere(number: int, **more: Any) -> Client:
    return Client(SERVER_NAME="acme.localhost", REMOTE_ADDR=f"2001:db8:0:{number:x}::7", **more)


def test_other_addresses_of_the_network_are_locked_too(acme: Tenant, member: User) -> None:
    for number in range(5):
        guesser = Client(SERVER_NAME="acme.localhost", REMOTE_ADDR=f"2001:db8::{number}")
        answer = log_in(guesser, member.email, "wrong")
    assert answer.status_code == 429


@pytest.fixture
def guessed(acme: Tenant, client_of: ClientOf, member: User, settings: Any) -> Client:
    """The owner's browser, in which they have logged in; then the password was guessed from many networks."""
    settings.FACETRACK_ACCOUNT_FAILURES = 8
    owner = client_of(acme, None)
    assert log_in(owner, member.email).status_code == 302
    owner.post("/logout/")
    answers = [log_in(elsewhere(number), member.email, "wrong").status_code for number in range(9)]
    assert answers == [200] * 7 + [429] * 2
    return owner


def test_guessing_from_many_addresses_ends(guessed: Client, member: User) -> None:
    answer = log_in(elsewhere(99), member.email)  # the right one
    assert answer.status_code == 429
    assert "You cannot log in from here for 24 hours" in answer.content.decode()
    assert int(answer["Retry-After"]) > 80_000
    token = elsewhere(98).post(
        TOKEN, {"email": member.email, "password": PASSWORD}, content_type="application/json"
    )
    assert token.status_code == 429


def test_who_was_here_before_gets_in_meanwhile(guessed: Client, member: User) -> None:
    """The browser wherever it is, and others where it was."""
    guessed.defaults["REMOTE_ADDR"] = "192.0.2.77"
    assert log_in(guessed, member.email).status_code == 302
    at_home = Client(SERVER_NAME="acme.localhost")
    answer = at_home.post(
        TOKEN, {"email": member.email, "password": PASSWORD}, content_type="application/json"
    )
    assert answer.status_code == 200


def test_a_known_browser_is_limited_as_well(guessed: Client, member: User) -> None:
    answers = [log_in(guessed, member.email, "wrong").status_code for _ in range(5)]
    assert answers == [200] * 4 + [429]
    assert log_in(guessed, member.email).status_code == 429


def test_a_browser_is_known_to_its_own_account_only(
    guessed: Client, acme: Tenant, member: User, member_of: MemberOf
) -> None:
    colleague = member_of(acme, Role.TENANT_ADMIN)
    for number in range(9):
        log_in(elsewhere(number), colleague.email, "wrong")
    guessed.defaults["REMOTE_ADDR"] = "192.0.2.77"
    assert log_in(guessed, colleague.email).status_code == 429


def test_a_forged_cookie_makes_no_browser_known(guessed: Client, member: User) -> None:
    (name,) = [name for name in guessed.cookies if name.startswith("device-")]
    value = guessed.cookies[name].value
    forger = elsewhere(99)
    for forged in (value[:-1] + ("A" if value[-1] != "A" else "B"), value.partition(":")[0], "x", ""):
        forger.cookies[name] = forged
        assert log_in(forger, member.email).status_code == 429


def test_a_link_in_a_mail_leads_in_from_anywhere(
    guessed: Client, member: User, mailoutbox: list[Any]
) -> None:
    new = elsewhere(97)
    new.post("/password/forgotten/", {"email": member.email})
    assert choose(new, link_in(mailoutbox[-1])).status_code == 302
    assert log_in(new, member.email, NEW).status_code == 302


def test_of_guesses_at_once_no_more_are_tried_than_in_a_row(
    acme: Tenant, member: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of eight counts before any of them is answered."""
    asked: list[str] = []
    real = MembershipBackend.authenticate

    def slow(self: Any, request: Any, username: Any = None, password: Any = None, **more: Any) -> Any:
        asked.append(password)
        if len(asked) < 8:  # the next one comes while this one's password is looked at
            log_in(Client(SERVER_NAME="acme.localhost"), member.email, f"guess {len(asked)}")
        return real(self, request, username=username, password=password, **more)

    monkeypatch.setattr(MembershipBackend, "authenticate", slow)
    log_in(Client(SERVER_NAME="acme.localhost"), member.email, "guess 0")
    assert len(asked) == 5


@pytest.fixture
def without_redis(settings: Any) -> None:
    """Nobody listens where Redis should be."""
    settings.CACHES = {
        "default": settings.CACHES["default"] | {"LOCATION": f"redis://127.0.0.1:{ports.pick(None)}/0"}
    }


def test_guesses_are_counted_while_redis_is_away(
    acme: Tenant, client_of: ClientOf, member: User, without_redis: None
) -> None:
    client = client_of(acme, None)
    answers = [log_in(client, member.email, "wrong").status_code for _ in range(6)]
    assert answers == [200] * 4 + [429] * 2
    assert log_in(client, member.email).status_code == 429


def test_counts_are_forgotten_when_they_are_over(client_of: ClientOf, acme: Tenant, member: User) -> None:
    later = timezone.now() + timedelta(days=31)
    with installation():
        forget_attempts(before=later)  # of tests that commit
    log_in(client_of(acme, None), member.email, "wrong")
    with installation():
        assert forget_attempts(before=timezone.now()) == 0
        assert forget_attempts(before=later) == 2
