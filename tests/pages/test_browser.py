"""What a browser keeps of a form while sessions end, and that a page without a live picture loads."""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from uuid import UUID

import pytest
import requests
from django.db import connection
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright
from pytest_django.plugin import DjangoDbBlocker

from facetrack.devservices import ports
from facetrack.devservices.process_group import manage, process_group
from tenants.actions import add_member, create_tenant
from tenants.isolation.context import inside
from tenants.isolation.owner import as_owner
from tenants.models import Tenant
from tenants.rules import Role
from tests.audit.conftest import owner_session
from tests.backing import VAR
from tests.conftest import PASSWORD, drop_further_tenants, make_camera
from tests.e2e.conftest import CHROMIUM, wait_for
from tests.e2e.policy import violations
from tests.two_at_once import HOST

ARGUMENTS = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--disable-background-networking"]
OURS = "([key]) => !key.startsWith('htmx')"  # which keeps the address of its history
KEPT = f"JSON.stringify(Object.fromEntries(Object.entries(sessionStorage).filter({OURS})))"


@dataclass
class Served:
    """A customer on a web server of their own, which has the tests' database."""

    base: str
    port: int
    camera: UUID

    def sql(self, query: str, *values: str) -> list[tuple[Any, ...]]:
        with closing(owner_session()) as owner:
            owner.autocommit = True
            found = owner.execute(query.encode(), values)
            return found.fetchall() if found.description else []

    def ask(self, method: str, path: str, **given: Any) -> requests.Response:
        headers = {"Host": HOST} | given.pop("headers", {})
        address = f"http://127.0.0.1:{self.port}{path}"
        return requests.request(method, address, headers=headers, timeout=60, **given)

    def live(self) -> requests.Response:
        """All that comes of the live picture of the camera."""
        login = {"email": "admin@new.test", "password": PASSWORD}
        token = self.ask("POST", "/api/v1/auth/token/", json=login).json()["access"]
        path = f"/api/v1/cameras/{self.camera}/live.mjpg/"
        return self.ask("GET", path, headers={"Authorization": f"Bearer {token}"})

    def answers(self) -> bool:
        try:
            return self.ask("GET", "/login/").status_code == 200
        except requests.RequestException:
            return False


@pytest.fixture(scope="module")
def web(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Served]:
    port = ports.pick(None)
    with django_db_blocker.unblock():
        try:
            with as_owner():
                tenant = create_tenant(name="Globex", host=HOST, networks=["10.0.0.0/8"])
            with inside(tenant):
                camera = make_camera(enabled=True)
                for name, role in (("admin", Role.TENANT_ADMIN), ("manager", Role.SITE_MANAGER)):
                    sites = [camera.site_id] if role is Role.SITE_MANAGER else ()
                    email = f"{name}@new.test"
                    add_member(tenant=tenant, email=email, role=role, password=PASSWORD, sites=sites)
            parts = urlsplit(os.environ["DATABASE_URL"])
            database = urlunsplit(parts._replace(path=f"/{connection.settings_dict['NAME']}"))
            environ = {**os.environ, "DATABASE_URL": database}
            with process_group(logs=VAR / "log", environ=environ, say=print) as processes:
                processes.add("web", manage("web", "--port", str(port)))
                served = Served(f"http://{HOST}:{port}", port, camera.pk)
                wait_for(served.answers, 200, "the web server")
                yield served
        finally:
            drop_further_tenants()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if not CHROMIUM.exists():
        pytest.skip("needs Debian's chromium: apt-get install chromium")
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        # Playwright has an event loop in this thread, and the tests look at rows beside it.
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        yield playwright.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context()
    context.set_default_timeout(60_000)
    refused = violations(context)
    yield context
    context.close()
    assert refused == []


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()


@pytest.fixture
def path(web: Served) -> str:
    """The form of a site with an address."""
    ((site,),) = web.sql("UPDATE globex.cameras_site SET address = 'Old Street 1' RETURNING id")
    return f"{web.base}/admin/cameras/site/{site}/change/"


def log_in(page: Page, who: str) -> None:
    """On the login page that is shown; it leads back to where the user was."""
    page.get_by_label("E-mail").fill(f"{who}@new.test")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url(lambda url: "/login/" not in url)


def end_sessions(web: Served) -> None:
    web.sql("DELETE FROM tenants_session")


def test_what_was_typed_is_there_after_logging_in_again(web: Served, page: Page, path: str) -> None:
    page.goto(path)
    log_in(page, "admin")
    address = page.locator("#id_address")
    address.fill("Typed by the administrator")
    end_sessions(web)
    page.get_by_role("button", name="Save", exact=True).click()
    page.wait_for_url("**/login/**")
    log_in(page, "admin")
    expect(address).to_have_value("Typed by the administrator")
    expect(page.locator(".draft")).to_contain_text("not saved yet")
    page.get_by_role("button", name="Save", exact=True).click()
    page.wait_for_url("**/admin/cameras/site/")
    assert web.sql("SELECT address FROM globex.cameras_site") == [("Typed by the administrator",)]
    assert page.evaluate(KEPT) == "{}", "what is saved is not kept"
    page.goto(path)
    expect(page.locator(".draft")).to_have_count(0)


def test_chosen_rows_of_an_admin_list_are_no_draft(web: Served, page: Page, path: str) -> None:
    """An action that asks first comes back to the list as it was, without a word of unsaved text."""
    page.goto(f"{web.base}/admin/cameras/site/")
    log_in(page, "admin")
    page.locator("input.action-select").first.check()
    page.wait_for_timeout(300)
    assert page.evaluate(KEPT) == "{}"


def test_a_change_of_another_user_meanwhile_is_shown(web: Served, page: Page, path: str) -> None:
    page.goto(path)
    log_in(page, "admin")
    page.locator("#id_address").fill("Mine")
    end_sessions(web)
    web.sql("UPDATE globex.cameras_site SET address = 'Theirs'")
    page.get_by_role("button", name="Save", exact=True).click()
    page.wait_for_url("**/login/**")
    log_in(page, "admin")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator(".differences")).to_contain_text("Theirs")
    expect(page.locator("#id_address")).to_have_value("Mine")
    assert "Mine" in page.evaluate(KEPT), "the session may end once more"


def test_nothing_of_it_is_shown_to_the_next_user(web: Served, page: Page, path: str) -> None:
    page.goto(path)
    log_in(page, "admin")
    page.locator("#id_address").fill("Typed by the administrator")
    end_sessions(web)
    page.get_by_role("button", name="Save", exact=True).click()
    page.wait_for_url("**/login/**")
    log_in(page, "manager")
    expect(page.locator("#id_address")).to_have_value("Old Street 1")
    assert "Typed" not in page.content()
    assert page.evaluate(KEPT) == "{}"


def test_logging_out_deletes_it_in_all_tabs(
    web: Served, context: BrowserContext, page: Page, path: str
) -> None:
    page.goto(path)
    log_in(page, "admin")
    page.locator("#id_address").fill("Typed by the administrator")
    other = context.new_page()
    other.goto(f"{web.base}/members/")
    other.get_by_text("Invite a member").click()
    other.get_by_label("E-mail").first.fill("grace@acme.test")
    assert "grace@acme.test" in other.evaluate(KEPT)
    other.get_by_role("button", name="Log out").click()
    other.wait_for_url("**/login/**")
    assert other.evaluate(KEPT) == "{}"
    page.wait_for_function(f"{KEPT} === '{{}}'")


def test_passwords_and_logins_in_addresses_are_never_kept(web: Served, page: Page) -> None:
    page.goto(f"{web.base}/admin/cameras/camera/{web.camera}/change/")
    log_in(page, "admin")
    page.locator("#id_name").fill("Back door")
    page.locator("#id_username").fill("made-up-user")
    page.locator("#id_password").fill("made-up-password")
    page.locator("#id_location").fill("rtsp://me:made-up-secret@127.0.0.1/door")
    kept = json.dumps(page.evaluate(KEPT))
    assert "Back door" in kept
    assert "made-up" not in kept
    page.locator("#id_location").fill("rtsp://127.0.0.1/another")
    assert "rtsp://127.0.0.1/another" in page.evaluate(KEPT)


def test_the_page_of_a_camera_loads_while_no_picture_comes(web: Served, page: Page) -> None:
    running = "UPDATE globex.cameras_camera SET status = 'running', reported_at = now() + '1 day'"
    web.sql(f"{running}, last_frame_at = now() + '1 day'")
    page.goto(f"{web.base}/login/")
    log_in(page, "admin")
    with page.expect_request("**/live.mjpg/**"):
        page.goto(f"{web.base}/cameras/{web.camera}/", wait_until="load")
    expect(page.get_by_text("Waiting for the first picture")).to_be_visible()
    web.sql("UPDATE globex.cameras_camera SET status = 'error', status_detail = 'Login refused.'")
    page.reload()
    expect(page.locator("[data-moving]")).to_have_css("visibility", "hidden")  # no broken picture
    page.goto("about:blank")


def test_a_live_picture_that_does_not_come_ends_with_the_reason(web: Served) -> None:
    running = "UPDATE globex.cameras_camera SET status = 'running', reported_at = now() + '1 day'"
    web.sql(f"{running}, last_frame_at = now() + '1 day'")
    answer = web.live()
    assert answer.status_code == 200
    assert b"Content-Type: text/plain" in answer.content
    assert b"No picture came within 5 seconds" in answer.content
    web.sql("UPDATE globex.cameras_camera SET status = 'error', status_detail = 'Login refused.'")
    answer = web.live()
    assert (answer.status_code, answer.headers["Content-Type"]) == (503, "application/problem+json")
    assert answer.headers["Retry-After"] == "3"
    assert answer.json()["detail"] == "Door (Head office) has no live picture now. Error. Login refused."
    web.sql("UPDATE globex.cameras_camera SET enabled = false")
    assert web.live().status_code == 409
    web.sql("UPDATE globex.cameras_camera SET enabled = true")


def test_only_pages_for_a_user_say_whose_drafts_they_show(
    acme: Tenant, client_of: Callable[..., Client]
) -> None:
    client = client_of(acme)
    for path in ("/", "/admin/", "/members/"):
        assert b'<meta name="draft-user"' in client.get(path).content, path
        assert b"drafts.js" in client.get(path).content, path
    for page in (client_of(acme, None).get("/login/"), client.get("/nowhere/")):
        assert b"draft-user" not in page.content
        assert b"drafts.js" in page.content, "there a form that was sent is found not to be saved"
