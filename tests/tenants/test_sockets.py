"""The live socket: who may open it, what it passes on to whom, and that it ends when the right to it does."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from channels.sessions import CookieMiddleware
from channels.testing import WebsocketCommunicator
from django.conf import settings
from django.test import Client
from django.utils import timezone

from tenants.access.rights import Access
from tenants.actions import grant_support
from tenants.isolation.context import installation
from tenants.limits import socket_limits
from tenants.models import Membership, Session, Tenant, User
from tenants.rules import Role
from tenants.web import access_recheck
from tenants.web.access_recheck import Ended, PresentedCredential
from tenants.web.channels import TenantFromHost, group_of, groups_of
from tests.conftest import log_in, not_served
from tests.two_sites import TwoSites, two_sites
from visits.events import publish
from visits.pages.consumers import LiveConsumer

ClientOf = Callable[..., Client]
SOCKET = TenantFromHost(CookieMiddleware(LiveConsumer.as_asgi()))
QUIET = 0.3
"""Seconds in which nothing may come; what does come takes milliseconds."""

__all__ = ["two_sites"]


@pytest.fixture(autouse=True)
def _connection_of_the_test(monkeypatch: pytest.MonkeyPatch) -> None:
    """Channels closes connections between its steps; the test's holds its transaction."""
    monkeypatch.setattr("channels.db.close_old_connections", lambda: None)


def listen(browser: Client, told: Callable[[], None], expected: int = 1) -> list[Any]:
    """What the socket of a browser's page passes on after `told`; last a close code, if any.

    Waits for as many as are `expected`, and then whether there are more.
    """
    cookie = browser.cookies.get(settings.SESSION_COOKIE_NAME)
    headers = [(b"host", browser.defaults["SERVER_NAME"].encode())]
    if cookie:
        headers.append((b"cookie", f"{settings.SESSION_COOKIE_NAME}={cookie.value}".encode()))

    async def run() -> list[Any]:
        opened = WebsocketCommunicator(SOCKET, "/ws/live/", headers)
        heard: list[Any] = []
        connected, _ = await opened.connect(timeout=20)
        assert connected
        await asyncio.to_thread(told)
        while len(heard) < expected or not await opened.receive_nothing(QUIET):
            message = await opened.receive_output(timeout=20)
            heard.append(message["code"] if message["type"] == "websocket.close" else message["text"])
            if message["type"] == "websocket.close":
                return heard
        await opened.disconnect()
        return heard

    heard: list[Any] = async_to_sync(run)()
    return heard


def test_hints_are_of_ones_own_sites(acme: Tenant, two_sites: TwoSites, client_of: ClientOf) -> None:
    """That something happened at another site, and how often, is news as well."""
    north, south = two_sites.north, two_sites.south

    def tell() -> None:
        publish(acme, south.pk, 17, "visits")
        publish(acme, north.pk, 18, "cameras")

    manager = client_of(acme, Role.SITE_MANAGER, sites=[north])
    assert listen(manager, tell) == ['{"cursor": null, "about": "cameras"}']
    assert listen(client_of(acme, Role.VIEWER), tell, 2) == [
        '{"cursor": 17, "about": "visits"}',
        '{"cursor": 18, "about": "cameras"}',
    ]
    assert listen(client_of(acme, Role.SITE_MANAGER, sites=[]), tell, 0) == []


def test_another_customers_events_are_not_heard(
    acme: Tenant, other: Tenant, two_sites: TwoSites, client_of: ClientOf
) -> None:
    assert listen(client_of(acme), lambda: publish(other, two_sites.north.pk, 5, "visits"), 0) == []


@pytest.fixture
def change(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], Any]], None]:
    """Lets something happen to somebody's rights just before they are asked for the second time."""
    real = access_recheck.access_now
    monkeypatch.setattr(access_recheck, "RECHECK_SECONDS", 0.0)

    def before_the_second_look(what: Callable[[], Any]) -> None:
        def ask(shown: PresentedCredential) -> Any:
            what()
            return real(shown)

        monkeypatch.setattr(access_recheck, "access_now", ask)

    return before_the_second_look


def test_it_ends_with_the_right_to_it(
    acme: Tenant, two_sites: TwoSites, client_of: ClientOf, change: Callable[[Callable[[], Any]], None]
) -> None:
    """Logged out, of other sites, or in another role: what comes next is not passed on."""
    north, south = two_sites.north, two_sites.south
    browser = client_of(acme, Role.SITE_MANAGER, sites=[north])
    rows = Membership.objects.filter(user__email__startswith=Role.SITE_MANAGER)
    for happens, code in [
        (lambda: None, None),
        (lambda: rows.update(sites=[south.pk]), Ended.CHANGED),
        (lambda: rows.update(role=Role.VIEWER, sites=[]), Ended.CHANGED),
        (lambda: Session.objects.all().delete(), Ended.NOT_LOGGED_IN),
    ]:
        rows.update(role=Role.SITE_MANAGER, sites=[north.pk])
        change(happens)
        heard = listen(browser, lambda: publish(acme, north.pk, 2, "cameras"))
        assert heard == ([code] if code else ['{"cursor": null, "about": "cameras"}'])


@pytest.mark.parametrize(
    ("happens", "code"),
    [
        (lambda: Session.objects.all().delete(), Ended.NOT_LOGGED_IN),
        (lambda: Membership.objects.all().delete(), Ended.NOT_LOGGED_IN),
        (lambda: User.objects.update(is_active=False), Ended.NOT_LOGGED_IN),
        (lambda: not_served("acme.localhost"), Ended.NO_TENANT),
    ],
)
def test_it_ends_where_there_is_no_news_as_well(
    acme: Tenant,
    client_of: ClientOf,
    change: Callable[[Callable[[], Any]], None],
    happens: Callable[[], Any],
    code: Ended,
) -> None:
    browser = client_of(acme, Role.VIEWER)
    change(happens)
    assert listen(browser, lambda: None) == [code]


def test_who_is_no_member_is_told_why(
    acme: Tenant, other: Tenant, client_of: ClientOf, outsider: User
) -> None:
    elsewhere = client_of(other)
    elsewhere.defaults["SERVER_NAME"] = "acme.localhost"  # a session that was carried to another host
    for browser in (client_of(acme, None), elsewhere, client_of(acme, None, user=outsider)):
        assert listen(browser, lambda: None) == [Ended.NOT_LOGGED_IN]


def test_support_access_that_has_ended_is_told(acme: Tenant) -> None:
    with installation():
        root = User.objects.create_superuser("root@installation.test")
    ago = timezone.now() - timedelta(hours=3)
    admin = Access(acme, Role.TENANT_ADMIN)
    grant_support(access=admin, email=root.email, reason="a ticket", hours=1, now=ago)
    browser = Client(SERVER_NAME="acme.localhost")
    log_in(browser, root, acme)
    assert listen(browser, lambda: None) == [Ended.FORBIDDEN]


def test_groups_carry_tenant_and_site(acme: Tenant, other: Tenant, two_sites: TwoSites) -> None:
    site = two_sites.north.pk
    assert len({group_of(acme), group_of(other), group_of(acme, site), group_of(other, site)}) == 4
    assert groups_of(Access(acme, Role.SITE_MANAGER, frozenset())) == frozenset()
    assert groups_of(Access(acme, Role.VIEWER)) == {group_of(acme)}


def sent(browser: Client, *messages: dict[str, Any]) -> list[Any]:
    """The close codes of a socket to which these were sent."""
    cookie = browser.cookies[settings.SESSION_COOKIE_NAME].value
    headers = [
        (b"host", browser.defaults["SERVER_NAME"].encode()),
        (b"cookie", f"{settings.SESSION_COOKIE_NAME}={cookie}".encode()),
    ]

    async def run() -> list[Any]:
        opened = WebsocketCommunicator(SOCKET, "/ws/live/", headers)
        await opened.connect(timeout=20)
        for message in messages:
            await opened.send_input({"type": "websocket.receive", **message})
        codes = []
        while not await opened.receive_nothing(QUIET):
            codes.append((await opened.receive_output(timeout=20))["code"])
        await opened.disconnect()
        return codes

    codes: list[Any] = async_to_sync(run)()
    return codes


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ({"text": "{"}, 1007),
        ({"text": ""}, 1007),
        ({"text": "[" * 4_000}, 1007),
        ({"bytes": b"{}"}, 1003),
        ({"text": "1" * 4_097}, 1009),
        ({"text": '{"any": "thing"}'}, None),
    ],
)
def test_what_a_page_cannot_have_sent_ends_the_socket(
    acme: Tenant, client_of: ClientOf, message: dict[str, Any], code: int | None
) -> None:
    """And what comes after it is not looked at."""
    codes = sent(client_of(acme, Role.VIEWER), message, message)
    assert codes == ([] if code is None else [code])


def test_a_page_that_says_too_much_is_ended(acme: Tenant, client_of: ClientOf) -> None:
    browser = client_of(acme, Role.VIEWER)
    assert sent(browser, *[{"text": "1"}] * socket_limits.MAX_MESSAGES) == []
    assert sent(browser, *[{"text": "1"}] * (socket_limits.MAX_MESSAGES + 5)) == [socket_limits.TOO_MANY]


@pytest.mark.parametrize("limit", ["FACETRACK_SOCKETS_USER", "FACETRACK_SOCKETS_TENANT"])
def test_there_are_so_many_sockets_at_once(
    acme: Tenant, client_of: ClientOf, limit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A socket that ends, in whichever way, makes room."""
    monkeypatch.setattr(settings, limit, 2)
    browser = client_of(acme, Role.VIEWER)
    assert [sent(browser) for _ in range(4)] == [[]] * 4
    monkeypatch.setattr(settings, limit, 0)
    assert sent(browser) == [socket_limits.TOO_MANY]
    assert not socket_limits._open
