"""The second factor: set up by oneself, asked for at every door, required where an organisation wants it."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from asgiref.sync import async_to_sync
from channels.testing import WebsocketCommunicator
from django.contrib.auth import SESSION_KEY
from django.core.mail import EmailMessage
from django.test import Client

from tenants.actions import drop_second_factor, require_second_factor
from tenants.models import Tenant, User
from tenants.rules import Role
from tests.conftest import PASSWORD
from tests.pages.logins import SET_UP, Phone, join, log_in, set_up, system_admin

ClientOf = Callable[..., Client]
MemberOf = Callable[[Tenant, Role], User]
CODE, TOKEN, OFF = "/login/code/", "/api/v1/auth/token/", "/account/second-factor/off/"


@pytest.fixture
def member(acme: Tenant, member_of: MemberOf) -> User:
    return member_of(acme, Role.VIEWER)


@pytest.fixture
def client(acme: Tenant, client_of: ClientOf, member: User) -> Client:
    """A browser in which the member just logged in."""
    client = client_of(acme, None)
    log_in(client, member.email)
    return client


@pytest.fixture
def another(acme: Tenant, client_of: ClientOf) -> Client:
    """A browser on acme's host that is not logged in."""
    return client_of(acme, None)


@pytest.fixture
def phone(client: Client) -> Phone:
    """The member's phone, set up with `client`."""
    return set_up(client)[0]


def token(client: Client, email: str, **more: str) -> Any:
    body = {"email": email, "password": PASSWORD} | more
    return client.post(TOKEN, body, content_type="application/json")


def test_logging_in_then_takes_a_code(phone: Phone, another: Client, member: User) -> None:
    assert log_in(another, member.email, next="/visitors/")["Location"] == CODE
    assert SESSION_KEY not in another.session
    assert another.get("/").status_code == 302
    assert "Enter your code" in another.get(CODE).content.decode()
    assert "This code is incorrect" in another.post(CODE, {"code": "000000"}).content.decode()
    assert another.post(CODE, {"code": phone.code()})["Location"] == "/visitors/"
    assert another.get("/visitors/").status_code == 200


def test_the_code_page_is_nothing_by_itself(another: Client, phone: Phone) -> None:
    assert another.get(CODE)["Location"] == "/login/"
    assert another.post(CODE, {"code": phone.code()})["Location"] == "/login/"


def test_a_code_works_once(phone: Phone, another: Client, member: User) -> None:
    code = phone.code()
    log_in(another, member.email)
    assert another.post(CODE, {"code": code}).status_code == 302
    another.post("/logout/")
    log_in(another, member.email)
    assert "was already used" in another.post(CODE, {"code": code}).content.decode()


def test_the_code_that_set_it_up_logs_nobody_in(client: Client, another: Client, member: User) -> None:
    phone, _ = set_up(client)
    phone._step -= 1
    log_in(another, member.email)
    assert "was already used" in another.post(CODE, {"code": phone.code()}).content.decode()


def test_a_recovery_code_works_in_its_place_once(client: Client, another: Client, member: User) -> None:
    _, codes = set_up(client)
    assert len(set(codes)) == 10
    for answer in (302, 200):
        log_in(another, member.email)
        assert another.post(CODE, {"code": codes[0]}).status_code == answer
        another.post("/logout/")
    assert "9 left" in client.get("/account/").content.decode()


def test_recovery_codes_are_shown_once_and_made_anew(client: Client, member: User) -> None:
    _, codes = set_up(client)
    page = client.get("/account/recovery-codes/").content.decode()
    assert "cannot be shown again" in page
    assert not any(code in page for code in codes)
    answer = client.post("/account/recovery-codes/new/", follow=True).content.decode()
    assert "only now" in answer
    assert not any(code in answer for code in codes)
    client.post("/logout/")
    log_in(client, member.email)
    assert client.post(CODE, {"code": codes[1]}).status_code == 200


def test_secrets_are_stored_encrypted(client: Client, phone: Phone, member: User) -> None:
    rows = {row.type: row.data for row in Authenticator.objects.filter(user=member)}
    assert set(rows) == {"totp", "recovery_codes"}
    assert phone.secret not in str(rows)
    assert rows["totp"]["secret"].startswith("gAAAA")
    assert rows["recovery_codes"]["seed"].startswith("gAAAA")


def test_the_pending_secret_is_encrypted_too(client: Client) -> None:
    page = client.get(SET_UP).content.decode()
    assert "<svg" in page
    secret = page[page.index('class="key">') + 12 :].partition("<")[0]
    assert len(secret) == 32
    assert secret not in str(dict(client.session.items()))


def test_five_wrong_codes_lock(phone: Phone, another: Client, member: User) -> None:
    log_in(another, member.email)
    for count in range(5):
        answer = another.post(CODE, {"code": f"00000{count}"})
    assert answer.status_code == 429
    assert "You cannot log in from here" in answer.content.decode()
    assert another.post(CODE, {"code": phone.code()}).status_code in (200, 429)
    assert SESSION_KEY not in another.session
    assert log_in(another, member.email).status_code == 429


def test_codes_are_limited_whatever_the_address(phone: Phone, member: User) -> None:
    for number in range(5):
        elsewhere = Client(SERVER_NAME="acme.localhost", REMOTE_ADDR=f"192.0.2.{number}")
        log_in(elsewhere, member.email)
        assert elsewhere.post(CODE, {"code": "000000"}).status_code == 200
    elsewhere = Client(SERVER_NAME="acme.localhost", REMOTE_ADDR="192.0.2.99")
    log_in(elsewhere, member.email)
    assert "Too many wrong codes" in elsewhere.post(CODE, {"code": phone.code()}).content.decode()
    assert SESSION_KEY not in elsewhere.session


def test_a_token_takes_a_code_too(phone: Phone, another: Client, member: User) -> None:
    for more in ({}, {"code": "000000"}):
        answer = token(another, member.email, **more)
        assert answer.status_code == 401
        assert "code" in answer.json()["detail"]
    assert "`code`" not in token(another, member.email, password="wrong").json()["detail"]
    code = phone.code()
    assert token(another, member.email, code=code).status_code == 200
    assert token(another, member.email, code=code).status_code == 401
    assert "sessionid" not in another.cookies


def test_wrong_codes_at_the_api_lock(phone: Phone, another: Client, member: User) -> None:
    answers = [token(another, member.email, code="000000") for _ in range(5)]
    assert [answer.status_code for answer in answers] == [401] * 4 + [429]
    assert answers[-1]["Content-Type"] == "application/problem+json"
    assert log_in(another, member.email).status_code == 429


def test_other_sessions_end_when_it_is_turned_on_or_off(
    client: Client, another: Client, member: User, mailoutbox: list[EmailMessage]
) -> None:
    log_in(another, member.email)
    assert another.get("/").status_code == 200
    phone, _ = set_up(client)
    assert another.get("/").status_code == 302
    log_in(another, member.email)
    another.post(CODE, {"code": phone.code()})
    assert another.get("/").status_code == 200
    assert client.post(OFF)["Location"] == "/account/"
    assert another.get("/").status_code == 302
    assert client.get("/").status_code == 200
    assert not Authenticator.objects.filter(user=member).exists()
    assert log_in(another, member.email)["Location"] == "/"
    assert {message.to[0] for message in mailoutbox} == {member.email}


def test_it_takes_a_proof_when_the_login_is_a_while_ago(
    client: Client, phone: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 600)
    answer = client.post(OFF)
    assert answer["Location"].startswith("/account/confirm/?next=")
    assert "Confirm your identity" in client.get(answer["Location"]).content.decode()
    assert "Incorrect password" in client.post(answer["Location"], {"password": "wrong"}).content.decode()
    for target in ("https://evil.test/", "http://other.localhost/"):
        aside = client.post("/account/confirm/", {"password": PASSWORD, "next": target})
        assert aside["Location"] == "/"
    client.post(answer["Location"], {"password": PASSWORD})
    assert client.post(OFF).status_code == 302
    assert "Off" in client.get("/account/").content.decode()


def test_who_has_none_reaches_only_the_page_that_sets_it_up(
    acme: Tenant, client: Client, member: User
) -> None:
    require_second_factor(tenant=acme, required=True)
    for path in ("/", "/visitors/", "/admin/", "/account/", "/account/password/", "/nothing/"):
        assert client.get(path)["Location"] == SET_UP, path
    answer = client.get("/api/v1/visits/")
    assert answer.status_code == 403
    assert "/account/second-factor/" in answer.json()["detail"]
    assert client.get("/", headers={"HX-Request": "true"})["HX-Redirect"] == SET_UP
    assert "acme requires two-factor authentication" in client.get(SET_UP).content.decode()
    set_up(client)
    for path in ("/", "/admin/", "/account/", "/api/v1/visits/"):
        assert client.get(path).status_code == 200, path


def test_it_cannot_be_turned_off_where_it_is_required(
    acme: Tenant, other: Tenant, client: Client, client_of: ClientOf, member: User
) -> None:
    join(member, other)
    phone, _ = set_up(client)
    require_second_factor(tenant=acme, required=True)
    elsewhere = client_of(other, None)
    log_in(elsewhere, member.email)
    elsewhere.post(CODE, {"code": phone.code()})
    for browser in (client, elsewhere):
        assert "You cannot turn it off" in browser.post(OFF).content.decode()
    assert Authenticator.objects.filter(user=member, type="totp").exists()


def test_tokens_need_it_where_it_is_required(acme: Tenant, another: Client, member: User) -> None:
    pair = token(another, member.email).json()
    require_second_factor(tenant=acme, required=True)
    answer = token(another, member.email)
    assert answer.status_code == 401
    assert "requires a second factor" in answer.json()["detail"]
    body = {"refresh": pair["refresh"]}
    assert another.post(f"{TOKEN}refresh/", body, content_type="application/json").status_code == 401


@pytest.mark.parametrize("required", [True, False])
def test_a_socket_needs_it_as_well(acme: Tenant, client: Client, required: bool) -> None:
    from facetrack.asgi import application

    require_second_factor(tenant=acme, required=required)
    cookie = f"sessionid={client.cookies['sessionid'].value}"
    headers = [
        (b"host", b"acme.localhost"),
        (b"origin", b"http://acme.localhost"),
        (b"cookie", cookie.encode()),
    ]

    async def first_word() -> Any:
        socket = WebsocketCommunicator(application, "/ws/live/", headers=headers)
        await socket.connect()
        try:
            return await socket.receive_output(timeout=1)
        except TimeoutError:
            return None

    said = async_to_sync(first_word)()
    assert (said or {}).get("code") == (4403 if required else None)


def test_administrators_decide_for_all(acme: Tenant, client_of: ClientOf) -> None:
    boss = client_of(acme)
    assert 'href="/settings/"' in boss.get("/").content.decode()
    assert boss.post("/settings/", {"second_factor_required": "on"}).status_code == 302
    acme.refresh_from_db()
    assert acme.second_factor_required
    assert boss.get("/settings/")["Location"] == SET_UP
    set_up(boss)
    assert "checked" in boss.get("/settings/").content.decode()
    boss.post("/settings/", {})
    acme.refresh_from_db()
    assert not acme.second_factor_required


@pytest.mark.parametrize("role", [Role.SITE_MANAGER, Role.VIEWER])
def test_nobody_else_does(acme: Tenant, client_of: ClientOf, role: Role) -> None:
    client = client_of(acme, role)
    assert 'href="/settings/"' not in client.get("/").content.decode()
    assert client.get("/settings/").status_code == 403
    assert client.post("/settings/", {"second_factor_required": "on"}).status_code == 403
    acme.refresh_from_db()
    assert not acme.second_factor_required


def test_the_installation_requires_it_by_a_setting(db: None, settings: Any) -> None:
    settings.FACETRACK_INSTALLATION_SECOND_FACTOR = True
    root = system_admin()
    client = Client(SERVER_NAME="localhost")
    log_in(client, root.email)
    assert client.get("/admin/")["Location"] == SET_UP
    set_up(client)
    assert client.get("/admin/").status_code == 200
    assert "You cannot turn it off" in client.post(OFF).content.decode()


def test_who_lost_everything_is_let_begin_anew(client: Client, another: Client, member: User) -> None:
    set_up(client)
    drop_second_factor(user=User.objects.get(pk=member.pk))
    assert client.get("/").status_code == 302
    assert log_in(another, member.email)["Location"] == "/"


def test_the_installation_drops_it_in_its_admin(client: Client, member: User) -> None:
    set_up(client)
    office = Client(SERVER_NAME="localhost")
    log_in(office, system_admin().email)
    form = {"action": "drop_second_factors", "_selected_action": [str(member.pk)]}
    assert office.post("/admin/tenants/user/", form).status_code == 302
    member.refresh_from_db()
    assert member.second_factor_at is None
