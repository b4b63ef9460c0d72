"""A proof is as old as the password or code that was given: nothing else makes it, or a session, newer."""

import re
import time
from collections.abc import Callable
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.conf import settings as django_settings
from django.core import signing
from django.test import Client

from tenants.actions import add_member
from tenants.models import ApiKey, Session, Tenant, User
from tenants.pages.tenant_switch import SALT
from tenants.rules import Role
from tests.conftest import PASSWORD
from tests.pages.logins import SET_UP, log_in, set_up

ClientOf = Callable[..., Client]
HOUR = 3600.0
TOKEN, OFF, CODE = "/api/v1/auth/token/", "/account/second-factor/off/", "/login/code/"
NEW_KEY = {"name": "Door display", "role": "viewer", "scopes": ["read"], "days": "90"}


class Clock:
    """The time that Python tells, moved on by hand."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._real, self._ahead = time.time, 0.0
        monkeypatch.setattr(time, "time", lambda: self._real() + self._ahead)

    def move_on(self, seconds: float) -> None:
        self._ahead += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


@pytest.fixture
def user(acme: Tenant, other: Tenant) -> User:
    """A member of both."""
    add_member(tenant=other, email="both@acme.test", role=Role.TENANT_ADMIN)
    user = add_member(tenant=acme, email="both@acme.test", role=Role.TENANT_ADMIN)
    user.set_password(PASSWORD)
    user.save()
    return user


@pytest.fixture
def browser(acme: Tenant, user: User, client_of: ClientOf) -> Client:
    """Logged in at acme with the password."""
    client = client_of(acme, None)
    assert log_in(client, user.email).status_code == 302
    return client


def hop(browser: Client, source: Tenant, target: Tenant, into: Client | None = None) -> Client:
    """Switch from one host to the other, and come out in another browser's window."""
    there = into or Client(SERVER_NAME=f"{target.schema_name}.localhost")
    page = browser.post("/switch/", {"tenant": str(target.pk)}).content.decode()
    token = re.findall(r'name="token" value="([^"]+)"', page)[0]
    origin = f"http://{source.schema_name}.localhost"
    answer = there.post("/switch/arrive/", {"token": token}, headers={"Origin": origin})
    assert answer.status_code == 302, answer.content
    return there


def test_a_switch_is_no_fresh_proof(browser: Client, acme: Tenant, other: Tenant, clock: Clock) -> None:
    clock.move_on(HOUR)
    there = hop(browser, acme, other)
    for path in (SET_UP, "/keys/new/", "/account/recovery-codes/new/"):
        assert there.get(path)["Location"].startswith("/account/confirm/?next="), path
    assert there.post(SET_UP, {"code": "000000"})["Location"].startswith("/account/confirm/")
    assert not Authenticator.objects.exists()
    there.post("/account/confirm/", {"password": "wrong", "next": SET_UP})
    assert there.get(SET_UP).status_code == 302
    there.post("/account/confirm/", {"password": PASSWORD, "next": SET_UP})
    assert there.get(SET_UP).status_code == 200


def test_a_fresh_proof_goes_along(browser: Client, acme: Tenant, other: Tenant) -> None:
    assert hop(browser, acme, other).get(SET_UP).status_code == 200


def test_a_confirmation_goes_along_with_its_time(
    browser: Client, acme: Tenant, other: Tenant, clock: Clock
) -> None:
    clock.move_on(HOUR)
    browser.post("/account/confirm/", {"password": PASSWORD})
    clock.move_on(200)
    there = hop(browser, acme, other)
    assert there.get(SET_UP).status_code == 200
    clock.move_on(200)
    assert there.get(SET_UP).status_code == 302


def test_hopping_does_not_prolong_the_session(
    browser: Client, acme: Tenant, other: Tenant, clock: Clock, settings: Any
) -> None:
    settings.SESSION_COOKIE_AGE = 100 * 3600
    for source, target in ((acme, other), (other, acme)) * 3:
        clock.move_on(1.9 * HOUR)
        browser = hop(browser, source, target)
        assert browser.get("/account/").status_code == 200
    assert browser.session.get_expiry_age() <= 0.7 * HOUR
    row = Session.objects.get(pk=browser.session.session_key)
    assert row.expire_date.timestamp() <= time.time() + 0.7 * HOUR, "sockets look at this end"
    clock.move_on(0.7 * HOUR)
    assert browser.get("/account/").status_code == 302


def test_a_hand_over_of_a_session_that_has_ended_leads_nowhere(
    browser: Client, acme: Tenant, other: Tenant, clock: Clock
) -> None:
    page = browser.post("/switch/", {"tenant": str(other.pk)}).content.decode()
    claims = signing.loads(re.findall(r'name="token" value="([^"]+)"', page)[0], salt=SALT)
    for proof in ({"began": time.time() - 13 * HOUR, "methods": []}, {"began": "x"}, None, {}):
        token = signing.dumps(claims | {"proof": proof}, salt=SALT)
        there = Client(SERVER_NAME="other.localhost")
        answer = there.post("/switch/arrive/", {"token": token}, headers={"Origin": claims["origin"]})
        assert answer.status_code == 403
        assert django_settings.SESSION_COOKIE_NAME not in there.cookies


def test_what_another_session_there_knew_does_not_mix(
    browser: Client, acme: Tenant, other: Tenant, user: User, clock: Clock
) -> None:
    """The one that arrives is as old as where it comes from, in a window with a newer login too."""
    clock.move_on(HOUR)
    there = Client(SERVER_NAME="other.localhost")
    log_in(there, user.email)
    assert there.get(SET_UP).status_code == 200
    hop(browser, acme, other, into=there)
    assert there.get(SET_UP).status_code == 302
    assert not [name for name, _ in there.session.items() if "secret" in name]


def test_a_token_is_no_login_of_the_session_beside_it(
    browser: Client, acme: Tenant, user: User, member_of: Callable[..., User], clock: Clock
) -> None:
    """Neither one's own nor, above all, that of another account in a session that was found open."""
    mate = member_of(acme, Role.VIEWER)
    began = browser.session["began"]
    clock.move_on(HOUR)
    for email in (mate.email, user.email):
        body = {"email": email, "password": PASSWORD}
        assert browser.post(TOKEN, body, content_type="application/json").status_code == 200
        assert browser.session["began"] == began
        assert browser.get(SET_UP).status_code == 302
    pair = browser.post(TOKEN, body, content_type="application/json").json()
    browser.post(f"{TOKEN}refresh/", {"refresh": pair["refresh"]}, content_type="application/json")
    assert browser.get(SET_UP).status_code == 302


def test_a_switch_does_not_forget_wrong_passwords(
    browser: Client, acme: Tenant, other: Tenant, user: User
) -> None:
    there = Client(SERVER_NAME="other.localhost")
    for _ in range(3):
        assert log_in(there, user.email, "wrong").status_code == 200
        hop(browser, acme, other)
    assert [log_in(there, user.email, "wrong").status_code for _ in range(2)] == [200, 429]


def test_the_present_password_cannot_be_guessed_where_it_is_changed(browser: Client, user: User) -> None:
    form = {"oldpassword": "wrong", "password1": "a new and better one", "password2": "a new and better one"}
    answers = [browser.post("/account/password/", form).status_code for _ in range(5)]
    assert answers == [200] * 4 + [429]
    answer = browser.post("/account/password/", form | {"oldpassword": PASSWORD})
    assert answer.status_code == 429
    user.refresh_from_db()
    assert user.check_password(PASSWORD)


def test_no_key_is_made_by_an_old_login(browser: Client, user: User, clock: Clock) -> None:
    tokens = browser.post(
        TOKEN, {"email": user.email, "password": PASSWORD}, content_type="application/json"
    ).json()
    body = {"name": "k", "role": "viewer", "scopes": ["read"]}
    bearer = {"Authorization": f"Bearer {tokens['access']}"}
    stranger = Client(SERVER_NAME="acme.localhost")

    def by_token() -> int:
        path = "/api/v1/keys/"
        return stranger.post(path, body, content_type="application/json", headers=bearer).status_code

    assert by_token() == 201
    clock.move_on(200)
    refreshed = stranger.post(
        f"{TOKEN}refresh/", {"refresh": tokens["refresh"]}, content_type="application/json"
    ).json()
    clock.move_on(200)
    bearer["Authorization"] = f"Bearer {refreshed['access']}"
    assert by_token() == 403
    answer = browser.post("/api/v1/keys/", body, content_type="application/json")
    assert answer.status_code == 403
    assert "/account/confirm/" in answer.json()["detail"]
    assert browser.post("/keys/new/", NEW_KEY)["Location"].startswith("/account/confirm/")
    rotated = f"/keys/{ApiKey.objects.get().pk}/rotate/"
    assert browser.post(rotated, {"overlap_hours": "1"})["Location"].startswith("/account/confirm/")
    assert ApiKey.objects.count() == 1


def test_a_code_is_a_proof_too_and_setting_up_is_none(browser: Client, clock: Clock) -> None:
    """What setting up gives is a code of one's own making: it does not count as a proof of the login."""
    phone, _ = set_up(browser)
    began = browser.session["began"]
    clock.move_on(HOUR)
    assert browser.post(OFF)["Location"].startswith("/account/confirm/")
    phone._step = int(time.time()) // 30 - 1
    browser.post("/account/confirm/code/", {"code": phone.code(), "next": "/account/"})
    assert browser.session["began"] == began
    assert browser.post(OFF)["Location"] == "/account/"
    assert browser.session["began"] == began


def test_changing_the_password_does_not_prolong_the_session(browser: Client, clock: Clock) -> None:
    began = browser.session["began"]
    clock.move_on(HOUR)
    form = {"oldpassword": PASSWORD, "password1": "a new and better one", "password2": "a new and better one"}
    assert browser.post("/account/password/", form).status_code == 302
    assert browser.session["began"] == began
    clock.move_on(11.1 * HOUR)
    assert browser.get("/account/").status_code == 302
