"""Passwords: what makes a good one, changing it, and choosing one out of a mail."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth import SESSION_KEY
from django.core.cache import cache
from django.core.mail import EmailMessage
from django.test import Client
from django.utils.http import int_to_base36

from tenants.accounts.adapters import AccountAdapter
from tenants.accounts.links import invitations, resets
from tenants.isolation.context import installation
from tenants.models import Tenant, User
from tenants.rules import Role
from tests.conftest import PASSWORD
from tests.pages.logins import account, log_in, system_admin

ClientOf = Callable[..., Client]
MemberOf = Callable[[Tenant, Role], User]
NEW = "a new and better one"
FORGOTTEN, CHANGE = "/password/forgotten/", "/account/password/"


@pytest.fixture
def member(acme: Tenant, member_of: MemberOf) -> User:
    return member_of(acme, Role.VIEWER)


@pytest.fixture
def client(acme: Tenant, client_of: ClientOf) -> Client:
    """A browser on acme's host that is not logged in."""
    return client_of(acme, None)


def link_in(message: EmailMessage) -> str:
    found = re.search(r"https?://(\S+?)(/\S*)", str(message.body))
    assert found, message.body
    return found[2]


def choose(client: Client, link: str, password: str = NEW) -> Any:
    """Follow a link as a browser does, and type a password twice."""
    page = client.get(link, follow=True)
    if "This link is no longer valid" in page.content.decode():
        return page
    return client.post(page.redirect_chain[-1][0], {"password1": password, "password2": password})


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        ("eleven char", "too short"),
        ("viewer@acme.test", "too similar"),
        ("741852963074185", "entirely numeric"),
        ("qwerty123456", "too common"),
        ("x" * 129, "at most 128"),
    ],
)
def test_a_bad_password_is_refused_with_the_reason(
    client: Client, member: User, password: str, reason: str
) -> None:
    log_in(client, member.email)
    form = {"oldpassword": PASSWORD, "password1": password, "password2": password}
    answer = client.post(CHANGE, form)
    assert answer.status_code == 200
    assert reason in answer.content.decode()
    member.refresh_from_db()
    assert member.check_password(PASSWORD)


def test_changing_it_ends_other_sessions_and_tells_the_owner(
    client: Client, acme: Tenant, client_of: ClientOf, member: User, mailoutbox: list[EmailMessage]
) -> None:
    other_browser = client_of(acme, None)
    for browser in (client, other_browser):
        log_in(browser, member.email)
    form = {"oldpassword": "wrong", "password1": NEW, "password2": NEW}
    assert client.post(CHANGE, form).status_code == 200
    assert client.post(CHANGE, form | {"oldpassword": PASSWORD}).status_code == 302
    assert "Password changed" in client.get("/account/").content.decode()
    assert other_browser.get("/").status_code == 302
    assert [message.to for message in mailoutbox] == [[member.email]]
    assert NEW not in str(mailoutbox[0].body)
    assert log_in(other_browser, member.email, NEW).status_code == 302


def test_a_forgotten_password_is_chosen_anew_out_of_a_mail(
    client: Client, member: User, mailoutbox: list[EmailMessage]
) -> None:
    page = client.post(FORGOTTEN, {"email": "Viewer@ACME.test"}, follow=True).content.decode()
    assert "Check your mail" in page
    assert mailoutbox[0].to == [member.email]
    assert "http://acme.localhost/password/new/" in str(mailoutbox[0].body)
    link = link_in(mailoutbox[0])
    assert choose(client, link)["Location"] == "/login/"
    assert SESSION_KEY not in client.session
    assert "Password set" in client.get("/login/").content.decode()
    assert log_in(client, member.email).status_code == 200
    assert log_in(client, member.email, NEW).status_code == 302


def test_the_link_is_not_in_the_address_of_the_form(
    client: Client, member: User, mailoutbox: list[EmailMessage]
) -> None:
    """Or the next page would be told by the Referer header."""
    client.post(FORGOTTEN, {"email": member.email})
    link = link_in(mailoutbox[0])
    page = client.get(link, follow=True)
    secret = link.rstrip("/").rpartition("-")[2]
    assert secret not in page.redirect_chain[-1][0]
    assert secret not in page.content.decode()


def test_a_link_works_once_and_for_an_hour(
    client: Client, member: User, mailoutbox: list[EmailMessage], monkeypatch: pytest.MonkeyPatch
) -> None:
    client.post(FORGOTTEN, {"email": member.email})
    link = link_in(mailoutbox[0])
    monkeypatch.setattr(type(resets), "_now", lambda _: datetime.now() + timedelta(hours=2))  # noqa: DTZ005
    assert "This link is no longer valid" in choose(client, link).content.decode()
    monkeypatch.undo()
    assert choose(client, link).status_code == 302
    assert "This link is no longer valid" in choose(client, link, "yet another one").content.decode()
    forged = link.replace(link.rpartition("-")[2], "0" * 32 + "/")
    assert "This link is no longer valid" in choose(client, forged).content.decode()


def test_known_and_unknown_addresses_are_told_the_same(
    client: Client,
    acme: Tenant,
    other: Tenant,
    member: User,
    member_of: MemberOf,
    mailoutbox: list[EmailMessage],
) -> None:
    stranger = member_of(other, Role.VIEWER)
    gone = account("gone@acme.test", acme, is_active=False)
    answers = set()
    for email in (member.email, stranger.email, gone.email, "nobody@nowhere.test"):
        page = client.post(FORGOTTEN, {"email": email}, follow=True)
        answers.add(re.sub(r'name="csrf\w+" value="\w+"', "", page.content.decode()))
    assert len(answers) == 1
    assert [message.to[0] for message in mailoutbox] == [
        member.email,
        stranger.email,
        gone.email,
        "nobody@nowhere.test",
    ]
    assert ["/password/new/" in str(message.body) for message in mailoutbox] == [True, False, False, False]


def test_on_the_public_host_only_who_runs_the_installation_gets_a_link(
    member: User, mailoutbox: list[EmailMessage]
) -> None:
    Client(SERVER_NAME="localhost").post(FORGOTTEN, {"email": member.email})
    assert "No account there has this e-mail" in str(mailoutbox[0].body)


def test_it_works_on_the_public_host(db: None, mailoutbox: list[EmailMessage]) -> None:
    root = system_admin()
    client = Client(SERVER_NAME="localhost")
    client.post(FORGOTTEN, {"email": root.email})
    assert choose(client, link_in(mailoutbox[0])).status_code == 302
    assert log_in(client, root.email, NEW).status_code == 302


def test_nobody_is_flooded_with_mails(client: Client, member: User, mailoutbox: list[EmailMessage]) -> None:
    answers = [client.post(FORGOTTEN, {"email": member.email}) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [302, 302, 302, 429]
    assert "Too many requests" in answers[-1].content.decode()
    assert len(mailoutbox) == 3


def test_a_mail_server_that_is_away_is_said(client: Client, member: User, settings: Any) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    for email in (member.email, "nobody@nowhere.test"):
        answer = client.post(FORGOTTEN, {"email": email})
        assert answer.status_code == 200
        assert "The mail could not be sent" in answer.content.decode()


def test_a_new_password_lifts_the_lock(client: Client, member: User, mailoutbox: list[EmailMessage]) -> None:
    for _ in range(5):
        locked = log_in(client, member.email, "wrong")
    assert locked.status_code == 429
    client.post(FORGOTTEN, {"email": member.email})
    choose(client, link_in(mailoutbox[0]))
    assert log_in(client, member.email, NEW).status_code == 302


def test_links_go_where_the_installation_is_whatever_a_header_says(
    acme: Tenant, member: User, mailoutbox: list[EmailMessage], settings: Any
) -> None:
    """Or a stranger could have somebody's secret mailed with an address of the stranger's choosing in it."""
    root = system_admin()
    for tls, port, begins in (
        (False, 0, "http://{}"),
        (False, 8000, "http://{}:8000"),
        (True, 0, "https://{}"),
    ):
        settings.BEHIND_TLS, settings.FACETRACK_PUBLIC_PORT = tls, port
        for email, host in ((member.email, "acme.localhost"), (root.email, "localhost")):
            mailoutbox.clear()
            cache.clear()
            told = {"Host": f"{host}:6666", "X-Forwarded-Host": "evil.test", "X-Forwarded-Port": "6666"}
            Client().post(FORGOTTEN, {"email": email}, headers=told)
            Client().post(FORGOTTEN, {"email": "nobody@nowhere.test"}, headers=told)
            assert f"{begins.format(host)}/password/new/" in str(mailoutbox[0].body)
            assert "6666" not in str(mailoutbox[0].body) + str(mailoutbox[1].body)


def test_the_port_is_the_one_that_is_listened_at(member: User, mailoutbox: list[EmailMessage]) -> None:
    told = {"Host": "acme.localhost:6666"}
    Client().post(FORGOTTEN, {"email": member.email}, headers=told, SERVER_PORT="8123")
    assert "http://acme.localhost:8123/password/new/" in str(mailoutbox[0].body)


def test_an_account_of_the_installation_begins_with_a_mailed_link(
    db: None, mailoutbox: list[EmailMessage], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody but its owner ever knows its password."""
    root, office = system_admin(), Client(SERVER_NAME="localhost")
    log_in(office, root.email)
    assert 'type="password"' not in office.get("/admin/tenants/user/add/").content.decode()
    form = {"email": "New@Installation.test", "name": "New", "password1": PASSWORD, "password2": PASSWORD}
    assert office.post("/admin/tenants/user/add/", form).status_code == 302
    made = User.objects.get(email="new@installation.test")
    assert made.is_staff
    assert not made.has_usable_password()
    assert mailoutbox[0].to == [made.email]
    two_days_on = datetime.now() + timedelta(days=2)  # noqa: DTZ005
    monkeypatch.setattr(type(invitations), "_now", lambda _: two_days_on)
    theirs = Client(SERVER_NAME="localhost")
    assert choose(theirs, link_in(mailoutbox[0])).status_code == 302
    assert "This link is no longer valid" in choose(theirs, link_in(mailoutbox[0])).content.decode()
    assert log_in(theirs, made.email, NEW).status_code == 302
    office.post("/admin/tenants/user/", {"action": "mail_links", "_selected_action": [str(made.pk)]})
    assert "/password/new/" in str(mailoutbox[-1].body)


@pytest.mark.parametrize("path", [f"/password/new/{'0' * 32}-{int_to_base36(99)}-abc/", "/password/new/x-y/"])
def test_a_link_of_nobody_is_no_error(client: Client, path: str) -> None:
    assert client.get(path).status_code in (200, 404)


def test_an_account_that_is_switched_off_meanwhile_stays_so(member: User) -> None:
    with installation():
        read_before = User.objects.get(pk=member.pk)
        User.objects.filter(pk=member.pk).update(is_active=False)
        AccountAdapter().set_password(read_before, NEW)
        member.refresh_from_db()
    assert member.check_password(NEW)
    assert not member.is_active
