"""What a browser keeps of a form while sessions end, and that a page without a live picture loads."""

import json
from collections.abc import Iterator
from uuid import UUID

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.e2e.conftest import CHROMIUM
from tests.e2e.policy import violations
from tests.web.conftest import HOSTS, PASSWORD, Web

ARGUMENTS = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--disable-background-networking"]
KEPT = "JSON.stringify(sessionStorage)"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if not CHROMIUM.exists():
        pytest.skip("needs Debian's chromium: apt-get install chromium")
    with sync_playwright() as playwright:
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
def site(web: Web) -> UUID:
    """A site with an address, for forms to change."""
    ((found,),) = web.sql("UPDATE acme.cameras_site SET name = 'Gate', address = 'Old Street 1' RETURNING id")
    return UUID(str(found))


def base(web: Web) -> str:
    return f"http://{HOSTS['acme']}:{web.ports[0]}"


def log_in(page: Page, who: str) -> None:
    """On the login page that is shown; it leads back to where the user was."""
    page.get_by_label("E-mail").fill(f"{who}@acme.test")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url(lambda url: "/login/" not in url)


def end_sessions(web: Web) -> None:
    web.sql("DELETE FROM tenants_session")


def test_what_was_typed_is_there_after_logging_in_again(web: Web, page: Page, site: UUID) -> None:
    path = f"{base(web)}/admin/cameras/site/{site}/change/"
    page.goto(path)
    log_in(page, "tenant_admin")
    address = page.locator("#id_address")
    address.fill("Typed by the administrator")
    end_sessions(web)
    page.get_by_role("button", name="Save", exact=True).click()
    page.wait_for_url("**/login/**")
    log_in(page, "tenant_admin")
    expect(address).to_have_value("Typed by the administrator")
    expect(page.locator(".draft")).to_contain_text("not saved yet")
    page.get_by_role("button", name="Save", exact=True).click()
    page.wait_for_url("**/admin/cameras/site/")
    assert web.sql("SELECT address FROM acme.cameras_site") == [("Typed by the administrator",)]
    assert page.evaluate(KEPT) == "{}", "what is saved is not kept"
    page.goto(path)
    expect(page.locator(".draft")).to_have_count(0)


def test_a_change_of_another_user_meanwhile_is_shown(web: Web, page: Page, site: UUID) -> None:
    page.goto(f"{base(web)}/admin/cameras/site/{site}/change/")
    log_in(page, "tenant_admin")
    page.locator("#id_address").fill("Mine")
    end_sessions(web)
    web.sql("UPDATE acme.cameras_site SET address = 'Theirs'")
    page.get_by_role("button", name="Save", exact=True).click()
    page.wait_for_url("**/login/**")
    log_in(page, "tenant_admin")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator(".differences")).to_contain_text("Theirs")
    expect(page.locator("#id_address")).to_have_value("Mine")
    assert "Mine" in page.evaluate(KEPT), "the session may end once more"


def test_nothing_of_it_is_shown_to_the_next_user(web: Web, page: Page, site: UUID) -> None:
    path = f"{base(web)}/admin/cameras/site/{site}/change/"
    page.goto(path)
    log_in(page, "tenant_admin")
    page.locator("#id_address").fill("Typed by the administrator")
    end_sessions(web)
    page.get_by_role("button", name="Save", exact=True).click()
    page.wait_for_url("**/login/**")
    log_in(page, "site_manager")
    expect(page.locator("#id_address")).to_have_value("Old Street 1")
    assert "Typed" not in page.content()
    assert page.evaluate(KEPT) == "{}"


def test_logging_out_deletes_it_in_all_tabs(
    web: Web, context: BrowserContext, page: Page, site: UUID
) -> None:
    path = f"{base(web)}/admin/cameras/site/{site}/change/"
    page.goto(path)
    log_in(page, "tenant_admin")
    page.locator("#id_address").fill("Typed by the administrator")
    other = context.new_page()
    other.goto(f"{base(web)}/members/")
    other.get_by_text("Invite a member").click()
    other.get_by_label("E-mail").first.fill("grace@acme.test")
    assert "grace@acme.test" in other.evaluate(KEPT)
    other.get_by_role("button", name="Log out").click()
    other.wait_for_url("**/login/**")
    assert other.evaluate(KEPT) == "{}"
    page.wait_for_function(f"{KEPT} === '{{}}'")


def test_passwords_and_logins_in_addresses_are_never_kept(web: Web, page: Page) -> None:
    page.goto(f"{base(web)}/admin/cameras/camera/{web.cameras['acme']}/change/")
    log_in(page, "tenant_admin")
    page.locator("#id_name").fill("Back door")
    page.locator("#id_username").fill("made-up-user")
    page.locator("#id_password").fill("made-up-password")
    page.locator("#id_location").fill("rtsp://me:made-up-secret@127.0.0.1/door")
    kept = json.dumps(page.evaluate(KEPT))
    assert "Back door" in kept
    assert "made-up" not in kept
    page.locator("#id_location").fill("rtsp://127.0.0.1/another")
    assert "rtsp://127.0.0.1/another" in page.evaluate(KEPT)


def test_the_page_of_a_camera_loads_while_no_picture_comes(web: Web, page: Page) -> None:
    ((camera,),) = web.sql(
        "INSERT INTO acme.cameras_camera SELECT (r).* FROM (SELECT jsonb_populate_record(c, jsonb_build_object("
        "'id', gen_random_uuid(), 'name', 'Silent', 'status', 'running', 'reported_at', now() + '1 day',"
        " 'last_frame_at', now() + '1 day')) r FROM acme.cameras_camera c LIMIT 1) one RETURNING id"
    )
    try:
        page.goto(f"{base(web)}/login/")
        log_in(page, "viewer")
        page.goto(f"{base(web)}/cameras/{camera}/", wait_until="load")
        expect(page.get_by_text("Waiting for the first picture")).to_be_visible()
        answer = web.sign_in("viewer").ask("GET", f"/api/v1/cameras/{camera}/live.mjpg/")
        assert answer.status_code == 200
        assert b"Content-Type: text/plain" in answer.content
        assert b"No picture came within 5 seconds" in answer.content
        web.sql("UPDATE acme.cameras_camera SET reported_at = NULL WHERE id = %s", str(camera))
        answer = web.sign_in("viewer").ask("GET", f"/api/v1/cameras/{camera}/live.mjpg/")
        assert (answer.status_code, answer.headers["Content-Type"]) == (503, "application/problem+json")
        assert answer.headers["Retry-After"] == "3"
        assert "Silent has no live picture now." in answer.json()["detail"]
    finally:
        page.goto("about:blank")
        web.sql("DELETE FROM acme.cameras_camera WHERE id = %s", str(camera))
