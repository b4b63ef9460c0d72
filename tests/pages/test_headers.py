"""What every answer tells the browser, whatever it is about."""

from collections.abc import Callable
from io import BytesIO

import pytest
from django.http import HttpResponse
from django.test import Client, RequestFactory
from pytest_django import Settings
from rest_framework.test import APIClient

from tenants.models import Tenant
from tenants.web.headers import HeadersMiddleware
from tests.api.answers import V1

ClientOf = Callable[..., Client]
PATHS = [
    "/",
    "/visits/",
    "/nowhere/",
    "/login/",
    "/admin/",
    "/admin/cameras/camera/",
    f"{V1}/cameras/",
    f"{V1}/docs/",
]


@pytest.mark.parametrize("path", [*PATHS, "/pictures/x"])
def test_every_answer_has_them(acme: Tenant, client_of: ClientOf, path: str) -> None:
    headers = client_of(acme).get(path).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "camera=()" in headers["Permissions-Policy"]
    assert "no-store" in headers["Cache-Control"]
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy


def test_so_has_an_answer_to_nobody(db: None) -> None:
    answer = Client(SERVER_NAME="nobody.localhost").get("/")
    assert answer.status_code == 404
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


def directives(policy: str) -> dict[str, set[str]]:
    return {name: set(rest) for name, *rest in (part.split() for part in policy.split(";") if part.strip())}


@pytest.mark.parametrize("path", PATHS)
def test_only_the_admin_may_evaluate(acme: Tenant, client_of: ClientOf, path: str) -> None:
    policy = directives(client_of(acme).get(path).headers["Content-Security-Policy"])
    scripts = policy.get("script-src", set())
    assert "'unsafe-inline'" not in scripts
    assert ("'unsafe-eval'" in scripts) == path.startswith("/admin/")
    assert "'unsafe-inline'" not in policy.get("style-src", set())


def test_the_socket_and_the_pictures_have_their_sources(
    acme: Tenant, client_of: ClientOf, settings: Settings
) -> None:
    settings.S3_ENDPOINT_URL = "https://s3.example:9000/path?x"
    policy = directives(client_of(acme).get("/visits/").headers["Content-Security-Policy"])
    assert policy["connect-src"] == {"'self'", "ws://acme.localhost"}
    assert policy["img-src"] == {"'self'", "blob:", "data:", "https://s3.example:9000"}
    assert policy["form-action"] == {"'self'"}


def test_a_nonce_is_new_each_time_and_only_where_it_is_used() -> None:
    def answer(use: bool) -> HttpResponse:
        request = RequestFactory().get("/visits/")

        def view(request: object) -> HttpResponse:
            return HttpResponse(str(request.csp_nonce) if use else "")  # type: ignore[attr-defined]

        return HeadersMiddleware(view)(request)  # type: ignore[return-value]

    first, second = answer(use=True), answer(use=True)
    nonce = first.content.decode()
    assert f"'nonce-{nonce}'" in first.headers["Content-Security-Policy"]
    assert nonce != second.content.decode()
    assert "nonce" not in answer(use=False).headers["Content-Security-Policy"]


def test_a_form_that_is_too_large_is_refused_unread(acme: Tenant, client_of: ClientOf) -> None:
    client = client_of(acme)
    for length in (str(10**9), "9" * 40, "-1", "many"):
        answer = client.generic("POST", "/login/", b"x", CONTENT_LENGTH=length)
        assert answer.status_code == 413, length


def test_a_form_of_too_many_parts_is_refused(acme: Tenant, client_of: ClientOf) -> None:
    """Whatever the parts are."""
    client, url = client_of(acme), "/admin/staff/staffmember/add/"
    files: list[BytesIO] = [BytesIO(b"x") for _ in range(11)]
    for number, file in enumerate(files):
        file.name = f"{number}.png"
    assert client.post(url, {"files": files}).status_code == 400
    assert client.post(url, {f"field{number}": "x" for number in range(600)}).status_code == 400


def test_no_script_reads_the_cookies(acme: Tenant, client_of: ClientOf) -> None:
    client = client_of(acme, None)
    cookie = client.get("/login/").cookies["csrftoken"]
    assert (cookie["httponly"], cookie["samesite"]) == (True, "Lax")


def test_the_api_takes_no_session_without_its_token(acme: Tenant, client_of: ClientOf) -> None:
    strict = Client(SERVER_NAME="acme.localhost", enforce_csrf_checks=True)
    strict.cookies = client_of(acme, kind=APIClient).cookies
    answer = strict.post(f"{V1}/sites/", {"name": "X"}, content_type="application/json")
    assert answer.status_code == 403
