"""Logs hold no signed address and no query."""

import io
import logging
from collections.abc import Callable

import pytest
from django.test import Client

from facetrack.core.logs import WithoutSecrets
from tenants.models import Tenant


def logged(message: str, *args: object) -> str:
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    handler.addFilter(WithoutSecrets())
    handler.handle(logging.LogRecord("x", logging.INFO, "x.py", 1, message, args, None))
    return out.getvalue().strip()


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("/pictures/abc:def?x=1", "/pictures/…?…"),
        ("GET /pictures/abc:def HTTP/1.1", "GET /pictures/… HTTP/1.1"),
        ("GET /visits/?q=Ada HTTP/1.1", "GET /visits/?… HTTP/1.1"),
        ("/visits/", "/visits/"),
        (
            "https://me:pw@s3.example/faces-raw/x.jpg?X-Amz-Signature=1",
            "https://s3.example/faces-raw/x.jpg?…",
        ),
        ("rtsp://me:pw@10.0.0.7/x?pwd=1", "rtsp://10.0.0.7/x?…"),
        ("http://[", "…"),
        ("a / b", "a / b"),
    ],
)
def test_what_is_said_of_a_request(value: str, shown: str) -> None:
    assert logged("%s", value) == shown


def test_other_values_stay() -> None:
    assert logged("%s %d %s", "plain", 7, None) == "plain 7 None"
    assert logged("%(path)s", {"path": "/pictures/abc"}) == "/pictures/…"


def test_an_expired_picture_is_logged_without_its_address(
    acme: Tenant, client_of: Callable[..., Client], capsys: pytest.CaptureFixture[str]
) -> None:
    assert client_of(acme).get("/pictures/signed:token").status_code == 404
    for handler in logging.getLogger().handlers:
        if any(isinstance(one, WithoutSecrets) for one in handler.filters):
            return
    raise AssertionError("no handler of the settings has the filter")
