"""Invitations: nobody is a member before they accept, with the mailed link and an account that is theirs."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth import SESSION_KEY
from django.core.exceptions import ValidationError
from django.core.mail import EmailMessage
from django.test import Client
from django.utils import timezone

from cameras.models import Camera, Site
from tenants.access.rights import Access
from tenants.accounts.actions_invitations import (
    MAX_MAILS_TO_ONE,
    accept_signed_in,
    accept_with_password,
    forget_invitations,
    invite,
    invite_again,
)
from tenants.actions import add_member, change_member, forget_site
from tenants.audit.queries import lines_of
from tenants.isolation.context import installation
from tenants.models import Invitation, Membership, Tenant, User
from tenants.rules import Role
from tenants.rules.keys import digest_of
from tests.audit.conftest import seal
from tests.conftest import PASSWORD
from tests.pages.logins import account, log_in, set_up

ClientOf = Callable[..., Client]
MemberOf = Callable[..., User]
NEW = "a new and better one"
PAGE = "/invitation/"


@pytest.fixture
def admin(acme: Tenant, client_of: ClientOf) -> Client:
    return client_of(acme)


@pytest.fixture
def stranger(acme: Tenant, client_of: ClientOf) -> Client:
    """A browser on acme's host that is not logged in."""
    return client_of(acme, None)


@pytest.fixture
def invited(admin: Client, mailoutbox: list[EmailMessage]) -> Callable[..., str]:
    """Invite as an administrator of acme does; the path of the mailed link."""

    def make(email: str, role: str = "viewer", **more: Any) -> str:
        answer = admin.post("/members/", {"email": email, "role": role, **more}, follow=True)
        assert "They become a member when they accept it" in answer.content.decode()
        return link_in(mailoutbox[-1])

    return make


def link_in(message: EmailMessage) -> str:
    found = re.search(r"http://acme\.localhost(/invitation/[\w-]{43}/)\s", str(message.body))
    assert found, message.body
    return found[1]


def accept(browser: Client, link: str, **form: str) -> Any:
    """Follow a link and post what the page asks for."""
    page = browser.get(link, follow=True)
    if page.status_code != 200:
        return page
    return browser.post(PAGE, form)


def choose(browser: Client, link: str, password: str = NEW) -> Any:
    return accept(browser, link, password1=password, password2=password)


def is_member(email: str) -> bool:
    return Membership.objects.filter(user__email=email).exists()


def test_somebody_new_accepts_with_a_password_of_their_own(
    invited: Callable[..., str], stranger: Client, camera: Camera
) -> None:
    link = invited("Grace@Acme.test", "site_manager", sites=[str(camera.site_id)])
    with installation():
        assert not User.objects.filter(email="grace@acme.test").exists(), "no account before they accept"
    answer = stranger.get(link)
    assert answer["Location"] == PAGE, "the address of the form does not tell the secret"
    page = stranger.get(PAGE).content.decode()
    for words in ("tenant_admin@acme.test", "acme", "Site manager", "grace@acme.test", "Choose a password"):
        assert words in page
    assert link.split("/")[2] not in page
    assert not is_member("grace@acme.test"), "opening a link accepts nothing"
    assert choose(stranger, link)["Location"] == "/login/"
    assert SESSION_KEY not in stranger.session
    made = Membership.objects.select_related("user").get(user__email="grace@acme.test")
    assert (made.role, made.sites) == ("site_manager", [camera.site_id])
    assert log_in(stranger, "grace@acme.test", NEW)["Location"] == "/"


def test_it_is_listed_sent_again_and_withdrawn(
    admin: Client, invited: Callable[..., str], stranger: Client, mailoutbox: list[EmailMessage]
) -> None:
    first = invited("grace@acme.test")
    row = Invitation.objects.get()
    text = admin.get("/members/").content.decode()
    assert f'id="invitation-{row.pk}"' in text
    admin.post(f"/members/invitations/{row.pk}/again/")
    second = link_in(mailoutbox[-1])
    assert choose(stranger, first).status_code == 404, "a newer link replaces it"
    assert stranger.get(second).status_code == 302
    answer = admin.post(f"/members/invitations/{row.pk}/withdraw/", follow=True).content.decode()
    assert "is withdrawn" in answer
    assert f'id="invitation-{row.pk}"' not in answer
    assert stranger.post(PAGE, {"password1": NEW, "password2": NEW}).status_code == 404
    assert admin.post(f"/members/invitations/{row.pk}/again/").status_code == 404
    assert not is_member("grace@acme.test")


def test_a_link_works_once_and_for_three_days(
    invited: Callable[..., str], stranger: Client, client_of: ClientOf, acme: Tenant
) -> None:
    link, other_link = invited("grace@acme.test"), invited("late@acme.test")
    assert choose(stranger, link).status_code == 302
    page = choose(client_of(acme, None), link, "yet another one")
    assert page.status_code == 404
    assert "This invitation is no longer valid" in page.content.decode()
    assert User.objects.get(email="grace@acme.test").check_password(NEW)
    row = Invitation.objects.get(email="late@acme.test")
    assert timedelta(days=2.9) < row.expires_at - timezone.now() <= timedelta(days=3)
    client = client_of(acme, None)
    assert client.get(other_link).status_code == 302
    Invitation.objects.filter(pk=row.pk).update(expires_at=timezone.now())
    assert client.post(PAGE, {"password1": NEW, "password2": NEW}).status_code == 404
    assert not is_member("late@acme.test")


def test_an_account_of_another_customer_accepts_by_signing_in(
    invited: Callable[..., str], stranger: Client, other: Tenant, member_of: MemberOf
) -> None:
    user = member_of(other, Role.TENANT_ADMIN)
    link = invited(user.email)
    assert not is_member(user.email)
    page = stranger.get(link, follow=True).content.decode()
    assert "Log in with it" in page
    assert 'name="password1"' not in page
    assert "not the password" in accept(stranger, link, password="wrong").content.decode()
    assert choose(stranger, link).status_code == 200, "the link alone sets no password of theirs"
    assert not is_member(user.email)
    assert accept(stranger, link, password=PASSWORD)["Location"] == "/"
    assert stranger.get("/").status_code == 200
    assert stranger.session["began"]
    with installation():
        assert {row.role for row in Membership.objects.filter(user=user)} == {"tenant_admin", "viewer"}
        user.refresh_from_db()
        assert user.check_password(PASSWORD)


def test_signing_in_takes_the_second_factor_too(
    invited: Callable[..., str], stranger: Client, other: Tenant, client_of: ClientOf, member_of: MemberOf
) -> None:
    user = member_of(other, Role.TENANT_ADMIN)
    phone, _ = set_up(client_of(other, None, user=user))
    link = invited(user.email)
    assert "Enter its code" in accept(stranger, link, password=PASSWORD).content.decode()
    assert (
        "incorrect or was already used"
        in accept(stranger, link, password=PASSWORD, code="000000").content.decode()
    )
    assert not is_member(user.email)
    code = phone.code()
    assert accept(stranger, link, password=PASSWORD, code=code)["Location"] == "/"
    assert [one["method"] for one in stranger.session["account_authentication_methods"]] == [
        "password",
        "mfa",
    ]
    stranger.post("/logout/")
    log_in(stranger, user.email)
    assert "was already used" in stranger.post("/login/code/", {"code": code}).content.decode()


def test_guessing_the_password_is_stopped(
    invited: Callable[..., str], stranger: Client, other: Tenant, member_of: MemberOf
) -> None:
    user = member_of(other, Role.TENANT_ADMIN)
    link = invited(user.email)
    answers = [accept(stranger, link, password="wrong").status_code for _ in range(5)]
    assert answers == [200] * 4 + [429]
    assert accept(stranger, link, password=PASSWORD).status_code == 429
    assert not is_member(user.email)


def test_a_password_that_was_prepared_does_not_count(
    invited: Callable[..., str], stranger: Client, client_of: ClientOf, acme: Tenant
) -> None:
    """Who made the account knows it: who accepts chooses another one."""
    account("grace@acme.test", password="known to others")
    link = invited("grace@acme.test")
    assert accept(stranger, link, password="known to others").status_code == 200
    assert not is_member("grace@acme.test")
    assert choose(stranger, link).status_code == 302
    elsewhere = client_of(acme, None)
    assert log_in(elsewhere, "grace@acme.test", "known to others").status_code == 200
    assert log_in(elsewhere, "grace@acme.test", NEW).status_code == 302


@pytest.mark.parametrize("how", [{"is_staff": True}, {"is_active": False}])
def test_who_runs_the_installation_or_may_not_log_in_cannot_accept(
    invited: Callable[..., str], stranger: Client, how: dict[str, Any]
) -> None:
    account("grace@acme.test", **how)
    link = invited("grace@acme.test")
    assert "cannot become a member" in stranger.get(link, follow=True).content.decode()
    for form in ({"password": PASSWORD}, {"password1": NEW, "password2": NEW}):
        assert stranger.post(PAGE, form).status_code == 403
    assert not is_member("grace@acme.test")
    with pytest.raises(ValidationError):
        accept_with_password(
            digest=digest_of(link.split("/")[2]),
            tenant=Tenant.objects.get(),
            password=NEW,
            now=timezone.now(),
        )


def test_somebody_elses_session_accepts_nothing(
    invited: Callable[..., str], acme: Tenant, client_of: ClientOf
) -> None:
    mate = client_of(acme, Role.VIEWER)
    link = invited("grace@acme.test")
    page = mate.get(link, follow=True).content.decode()
    assert "You are logged in as viewer@acme.test" in page
    assert mate.post(PAGE, {"password1": NEW, "password2": NEW}).status_code == 403
    assert not is_member("grace@acme.test")


def test_a_link_counts_on_its_own_host_only(
    invited: Callable[..., str], other: Tenant, client_of: ClientOf
) -> None:
    link = invited("grace@acme.test")
    there = client_of(other, None)
    assert choose(there, link).status_code == 404
    session = there.session
    session["invitation"] = digest_of(link.split("/")[2])
    session.save()
    there.cookies["sessionid"] = str(session.session_key)
    assert there.post(PAGE, {"password1": NEW, "password2": NEW}).status_code == 404
    with installation():
        assert not User.objects.filter(email="grace@acme.test").exists()


@pytest.mark.parametrize("secret", ["x", "0" * 43, "é" * 43, "%00"])
def test_a_link_that_never_was_is_over(stranger: Client, secret: str) -> None:
    assert stranger.get(f"/invitation/{secret}/").status_code == 404
    assert stranger.get(PAGE).status_code == 404
    assert stranger.post(PAGE, {"password1": NEW, "password2": NEW}).status_code == 404


@pytest.mark.parametrize(
    ("first", "second", "words"),
    [
        ("eleven char", "eleven char", "too short"),
        ("grace@acme.test", "grace@acme.test", "too similar"),
        (NEW, "another one than that", "not the same"),
        ("x" * 129, "x" * 129, "at most 128"),
        ("", "", "required"),
    ],
)
def test_a_bad_password_is_refused_and_nothing_is_half_done(
    invited: Callable[..., str], stranger: Client, first: str, second: str, words: str
) -> None:
    link = invited("grace@acme.test")
    assert words in accept(stranger, link, password1=first, password2=second).content.decode()
    with installation():
        assert not User.objects.filter(email="grace@acme.test").exists()
    assert choose(stranger, link).status_code == 302


def test_of_two_who_accept_at_once_one_does(invited: Callable[..., str], acme: Tenant) -> None:
    digest = digest_of(invited("grace@acme.test").split("/")[2])
    accept_with_password(digest=digest, tenant=acme, password=NEW, now=timezone.now())
    with pytest.raises(ValidationError, match="was used"):
        accept_with_password(digest=digest, tenant=acme, password="the second one", now=timezone.now())
    assert User.objects.get(email="grace@acme.test").check_password(NEW)


def test_it_is_for_its_own_account(
    invited: Callable[..., str], acme: Tenant, other: Tenant, member_of: MemberOf
) -> None:
    user, mate = member_of(other, Role.TENANT_ADMIN), member_of(other, Role.VIEWER)
    digest = digest_of(invited(user.email).split("/")[2])
    with pytest.raises(ValidationError, match="another account"):
        accept_signed_in(digest=digest, tenant=acme, user=mate, now=timezone.now())
    assert not is_member(mate.email)


def test_who_is_no_administrator_any_more_invites_nobody(
    invited: Callable[..., str], acme: Tenant, stranger: Client
) -> None:
    link = invited("grace@acme.test")
    add_member(tenant=acme, email="second@acme.test", role=Role.TENANT_ADMIN)
    inviter = Membership.objects.get(user__email="tenant_admin@acme.test")
    change_member(access=Access(tenant=acme, role=Role.TENANT_ADMIN), member=inviter, role=Role.VIEWER)
    assert "is no longer an administrator" in choose(stranger, link).content.decode()
    assert not is_member("grace@acme.test")


def test_a_site_that_is_gone_is_no_site_of_an_invitation(
    invited: Callable[..., str], stranger: Client, camera: Camera
) -> None:
    second = Site.objects.create(name="Second", reentry_seconds=60)
    link = invited("grace@acme.test", "site_manager", sites=[str(camera.site_id), str(second.pk)])
    forget_site(site=second.pk)
    choose(stranger, link)
    assert Membership.objects.get(user__email="grace@acme.test").sites == [camera.site_id]


def test_mails_and_open_invitations_are_limited(admin: Client, acme: Tenant, settings: Any) -> None:
    settings.FACETRACK_MAX_INVITATIONS, settings.FACETRACK_INVITATION_MAILS = 3, 100
    now = timezone.now()
    access = Access(
        tenant=acme, role=Role.TENANT_ADMIN, user=User.objects.get(email="tenant_admin@acme.test")
    )

    def ask(number: int) -> Invitation:
        return invite(access=access, email=f"m{number}@acme.test", role=Role.VIEWER, now=now)[0]

    rows = [ask(number) for number in range(3)]
    with pytest.raises(ValidationError, match="3 invitations are pending"):
        ask(3)
    for _ in range(MAX_MAILS_TO_ONE - 1):
        invite_again(access=access, invitation=rows[0], now=now)
    with pytest.raises(ValidationError, match="5 times within a day"):
        invite_again(access=access, invitation=rows[0], now=now)
    admin.post(f"/members/invitations/{rows[0].pk}/withdraw/")
    assert (
        "5 times within a day"
        in admin.post("/members/", {"email": "m0@acme.test", "role": "viewer"}).content.decode()
    )
    settings.FACETRACK_INVITATION_MAILS = 7
    with pytest.raises(ValidationError, match="7 invitations were mailed within an hour"):
        ask(4)
    Invitation.objects.update(sent_at=now - timedelta(hours=2))
    assert ask(4).mails == 1


def test_a_mail_that_cannot_be_sent_is_said_and_can_be_sent_again(admin: Client, settings: Any) -> None:
    backend = settings.EMAIL_BACKEND
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    answer = admin.post("/members/", {"email": "grace@acme.test", "role": "viewer"}, follow=True)
    assert "could not be sent" in answer.content.decode()
    settings.EMAIL_BACKEND = backend
    again = admin.post(f"/members/invitations/{Invitation.objects.get().pk}/again/", follow=True)
    assert "Invitation sent to" in again.content.decode()


def test_invitations_of_another_customer_are_not_there(
    admin: Client, other: Tenant, client_of: ClientOf
) -> None:
    boss = client_of(other)
    boss.post("/members/", {"email": "grace@other.test", "role": "viewer"})
    with installation():
        foreign = Invitation.objects.get(tenant=other)
    assert "grace@other.test" not in admin.get("/members/").content.decode()
    for path in ("again", "withdraw"):
        answers = [admin.post(f"/members/invitations/{pk}/{path}/") for pk in (foreign.pk, uuid4())]
        assert [answer.status_code for answer in answers] == [404, 404]
    with installation():
        foreign.refresh_from_db()
    assert foreign.revoked_at is None


@pytest.mark.parametrize("role", [Role.SITE_MANAGER, Role.VIEWER])
def test_nobody_else_invites(
    acme: Tenant, client_of: ClientOf, invited: Callable[..., str], role: Role
) -> None:
    invited("grace@acme.test")
    client, row = client_of(acme, role), Invitation.objects.get()
    for path in (
        "/members/",
        f"/members/invitations/{row.pk}/again/",
        f"/members/invitations/{row.pk}/withdraw/",
    ):
        assert client.post(path, {"email": "a@b.test", "role": "viewer"}).status_code == 403
    assert Invitation.objects.filter(revoked_at=None).count() == 1


def test_the_log_says_who_invited_and_who_accepted(
    invited: Callable[..., str], stranger: Client, acme: Tenant
) -> None:
    link = invited("grace@acme.test")
    choose(stranger, link)
    seal()
    lines = [(line.actor_label, line.verb, line.object_kind) for line in lines_of(acme)]
    assert ("tenant_admin@acme.test", "created", "tenants.invitation") in lines
    assert ("grace@acme.test", "created", "tenants.membership") in lines
    assert link.split("/")[2] not in str([line.changes for line in lines_of(acme)])


def test_rows_are_kept_for_a_week(invited: Callable[..., str]) -> None:
    invited("grace@acme.test")
    with installation():
        assert forget_invitations(now=timezone.now() + timedelta(days=9)) == 0
        assert forget_invitations(now=timezone.now() + timedelta(days=11)) == 1
