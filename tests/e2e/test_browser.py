"""What a receptionist does, in a real browser: log in, start a camera, watch a visit arrive."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.backing import VAR
from tests.e2e.conftest import CHROMIUM, Customer, Installation, visits, wait_for

ARGUMENTS = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--disable-background-networking"]
SOON = 45_000  # milliseconds: the first person needs some seconds of the clip to be decided


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if not CHROMIUM.exists():
        pytest.skip("needs Debian's chromium: apt-get install chromium")
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context()
    yield context.new_page()
    context.close()


def log_in(page: Page, customer: Customer) -> None:
    page.goto(customer.base + "/")
    page.get_by_label("E-mail").fill(customer.email)
    page.get_by_label("Password").fill(customer.password)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("heading", name="Dashboard")).to_be_visible()


def test_a_visit_arrives_live_and_leads_to_the_person(
    installation: Installation, entrance: dict[str, Any], page: Page
) -> None:
    heard: list[str | bytes] = []
    page.on("websocket", lambda socket: socket.on("framereceived", lambda frame: heard.append(frame)))
    log_in(page, installation.acme)
    assert page.locator("#live-visits li").count() == 0

    watching = page.context.new_page()
    watching.goto(installation.acme.base + "/cameras/")
    watching.get_by_role("button", name="Start").first.click()
    expect(watching.get_by_text("running").first).to_be_visible(timeout=SOON)
    watching.close()

    first = page.locator("#live-visits li").first
    expect(first).to_be_visible(timeout=SOON)
    assert heard, "the visit came without a word over the websocket"
    expect(first.locator("img")).to_have_js_property("complete", True)
    assert first.locator("img").evaluate("image => image.naturalWidth") > 0
    page.screenshot(path=VAR / "dashboard.png", full_page=True)

    name = first.get_by_role("link").first.inner_text()
    first.get_by_role("link").first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(name)


def test_another_tenant_sees_none_of_it(
    installation: Installation, entrance: dict[str, Any], page: Page
) -> None:
    installation.acme.api("POST", f"cameras/{entrance['id']}/start/")
    seen = wait_for(lambda: visits(installation.acme), 45, "a visit at acme")

    log_in(page, installation.other)
    assert page.locator("#live-visits li").count() == 0
    assert visits(installation.other) == []
    person = seen[0]["person"]
    paths = [f"/people/{kind}/{person['id']}/" for kind in ("staff", "visitors")]
    for path in [*paths, urlsplit(seen[0]["picture"]).path]:
        answer = page.goto(installation.other.base + path)
        assert answer is not None
        assert answer.status == 404, path


@pytest.mark.parametrize(("login", "code"), [(True, 4403), (False, 4401)])
def test_the_websocket_refuses_whoever_is_no_member(
    installation: Installation, page: Page, login: bool, code: int
) -> None:
    """A session of one host carried to the other is a stranger's there."""
    if login:
        log_in(page, installation.other)
        cookies = page.context.cookies(installation.other.base)
        session = next(cookie for cookie in cookies if cookie["name"] == "sessionid")
        page.context.add_cookies(
            [{"name": "sessionid", "value": session["value"], "url": installation.acme.base + "/"}]
        )
    page.goto(installation.acme.base + "/login/")
    closed = page.evaluate(
        """() => new Promise(done => {
            const socket = new WebSocket(`ws://${location.host}/ws/live/`);
            socket.onclose = event => done(event.code);
        })"""
    )
    assert closed == code
