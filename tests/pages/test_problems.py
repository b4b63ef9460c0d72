"""Error pages, and what every page keeps to: no inline script or style, for the strict policy to come."""

import re
from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client

from cameras.models import Camera
from tenants.models import Tenant
from visits.models import Sighting

ClientOf = Callable[..., Client]


def test_an_unknown_host_learns_nothing(acme: Tenant) -> None:
    answer = Client(SERVER_NAME="nobody.localhost").get("/")
    assert answer.status_code == 404
    text = answer.content.decode()
    assert "No customer is served at this address" in text
    assert "acme" not in text


def test_the_public_host_has_the_pages_too(acme: Tenant) -> None:
    client = Client(SERVER_NAME="localhost")
    assert "Log in" in client.get("/login/").content.decode()
    answer = client.get("/nothing/")
    assert answer.status_code == 404
    assert "Start page" in answer.content.decode()


def test_a_page_that_is_not_there(acme: Tenant, client_of: ClientOf) -> None:
    for client in (client_of(acme), client_of(acme, None)):
        answer = client.get("/nothing/")
        assert answer.status_code == 404
        assert "Nothing here" in answer.content.decode()


@pytest.mark.parametrize("logged_in", [True, False])
def test_the_database_being_away_is_said_in_plain_words(
    acme: Tenant, client_of: ClientOf, logged_in: bool
) -> None:
    client = client_of(acme) if logged_in else client_of(acme, None)
    client.raise_request_exception = False

    def away(*_: object) -> None:
        raise ConnectionError("the far end is gone")

    with connection.execute_wrapper(away):
        answer = client.get("/")
    assert answer.status_code == 500
    assert "went wrong on our side" in answer.content.decode()


def test_no_page_has_inline_script_or_style(
    acme: Tenant, client_of: ClientOf, camera: Camera, make_visit: Callable[..., Sighting]
) -> None:
    visitor = make_visit(camera).visitor_id
    client = client_of(acme)
    paths = [
        "/",
        "/visits/",
        "/sightings/",
        "/visitors/",
        "/cameras/",
        f"/people/visitors/{visitor}/",
        "/nothing/",
        "/login/",
        "/password/forgotten/",
        "/account/",
        "/account/password/",
        "/account/second-factor/",
        "/settings/",
        "/visitors/merges/",
        "/visitors/merges/history/",
    ]
    for path in [*paths, f"/people/visitors/{visitor}/forget/"]:
        text = client.get(path).content.decode()
        assert not re.search(r"<script(?![^>]*\bsrc=)", text), path
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:|hx-on", text), path
        assert not re.search(r'(src|href)="(https?:)?//', text), path
