"""The one door: who comes in by e-mail and password, where it leads, and how long it stays open."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth import SESSION_KEY
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.test import Client

from tenants.models import Tenant, User
from tenants.rules import Role
from tests.conftest import PASSWORD
from tests.pages.logins import account, log_in, system_admin

ClientOf = Callable[..., Client]
MemberOf = Callable[[Tenant, Role], User]


@pytest.fixture
def member(acme: Tenant, member_of: MemberOf) -> User:
    return member_of(acme, Role.VIEWER)


@pytest.fixture
def client(acme: Tenant, client_of: ClientOf) -> Client:
    """A browser on acme's host that is not logged in."""
    return client_of(acme, None)


@pytest.fixture
def root(db: None) -> User:
    return system_admin()


def told(answer: Any) -> str:
    text = answer.content.decode()
    assert answer.status_code == 200, answer.status_code
    return str(text[text.index('role="alert"') :].partition("</div>")[0])


def test_everybody_else_hears_what_a_wrong_password_hears(
    client: Client, acme: Tenant, other: Tenant, member: User, outsider: User, root: User, member_of: MemberOf
) -> None:
    stranger = member_of(other, Role.TENANT_ADMIN)
    gone = account("gone@acme.test", acme, is_active=False)
    said = {told(log_in(client, member.email, "wrong"))}
    for email in (outsider.email, root.email, stranger.email, gone.email, "nobody@nowhere.test"):
        said.add(told(log_in(client, email)))
        assert SESSION_KEY not in client.session
    assert len(said) == 1


def test_on_the_public_host_only_who_runs_the_installation(member: User, root: User) -> None:
    client = Client(SERVER_NAME="localhost")
    assert told(log_in(client, member.email)) == told(log_in(client, root.email, "wrong"))
    assert log_in(client, root.email)["Location"] == "/"
    assert client.get("/admin/").status_code == 200
    assert root.email in client.get("/account/").content.decode()


def test_all_take_one_hash(
    client: Client, acme: Tenant, member: User, outsider: User, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    """What takes time is the hash; a run without one would tell that there is no such account."""
    from django.contrib.auth.hashers import MD5PasswordHasher

    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    invited = account("invited@acme.test", acme, password=None)
    hashes: list[str] = []
    encode = MD5PasswordHasher.encode

    def counted(self: Any, password: str, salt: str) -> str:
        hashes.append(password)
        return encode(self, password, salt)

    monkeypatch.setattr(MD5PasswordHasher, "encode", counted)
    for email in (member.email, outsider.email, invited.email, "nobody@nowhere.test"):
        hashes.clear()
        log_in(client, email, "wrong")
        assert len(hashes) == 1, email


def test_the_session_has_a_new_key(client: Client, member: User) -> None:
    client.get("/login/")
    session = client.session
    session["planted"] = True
    session.save()
    client.cookies["sessionid"] = str(session.session_key)
    log_in(client, member.email)
    assert client.cookies["sessionid"].value != session.session_key


def test_the_login_leads_to_no_other_host(client: Client, member: User) -> None:
    for target in ("https://evil.test/", "//other.localhost/", "http://other.localhost/"):
        assert log_in(client, member.email, next=target)["Location"] == "/"


@pytest.mark.parametrize("host", ["acme.localhost", "localhost"])
def test_admin_has_no_door_of_its_own(member: User, root: User, host: str) -> None:
    client = Client(SERVER_NAME=host)
    answer = client.get("/admin/login/", {"next": "/admin/"})
    assert answer["Location"] == "/login/?next=%2Fadmin%2F"
    user = root if host == "localhost" else member
    for _ in range(2):
        answer = client.post("/admin/login/", {"username": user.email, "password": PASSWORD})
        assert answer["Location"].startswith("/login/?")
    assert SESSION_KEY not in client.session
    log_in(client, user.email)
    assert client.get("/admin/password_change/")["Location"] == "/account/"
    client.post("/admin/logout/")
    assert SESSION_KEY not in client.session


def test_nobody_signs_up(client: Client) -> None:
    for path in ("/signup/", "/account/signup/", "/accounts/signup/", "/account/email/"):
        assert client.get(path).status_code == 404


def test_logging_out_ends_the_session(client: Client, member: User) -> None:
    log_in(client, member.email)
    key = client.cookies["sessionid"].value
    client.post("/logout/")
    client.cookies["sessionid"] = key
    assert client.get("/").status_code == 302


def test_a_session_ends_when_it_is_idle_and_in_any_case_after_hours(
    client: Client, member: User, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.SESSION_COOKIE_AGE, settings.FACETRACK_SESSION_SECONDS = 7200, 12 * 3600
    log_in(client, member.email)
    assert client.get("/").status_code == 200
    assert client.session.get_expiry_age() <= 7200
    began = time.time()
    for hours in (1.5, 3, 6, 11.5):
        monkeypatch.setattr(time, "time", lambda at=began + hours * 3600: at)
        assert client.get("/").status_code == 200, hours
        assert client.session.get_expiry_age() <= 7200
    assert client.session.get_expiry_age() <= 1800, "the last hours end with the session"
    monkeypatch.setattr(time, "time", lambda: began + 12.1 * 3600)
    assert client.get("/").status_code == 302


def test_listeners_hear_of_every_login(client: Client, member: User) -> None:
    heard: list[tuple[str, str]] = []

    def came(sender: Any, request: Any, user: User, **_: Any) -> None:
        heard.append(("in", user.email))

    def went(sender: Any, request: Any, user: User, **_: Any) -> None:
        heard.append(("out", user.email))

    def failed(sender: Any, credentials: dict[str, str], request: Any, **_: Any) -> None:
        assert "wrong" not in credentials.values()
        heard.append(("failed", credentials.get("username") or credentials["email"]))

    user_logged_in.connect(came)
    user_logged_out.connect(went)
    user_login_failed.connect(failed)
    try:
        log_in(client, member.email, "wrong")
        log_in(client, member.email)
        client.post("/logout/")
        body = {"email": member.email, "password": "wrong"}
        path = "/api/v1/auth/token/"
        client.post(path, body, content_type="application/json")
        pair = client.post(path, body | {"password": PASSWORD}, content_type="application/json").json()
        client.post("/api/v1/auth/logout/", {"refresh": pair["refresh"]}, content_type="application/json")
    finally:
        user_logged_in.disconnect(came)
        user_logged_out.disconnect(went)
        user_login_failed.disconnect(failed)
    assert [what for what, _ in heard] == ["failed", "in", "out"] * 2
    assert {email for _, email in heard} == {member.email}
