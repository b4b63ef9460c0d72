"""Whatever cannot be answered is answered as a problem that says what to do."""

import json
from collections.abc import Callable

import pytest
from pytest_django import Settings
from rest_framework.test import APIClient

from cameras.models import Camera
from tenants.models import Tenant
from tests.api.answers import LOGOUT, REFRESH, TOKEN, V1, problem

MALFORMED = (
    b"{",
    b"",
    b"nonsense",
    b"\xff\xfe",
    b'{"name": NaN}',
    b"[" * 50_000,
    b"1" * 5000,
    b'{"n": 1e999}',
    b'{"n": -1e400}',
    b'{"n": 9999999999999999999}',
)


@pytest.mark.parametrize("path", [f"{V1}/sites/", TOKEN, REFRESH, LOGOUT])
def test_malformed_json(api: APIClient, path: str) -> None:
    for body in MALFORMED:
        problem(api.post(path, body, content_type="application/json"), 400)


@pytest.mark.parametrize("value", ["null", "[]", "7", '"x"', "true"])
def test_json_of_another_shape(api: APIClient, camera: Camera, value: str) -> None:
    for path in (f"{V1}/sites/", f"{V1}/cameras/", f"{V1}/staff/", TOKEN, REFRESH, LOGOUT):
        problem(api.post(path, value, content_type="application/json"), 400)
    problem(api.patch(f"{V1}/cameras/{camera.pk}/", value, content_type="application/json"), 400)


@pytest.mark.parametrize("text", [r'"a\ud800"', r'"a\u0000"', '{"a": {"b": []}}', "[[[]]]"])
def test_values_that_no_database_takes(api: APIClient, camera: Camera, text: str) -> None:
    for field in ("name", "location", "fps", "site", "username", "loop"):
        values = {
            "name": '"A"',
            "kind": '"usb"',
            "location": '"0"',
            "site": f'"{camera.site_id}"',
            field: text,
        }
        body = "{" + ", ".join(f'"{name}": {value}' for name, value in values.items()) + "}"
        problem(api.post(f"{V1}/cameras/", body, content_type="application/json"), 400, field=field)


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/xml", "application/x-www-form-urlencoded", "", "x"]
)
def test_another_media_type(api: APIClient, kind: str) -> None:
    for path in (f"{V1}/sites/", TOKEN):
        problem(api.generic("POST", path, "name=x", content_type=kind), 415)


def test_a_body_that_is_too_long(api: APIClient) -> None:
    body = json.dumps({"name": "x" * 100_000}).encode()
    for path in (f"{V1}/sites/", TOKEN):
        assert "100,000" in problem(api.post(path, body, content_type="application/json"), 413)["detail"]


def test_a_length_that_is_a_lie(api: APIClient) -> None:
    answer = api.generic(
        "POST", f"{V1}/sites/", "{}", content_type="application/json", CONTENT_LENGTH="9" * 5000
    )
    problem(answer, 413)


def test_a_body_in_chunks(api: APIClient) -> None:
    chunked = api.generic(
        "POST",
        f"{V1}/sites/",
        "{}",
        content_type="application/json",
        HTTP_TRANSFER_ENCODING="chunked",
        CONTENT_LENGTH="",
    )
    problem(chunked, 411)


ADDRESSES = (
    "",
    "nothing/",
    "sites",
    "cameras/door/",
    "cameras/1/",
    "cameras/0/start/",
    "cameras/%00/",
    "staff/x/faces/",
    "visits/6f1b4a52-0d55-4c5c-8a3c-1a2b3c4d5e6/",
    "visits/6F1B4A52-0D55-4C5C-8A3C-1A2B3C4D5E6F/",
    "visits/../sites/",
    "auth/",
)


def test_an_address_that_is_not_there(nobody: APIClient, api: APIClient, settings: Settings) -> None:
    for path in ADDRESSES:
        problem(api.get(f"{V1}/{path}"), 404)
        problem(nobody.put(f"{V1}/{path}"), 404)
    settings.DEBUG = True
    problem(nobody.post(f"{V1}/sites"), 404)


@pytest.mark.parametrize("method", ["PUT", "OPTIONS", "TRACE", "PROPFIND", "get"])
def test_a_method_that_is_not_there(api: APIClient, camera: Camera, method: str) -> None:
    for path in ("sites/", f"cameras/{camera.pk}/", "schema/", "docs/", "auth/token/"):
        if method == "get" and not path.startswith("auth"):
            continue
        answer = api.generic(method.upper(), f"{V1}/{path}")
        problem(answer, 405)
        assert method.upper() not in answer["Allow"]


def test_head_is_get_without_a_body(api: APIClient) -> None:
    answer = api.head(f"{V1}/sites/")
    assert (answer.status_code, answer.content) == (200, b"")


@pytest.mark.parametrize("path", ["sites/", "schema/"])
def test_problems_are_json_whatever_was_asked_for(
    acme: Tenant, api_of: Callable[..., APIClient], path: str
) -> None:
    client = api_of(acme, None)
    for accepted in ("text/html", "application/xml", "application/json", "*/*"):
        answer = client.get(f"{V1}/{path}", HTTP_ACCEPT=accepted)
        assert answer.status_code in (401, 406)
        problem(answer, answer.status_code)


def test_a_fault_of_ours_is_a_problem_too(
    acme: Tenant, api_of: Callable[..., APIClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    client = api_of(acme)
    client.raise_request_exception = False
    monkeypatch.setattr("cameras.api.views.all_sites", lambda: 1 / 0)
    answer = client.get(f"{V1}/sites/")
    assert "division" not in str(problem(answer, 500))
