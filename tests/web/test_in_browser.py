"""What a page does by itself, in a real browser: the focus stays, and what it shows goes with the session."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from tests.web.conftest import HOSTS, PASSWORD, Web

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--disable-background-networking"]
PATIENCE = 120_000  # milliseconds


@pytest.fixture
def page(web: Web) -> Iterator[Page]:
    with sync_playwright() as playwright:
        mapped = f"--host-resolver-rules=MAP {HOSTS['acme']} 127.0.0.1"
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*ARGUMENTS, mapped])
        page = browser.new_context().new_page()
        page.set_default_timeout(PATIENCE)
        expect.set_options(timeout=PATIENCE)
        page.goto(f"http://{HOSTS['acme']}:{web.ports[0]}/")
        page.get_by_label("E-mail").fill("tenant_admin@acme.test")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Log in").click()
        expect(page.locator("#live-state")).to_have_text("Live")
        yield page
        browser.close()


def test_the_focus_stays_when_a_part_of_the_page_is_exchanged(web: Web, page: Page) -> None:
    page.goto(page.url + "cameras/")
    link = f"/cameras/{web.cameras['acme']}/"
    row = f"camera-{web.cameras['acme']}"
    page.locator(f"a[href='{link}']").focus()
    page.evaluate("(id) => { document.getElementById(id).dataset.old = 'yes'; }", row)
    page.evaluate("htmx.trigger(document.body, 'tick')")
    expect(page.locator(f"#{row}[data-old]")).to_have_count(0)
    expect(page.locator(f"a[href='{link}']:focus")).to_have_count(1)
    switch = f"switch-{web.cameras['acme']}"
    try:
        with page.expect_response(lambda answer: answer.request.method == "POST"):
            page.locator(f"#{switch}").press("Enter")
        expect(page.locator(f"#{switch}")).to_have_text("Start")
        expect(page.locator(f"#{switch}:focus")).to_have_count(1)
    finally:
        web.sql("UPDATE acme.cameras_camera SET enabled = true")


def test_names_and_faces_go_when_the_session_ends(web: Web, page: Page) -> None:
    """By the closed socket; then on a page without one, when it comes back to the screen."""
    expect(page.locator("#live-visits, .empty").first).to_be_attached()
    page.context.clear_cookies()
    web.sql("DELETE FROM tenants_session")
    expect(page.get_by_role("heading", name="You are signed out")).to_be_visible()
    assert "tenant_admin" not in page.content().split("<body")[1]
    expect(page.get_by_role("link", name="Log in")).to_have_attribute("href", "/login/?next=%2F")
    assert page.title() == "Signed out · FaceTrack"


def test_a_page_that_comes_back_asks_first(web: Web, page: Page) -> None:
    page.goto(page.url + "visitors/")
    expect(page.get_by_role("heading", name="Visitors", exact=True)).to_be_visible()
    page.context.clear_cookies()
    page.evaluate("window.dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))")
    expect(page.get_by_role("heading", name="You are signed out")).to_be_visible()


def test_a_fetch_that_is_sent_to_the_login_hides_the_page(web: Web, page: Page) -> None:
    page.goto(page.url + "visits/")
    page.context.clear_cookies()
    page.locator("input[type=search]").fill("Ada")
    expect(page.get_by_role("heading", name="You are signed out")).to_be_visible()
