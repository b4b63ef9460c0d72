"""From one customer to another with one login: a way in for one person, to one host, once, within seconds."""

import re
from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import pytest
from django.conf import settings
from django.core import signing
from django.test import Client
from django.utils import timezone

from tenants.actions import add_member, begin_tenant_switch, forget_tenant_switches, use_tenant_switch
from tenants.isolation.context import installation
from tenants.models import Membership, Tenant, TenantSwitch, User
from tenants.pages.tenant_switch import SALT
from tenants.rules import Role

ClientOf = Callable[..., Client]
ORIGIN = "http://acme.localhost"


@pytest.fixture
def user(acme: Tenant, other: Tenant) -> User:
    """A member of both."""
    add_member(tenant=other, email="both@acme.test", role=Role.VIEWER)
    return add_member(tenant=acme, email="both@acme.test", role=Role.TENANT_ADMIN)


@pytest.fixture
def browser(acme: Tenant, user: User, client_of: ClientOf) -> Client:
    """Logged in at acme."""
    return client_of(acme, None, user=user)


@pytest.fixture
def there() -> Client:
    """The same browser at the other host, where it has no session."""
    return Client(SERVER_NAME="other.localhost")


def leave(browser: Client, target: Tenant) -> str:
    """What the browser carries over."""
    answer = browser.post("/switch/", {"tenant": str(target.pk)})
    assert answer.status_code == 200, answer.content
    text = answer.content.decode()
    assert 'action="http://other.localhost/switch/arrive/"' in text
    return str(re.findall(r'name="token" value="([^"]+)"', text)[0])


def arrive(client: Client, token: str, origin: str = ORIGIN) -> int:
    answer = client.post("/switch/arrive/", {"token": token}, headers={"Origin": origin})
    if answer.status_code != 302:
        assert settings.SESSION_COOKIE_NAME not in client.cookies
        assert "was already used or has expired" in answer.content.decode()
    return answer.status_code


def test_every_page_says_where_one_is_and_where_else_one_can_go(
    browser: Client, acme: Tenant, other: Tenant, client_of: ClientOf
) -> None:
    text = " ".join(browser.get("/visits/").content.decode().split())
    assert '<summary class="tenant">acme</summary>' in text
    assert f'value="{other.pk}" type="submit">other</button>' in text
    assert f'value="{acme.pk}"' not in text
    alone = client_of(acme, Role.VIEWER).get("/visits/").content.decode()
    assert "other" not in alone
    assert '<span class="tenant">acme</span>' in alone
    assert "Dashboard · acme" in browser.get("/admin/").content.decode()


def test_one_login_leads_to_the_other_host(browser: Client, there: Client, other: Tenant, user: User) -> None:
    assert there.get("/").status_code == 302
    assert arrive(there, leave(browser, other)) == 302
    page = there.get("/").content.decode()
    assert '<summary class="tenant">other</summary>' in page
    assert user.email in page
    assert there.get("/members/").status_code == 403  # a viewer there, an administrator here
    assert browser.get("/members/").status_code == 200


def test_sessions_of_two_customers_never_mix(browser: Client, there: Client, other: Tenant) -> None:
    arrive(there, leave(browser, other))
    name = settings.SESSION_COOKIE_NAME
    assert there.cookies[name].value != browser.cookies[name].value
    assert not there.cookies[name]["domain"]
    stolen = Client(SERVER_NAME="other.localhost")
    stolen.cookies[name] = browser.cookies[name].value
    assert stolen.get("/").status_code == 302
    there.post("/logout/")
    assert browser.get("/").status_code == 200


def test_it_works_once(browser: Client, there: Client, other: Tenant) -> None:
    token = leave(browser, other)
    assert arrive(there, token) == 302
    assert arrive(Client(SERVER_NAME="other.localhost"), token) == 403


def test_of_two_that_race_one_gets_in(acme: Tenant, other: Tenant, user: User) -> None:
    """Both have read the row as unused; the update is what decides."""
    now = timezone.now()
    made = begin_tenant_switch(user=user, source=acme, target_id=other.pk, now=now)
    with installation():
        tries = [
            use_tenant_switch(switch_id=made.pk, user_id=user.pk, source_id=acme.pk, target=other, now=now)
            for _ in range(2)
        ]
    assert tries == [True, False]


def test_it_runs_out(browser: Client, there: Client, other: Tenant) -> None:
    token = leave(browser, other)
    with installation():
        TenantSwitch.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert arrive(there, token) == 403


def test_its_signature_runs_out(
    browser: Client, there: Client, other: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    import time

    token, real = leave(browser, other), time.time
    monkeypatch.setattr("django.core.signing.time.time", lambda: real() + 31)
    assert arrive(there, token) == 403


def test_it_is_for_one_host(browser: Client, other: Tenant, acme: Tenant) -> None:
    token = leave(browser, other)
    assert arrive(Client(SERVER_NAME="acme.localhost"), token) == 403
    assert arrive(Client(SERVER_NAME="other.localhost"), token) == 302  # and is not used up by that


def test_it_is_for_one_user(
    browser: Client, there: Client, other: Tenant, member_of: Callable[..., User]
) -> None:
    """A token that names somebody else does not fit the row, even if it could be signed."""
    claims = signing.loads(leave(browser, other), salt=SALT)
    victim = member_of(other, Role.TENANT_ADMIN)
    assert arrive(there, signing.dumps(claims | {"user": str(victim.pk)}, salt=SALT)) == 403
    assert arrive(there, signing.dumps(claims | {"source": str(uuid4())}, salt=SALT)) == 403
    assert arrive(there, signing.dumps(claims, salt="another")) == 403


@pytest.mark.parametrize("token", ["", "x", "a:b:c", "é" * 200])
def test_nonsense_is_refused(other: Tenant, there: Client, token: str) -> None:
    assert arrive(there, token) == 403


@pytest.mark.parametrize("origin", ["http://evil.test", "null", "http://other.localhost", ""])
def test_a_form_of_another_page_logs_nobody_in(
    browser: Client, there: Client, other: Tenant, origin: str
) -> None:
    """Or somebody could be made to work, unawares, in the account of whoever made the form."""
    assert arrive(there, leave(browser, other), origin) == 403


def test_no_link_starts_or_ends_it(browser: Client, there: Client, other: Tenant) -> None:
    browser.get("/switch/", {"tenant": str(other.pk)})
    with installation():
        assert not TenantSwitch.objects.exists()
    token = leave(browser, other)
    assert there.get("/switch/arrive/", {"token": token}).status_code == 405
    strict = Client(SERVER_NAME="acme.localhost", enforce_csrf_checks=True)
    strict.cookies = browser.cookies
    assert strict.post("/switch/", {"tenant": str(other.pk)}).status_code == 403


def test_who_is_no_member_there_cannot_go(
    acme: Tenant, other: Tenant, client_of: ClientOf, there: Client, browser: Client, user: User
) -> None:
    stranger = client_of(acme, Role.VIEWER)
    answers = [stranger.post("/switch/", {"tenant": str(pk)}) for pk in (other.pk, uuid4())]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert answers[0].content == answers[1].content
    assert stranger.post("/switch/", {"tenant": "x"}).status_code == 404
    token = leave(browser, other)
    with installation():
        Membership.objects.filter(user=user, tenant=other).delete()
    assert arrive(there, token) == 403


def test_how_somebody_has_logged_in_goes_with_them(
    browser: Client, there: Client, other: Tenant, user: User
) -> None:
    """A second factor that was given here need not be given there again."""
    session = browser.session
    session["account_authentication_methods_user"] = str(user.pk)
    session["account_authentication_methods"] = [{"method": "mfa", "at": 1.0}]
    session.save()
    arrive(there, leave(browser, other))
    assert there.session["account_authentication_methods"] == [{"method": "mfa", "at": 1.0}]


def test_many_customers_are_searched_and_paged(browser: Client, acme: Tenant, user: User) -> None:
    with installation():
        for number in range(12):
            tenant = Tenant(name=f"Customer {number:02}", schema_name=f"c{number}")
            tenant.auto_create_schema = False
            tenant.save()
            Membership.objects.create(tenant=tenant, user=user, role=Role.VIEWER)
    menu = browser.get("/").content.decode()
    assert "Customer 09" in menu
    assert "Customer 10" not in menu
    assert "All customers" in menu
    listed = browser.get("/switch/").content.decode()
    assert "Customer 11" in listed
    found = browser.get("/switch/", {"q": "11"}).content.decode()
    assert "Customer 11" in found
    assert "Customer 10" not in found


def test_old_ones_are_forgotten(browser: Client, other: Tenant) -> None:
    leave(browser, other)
    with installation():
        assert forget_tenant_switches(before=timezone.now()) == 0
        assert forget_tenant_switches(before=timezone.now() + timedelta(minutes=1)) == 1
