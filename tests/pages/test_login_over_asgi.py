"""Logging in, lockout and throttles as the real server has them: through the ASGI application."""

from collections.abc import Callable

import pytest
from django.conf import settings
from pytest_django import Settings

from tenants.models import Tenant, User
from tenants.rules import Role
from tests.asgi import Asgi
from tests.conftest import PASSWORD

MemberOf = Callable[[Tenant, Role], User]
TOKEN = "/api/v1/auth/token/"


@pytest.fixture
def member(acme: Tenant, member_of: MemberOf) -> User:
    return member_of(acme, Role.VIEWER)


def log_in(browser: Asgi, email: str, password: str = PASSWORD, **headers: str) -> int:
    return browser.submit("/login/", {"username": email, "password": password}, **headers).status


def get_token(program: Asgi, email: str, password: str = PASSWORD, **headers: str) -> int:
    return program.post_json(TOKEN, {"email": email, "password": password}, **headers).status


def test_logging_in_makes_the_browser_known(member: User) -> None:
    browser = Asgi()
    answer = browser.submit("/login/", {"username": member.email, "password": PASSWORD})
    assert (answer.status, answer.headers["location"]) == (302, "/")
    (name,) = [name for name in answer.cookies if name.startswith("device-")]
    cookie = answer.cookies[name]
    assert cookie["httponly"]
    assert (cookie["samesite"], cookie["path"]) == ("Lax", "/")
    assert int(cookie["max-age"]) > 86_400
    assert member.email not in cookie.value
    assert settings.SESSION_COOKIE_NAME in answer.cookies
    assert browser.ask("GET", "/").status == 200


def test_the_api_says_that_it_is_locked(member: User) -> None:
    program = Asgi()
    assert [get_token(program, member.email, "wrong") for _ in range(6)] == [401] * 4 + [429] * 2
    answer = program.post_json(TOKEN, {"email": member.email, "password": PASSWORD})
    assert (answer.status, answer.headers["content-type"]) == (429, "application/problem+json")
    assert 890 <= int(answer.headers["retry-after"]) <= 900
    assert "Too many wrong passwords" in answer.json()["detail"]
    assert not answer.cookies


def test_the_page_says_for_how_long(member: User) -> None:
    browser = Asgi()
    assert [log_in(browser, member.email, "wrong") for _ in range(5)] == [200] * 4 + [429]
    answer = browser.submit("/login/", {"username": member.email, "password": PASSWORD})
    assert answer.status == 429
    assert "You cannot log in from here for 15 minutes" in answer.text
    assert 890 <= int(answer.headers["retry-after"]) <= 900


@pytest.mark.parametrize("spelling", ["{}:41001", '"{}"', "{}"])
def test_a_proxy_that_writes_ports_locks_one_address(member: User, spelling: str, settings: Settings) -> None:
    """Not everybody's: each has a port of its own with each connection."""
    settings.FACETRACK_PROXIES = 1
    office, elsewhere = spelling.format("203.0.113.9"), spelling.format("198.51.100.7")
    answers = [get_token(Asgi(), member.email, "wrong", x_forwarded_for=office) for _ in range(6)]
    assert answers == [401] * 4 + [429] * 2
    assert get_token(Asgi(), member.email, x_forwarded_for=elsewhere) == 200
    assert get_token(Asgi(), member.email, x_forwarded_for=office) == 429


def test_empty_logins_of_strangers_shut_nobody_out(member: User, settings: Settings) -> None:
    settings.FACETRACK_THROTTLE = True
    settings.FACETRACK_RATE_TENANT = settings.FACETRACK_RATE_STRANGERS = 20
    for number in range(30):
        stranger = Asgi(address=f"2001:db8:0:{number:x}::1")
        assert stranger.submit("/login/", {}).status == 200
        assert stranger.post_json(TOKEN, {}).status == 400
    assert log_in(Asgi(), member.email) == 302
    assert get_token(Asgi(), member.email) == 200


def test_one_address_waits(member: User, settings: Settings) -> None:
    settings.FACETRACK_THROTTLE, settings.FACETRACK_RATE_ANONYMOUS = True, 3
    answers = [get_token(Asgi(address=f"2001:db8::{number}"), "", "") for number in range(5)]
    assert answers == [400] * 3 + [429] * 2
    page = Asgi(address="2001:db8::9").submit("/login/", {})
    assert page.status == 429
    assert 0 < int(page.headers["retry-after"]) <= 60
    assert log_in(Asgi(address="2001:db8:0:1::9"), member.email) == 302


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"[" * 90_000, "application/json"),
        (b'{"email": ' + b"9" * 90_000 + b"}", "application/json"),
        (b'{"email": NaN}', "application/json"),
        (b'{"email": Infinity}', "application/json"),
        (b'{"email": "a", "email": "b"}', "application/json"),
        (b'{"email": "\\ud800", "password": "x"}', "application/json"),
    ],
    ids=["depth", "digits", "nan", "infinity", "twice", "surrogate"],
)
def test_json_that_is_a_trap_is_refused(acme: Tenant, body: bytes, kind: str) -> None:
    answer = Asgi().ask("POST", TOKEN, body, content_type=kind)
    assert (answer.status, answer.headers["content-type"]) == (400, "application/problem+json")


def test_a_form_of_ten_thousand_parts_is_refused(acme: Tenant, member: User) -> None:
    browser = Asgi()
    browser.ask("GET", "/login/")  # without the cookie of the CSRF token nothing is looked at
    parts = b"".join(
        b'--x\r\nContent-Disposition: form-data; name="f%d"\r\n\r\n1\r\n' % number for number in range(10_000)
    )
    kind = "multipart/form-data; boundary=x"
    assert browser.ask("POST", "/login/", parts + b"--x--\r\n", content_type=kind).status == 400
    fields = b"&".join(b"f%d=1" % number for number in range(10_000))
    kind = "application/x-www-form-urlencoded"
    assert browser.ask("POST", "/login/", fields, content_type=kind).status == 400
