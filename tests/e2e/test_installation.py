"""A whole installation: what a receptionist does in a real browser, then processes are killed under it.

One file, because the tests share one installation and a file is never split between processes.
"""

import os
import re
import signal
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, Route, expect, sync_playwright

from facetrack.devservices import ensure, standings
from tenants.admin import tenant_admin
from tests.backing import VAR
from tests.e2e.conftest import CHROMIUM, Customer, Installation, answers, visits, wait_for
from tests.e2e.policy import violations

ARGUMENTS = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--disable-background-networking"]
PATIENCE = 180  # seconds: the pack `dlib` plays the clip several times slower than it is
SOON = PATIENCE * 1000  # milliseconds; what comes at once is not waited for longer
expect.set_options(timeout=SOON)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if not CHROMIUM.exists():
        pytest.skip("needs Debian's chromium: apt-get install chromium")
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context()
    context.set_default_timeout(SOON)
    yield context.new_page()
    context.close()


def accept_invitation(page: Page, to: Customer, invited: Customer) -> None:
    """As the administrator of another customer does: out of the mail, with the password of their account."""
    to.api("POST", "members/", json={"email": invited.email, "role": "viewer"})
    newest = max((VAR / "e2e" / "mail").iterdir(), key=lambda file: file.stat().st_mtime)
    link = re.search(r"http://\S+/invitation/\S+", newest.read_text().replace("=\n", ""))
    assert link, newest.read_text()
    assert link[0].startswith(to.base), "the port is the one that the browser sees"
    page.goto(link[0])
    page.screenshot(path=VAR / "invitation.png")
    page.get_by_label("Password of your account").fill(invited.password)
    page.get_by_role("button", name="Accept").click()
    page.wait_for_url(to.base + "/")
    page.context.clear_cookies()


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
    expect(watching.get_by_text("running").first).to_be_visible()
    watching.close()

    first = page.locator("#live-visits li").first
    expect(first).to_be_visible()
    assert heard, "the visit came without a word over the websocket"
    expect(first.locator("img")).to_have_js_property("complete", True)
    assert first.locator("img").evaluate("image => image.naturalWidth") > 0
    page.screenshot(path=VAR / "dashboard.png", full_page=True)

    name = first.get_by_role("link").first.inner_text()
    first.get_by_role("link").first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(name)


def test_the_pages_of_cameras_change_without_reload(
    installation: Installation, entrance: dict[str, Any], page: Page
) -> None:
    """By the socket alone: nothing on them is asked for by a clock, but the pictures of the wall."""
    acme, path = installation.acme, f"cameras/{entrance['id']}/"
    acme.api("POST", path + "stop/")
    log_in(page, acme)
    wall = page.context.new_page()
    page.add_init_script("window.setInterval = () => 0")
    wall.add_init_script(
        "const every = setInterval; window.setInterval = (f, ms) => ms < 1000 && every(f, ms)"
    )
    page.goto(f"{acme.base}/cameras/{entrance['id']}/")
    wall.goto(f"{acme.base}/cameras/wall/")
    for one in (page, wall):
        expect(one.locator("#live-state")).to_have_text("Live")
        one.evaluate("window.loaded = 'once'")
    expect(page.locator("#camera-state")).to_contain_text("Stopped")
    expect(wall.locator(".wall .no-shot")).to_have_text("Stopped")

    started = wait_for(lambda: _started(acme, path), PATIENCE, "a start that is answered by a running camera")
    assert (started["status"], started["worker"] != "") == ("running", True)
    expect(page.locator("#camera-state")).to_contain_text("Running")
    expect(page.get_by_role("button", name="Stop Entrance")).to_be_visible()
    expect(page.locator("img[data-moving]")).not_to_have_js_property("naturalWidth", 0)
    expect(wall.locator(".wall")).to_contain_text("Running")
    expect(wall.locator(".still img")).to_have_js_property("complete", True)
    assert wall.locator(".still img").evaluate("image => image.naturalWidth") > 0

    page.get_by_role("button", name="Stop Entrance").click()
    expect(page.locator("#camera-state")).to_contain_text("Stopped")
    expect(wall.locator(".wall .no-shot")).to_have_text("Stopped")
    assert wall.locator(".wall img").count() == 0
    assert acme.api("GET", path)["worker"], "the row tells who ran it last"
    for one in (page, wall):
        assert one.evaluate("window.loaded") == "once"


def _started(customer: Customer, path: str) -> dict[str, Any] | None:
    row: dict[str, Any] = customer.api("POST", path + "start/")
    return row if row["status"] == "running" else None


def test_another_tenant_sees_none_of_it(
    installation: Installation, entrance: dict[str, Any], page: Page
) -> None:
    installation.acme.api("POST", f"cameras/{entrance['id']}/start/")
    seen = wait_for(lambda: visits(installation.acme), PATIENCE, "a visit at acme")

    log_in(page, installation.other)
    assert page.locator("#live-visits li").count() == 0
    assert visits(installation.other) == []
    person = seen[0]["person"]
    paths = [f"/people/{kind}/{person['id']}/" for kind in ("staff", "visitors")]
    for path in [*paths, urlsplit(seen[0]["picture"]).path]:
        answer = page.goto(installation.other.base + path)
        assert answer is not None
        assert answer.status == 404, path


@pytest.mark.parametrize("press", ["Stop", "Start"])
def test_a_click_counts_while_the_page_fetches_news(
    installation: Installation, entrance: dict[str, Any], page: Page, press: str
) -> None:
    """News that is on its way when the button is pressed neither swallows the click nor the button."""
    acme, held = installation.acme, list[Route]()

    def hold(route: Route) -> None:
        held.append(route) if route.request.method == "GET" else route.continue_()

    acme.api("POST", f"cameras/{entrance['id']}/{'stop' if press == 'Start' else 'start'}/")
    log_in(page, acme)
    page.goto(acme.base + "/cameras/")
    expect(page.locator("#live-state")).to_have_text("Live")
    button = page.get_by_role("button", name=f"{press} Entrance")
    expect(button).to_be_visible()
    page.route("**/cameras/", hold)
    page.evaluate("htmx.trigger(document.body, 'cameras')")
    with page.expect_request(lambda request: request.method == "POST"):
        button.click()
        page.evaluate("htmx.trigger(document.body, 'cameras')")
    expect(page.get_by_role("button", name=f"{press} Entrance")).to_be_disabled()
    for route in held:
        route.continue_()
    page.unroute("**/cameras/")
    expect(page.locator("#cameras")).to_contain_text("Running" if press == "Start" else "Stopped")


def test_a_click_counts_as_soon_as_there_is_a_button(
    installation: Installation, entrance: dict[str, Any], page: Page
) -> None:
    log_in(page, installation.acme)
    for press, state in [("Stop", "Stopped"), ("Start", "Running")] * 3:
        if press == "Stop":
            installation.acme.api("POST", f"cameras/{entrance['id']}/start/")
        page.goto(installation.acme.base + "/cameras/", wait_until="commit")
        page.get_by_role("button", name=f"{press} Entrance").click()
        expect(page.locator("#cameras")).to_contain_text(state)


def test_the_buttons_work_without_the_script(
    installation: Installation, entrance: dict[str, Any], browser: Browser
) -> None:
    context = browser.new_context(java_script_enabled=False)
    page, acme = context.new_page(), installation.acme
    acme.api("POST", f"cameras/{entrance['id']}/stop/")
    log_in(page, acme)
    page.goto(acme.base + "/cameras/")
    page.get_by_role("button", name="Start Entrance").click()
    page.get_by_role("link", name="Entrance").click()
    wait_for(lambda: _started(acme, f"cameras/{entrance['id']}/"), PATIENCE, "a running camera")
    page.get_by_role("button", name="Snapshot").click()
    expect(page.get_by_role("heading", name="Entrance")).to_be_visible()
    expect(page.get_by_role("img", name="Picture of Entrance", exact=True)).not_to_have_js_property(
        "naturalWidth", 0
    )
    page.get_by_role("button", name="Test connection").click()
    expect(page.locator("#answer")).to_contain_text("Worker")
    page.get_by_role("button", name="Stop Entrance").click()
    expect(page.get_by_text("Entrance (Head office) is stopped.")).to_be_visible()
    expect(page.get_by_role("heading", name="Entrance")).to_be_visible()
    context.close()


SEND_TWICE = """() => {
    const button = document.querySelector("form button[type=submit]"), sent = [];
    window.addEventListener("submit", event => sent.push(!event.defaultPrevented));
    for (const _ of [1, 2]) button.click();
    return [button.getAttribute("aria-busy"), sent];
}"""


def test_a_form_shows_that_it_is_being_sent_and_is_sent_once(installation: Installation, page: Page) -> None:
    page.goto(installation.acme.base + "/login/")
    page.get_by_label("E-mail").fill(installation.acme.email)
    page.get_by_label("Password").fill("not the password")
    assert page.evaluate(SEND_TWICE) == ["true", [True, False]]


PROPOSE = """
from django_tenants.utils import tenant_context
from tenants.models import Tenant
from visits.models import MergeProposal, Visitor
with tenant_context(Tenant.objects.get(name="acme")):
    first, second = Visitor.objects.order_by("pk").values_list("pk", flat=True)[:2]
    MergeProposal.objects.create(first_id=first, second_id=second, score=0.41)
"""


def test_two_visitors_are_merged_and_are_two_again(
    installation: Installation, entrance: dict[str, Any], page: Page
) -> None:
    acme = installation.acme

    def visitors() -> set[str]:
        return {row["id"] for row in acme.api("GET", "visitors/")["results"]}

    acme.api("POST", f"cameras/{entrance['id']}/start/")
    wait_for(lambda: len(visitors()) > 1, PATIENCE, "two visitors")
    acme.api("POST", f"cameras/{entrance['id']}/stop/")
    before = visitors()
    installation.command("shell", "-v0", "-c", PROPOSE)

    log_in(page, acme)
    page.goto(acme.base + "/visitors/merges/")
    shots = page.locator("main img")
    expect(shots).to_have_count(2)
    for shot in shots.all():
        expect(shot).not_to_have_js_property("naturalWidth", 0)
    page.get_by_role("button", name="Same person").click()
    expect(page.get_by_text("Merged: ")).to_be_visible()
    assert len(before - visitors()) == 1

    page.goto(acme.base + "/visitors/merges/history/")
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("are two visitors again")).to_be_visible()
    expect(page.get_by_role("button", name="Undo")).to_have_count(0)
    assert visitors() == before


@pytest.mark.parametrize("login", [True, False])
def test_the_websocket_refuses_whoever_is_no_member(
    installation: Installation, page: Page, login: bool
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
    assert closed == 4401


def test_one_login_leads_to_another_customer(installation: Installation, page: Page) -> None:
    """In the browser that decides where cookies go and what it says of the page that a form comes from."""
    acme, other = installation.acme, installation.other
    accept_invitation(page, acme, other)
    log_in(page, other)
    stays = page.context.new_page()
    stays.goto(other.base + "/cameras/")
    page.locator("#nav summary").click()
    page.get_by_role("button", name="acme").click()
    page.wait_for_url(acme.base + "/")
    expect(page.locator("#nav summary")).to_have_text("acme")
    expect(page.get_by_text(other.email)).to_be_visible()
    page.screenshot(path=VAR / "switched.png")
    stays.reload()
    expect(stays.locator("#nav summary")).to_have_text("other")
    stays.goto(other.base + "/members/")
    stays.locator(".entry > summary").click()
    stays.screenshot(path=VAR / "members.png", full_page=True)


def test_no_page_breaks_its_content_security_policy(
    installation: Installation, entrance: dict[str, Any], page: Page
) -> None:
    refused, base = violations(page.context), installation.acme.base
    log_in(page, installation.acme)
    expect(page.locator("#live-state")).to_have_text("Live")
    installation.acme.api("POST", f"cameras/{entrance['id']}/start/")
    for path in ("/visits/", "/sightings/?q=a", "/visitors/", "/cameras/", "/workers/", "/nowhere/"):
        page.goto(base + path)
    page.goto(f"{base}/cameras/{entrance['id']}/")
    expect(page.locator("img[data-moving]")).not_to_have_js_property("naturalWidth", 0)
    page.goto(base + "/cameras/wall/")
    expect(page.locator(".still img")).to_be_visible()
    page.goto(base + "/activity/")
    expect(page.locator(".lines .said").first).to_be_visible()
    page.goto(base + "/visits/")
    page.get_by_role("searchbox").fill("nobody")
    expect(page).to_have_url(re.compile("q=nobody"))
    models = [f"{model._meta.app_label}/{model._meta.model_name}" for model in tenant_admin._registry]
    for path in ["", *(f"{name}/" for name in models), "cameras/site/add/", "staff/staffmember/add/"]:
        page.goto(f"{base}/admin/{path}")
        expect(page.locator("#header-inner, header, main").first).to_be_visible()
    page.goto(f"{base}/admin/cameras/camera/{entrance['id']}/change/")
    expect(page.get_by_role("heading", name="Entrance").first).to_be_visible()
    assert page.evaluate("getComputedStyle(document.documentElement).getPropertyValue('--color-base-100')")
    page.goto(base + "/api/v1/docs/")
    expect(page.get_by_text("/api/v1/cameras/", exact=True).first).to_be_visible()
    assert refused == []


def test_the_policy_refuses_what_is_not_ours(installation: Installation, page: Page) -> None:
    """An injected script, an inline handler, eval, a foreign picture and a frame: nothing of it runs."""
    refused = violations(page.context)
    log_in(page, installation.acme)
    page.evaluate(
        """() => {
            const add = (html) => document.body.append(document.createRange().createContextualFragment(html));
            add("<script>window.ran = 1</script>");
            add("<img src='/static/nowhere.png' onerror='window.ran = 2'>");
            add("<img src='https://elsewhere.example/x.png'>");
            add("<iframe src='https://elsewhere.example/'></iframe>");
            add("<p style='color: red'></p>");
        }"""
    )
    page.wait_for_timeout(500)
    assert page.evaluate("window.ran") is None
    for directive in ("script-src-elem", "script-src-attr", "img-src", "frame-src", "style-src-attr"):
        assert any(directive in line for line in refused), (directive, refused)


@pytest.fixture
def saved(installation: Installation, entrance: dict[str, Any]) -> set[str]:
    """Ids of the visits before something dies, while the camera runs."""
    installation.acme.api("POST", f"cameras/{entrance['id']}/start/")
    return {row["id"] for row in wait_for(lambda: visits(installation.acme), PATIENCE, "a first visit")}


def goes_on(installation: Installation, saved: set[str]) -> None:
    """Everything saved is still there, and a new visit comes."""

    def more() -> bool:
        installation.process_group.restart_dead()
        if not answers(installation):
            return False
        now = {row["id"] for row in visits(installation.acme)}
        assert saved <= now, "a saved visit is gone"
        return now > saved

    wait_for(more, PATIENCE, "a visit after the restart")


@pytest.mark.parametrize("process", ["web", "worker"])
def test_a_killed_process(installation: Installation, saved: set[str], page: Page, process: str) -> None:
    log_in(page, installation.acme)
    page.goto(installation.acme.base + "/cameras/")
    sign = page.locator("#live-state")
    expect(sign).to_have_text("Live")
    pid = installation.process_group.pid(process)
    assert pid is not None
    os.killpg(pid, signal.SIGKILL)
    wait_for(lambda: not _lives(pid), PATIENCE, f"{process} to die")
    if process == "web":
        expect(sign).to_have_text("Not live, reconnecting…")
    goes_on(installation, saved)
    expect(sign).to_have_text("Live")
    expect(page.locator("#cameras")).to_contain_text("Running")


def test_killed_redis(installation: Installation, saved: set[str]) -> None:
    redis = next(one for one in standings(installation.services, {}) if one.title == "Valkey")
    assert redis.pid is not None
    os.kill(redis.pid, signal.SIGKILL)
    wait_for(lambda: ensure(installation.services) == ["Valkey"], PATIENCE, "Valkey to be started again")
    goes_on(installation, saved)


def test_the_worker_ends_cleanly_on_sigterm(
    installation: Installation, entrance: dict[str, Any], saved: set[str]
) -> None:
    pid = installation.process_group.pid("worker")
    assert pid is not None
    os.kill(pid, signal.SIGTERM)
    wait_for(lambda: not _lives(pid), PATIENCE, "the worker to end")
    assert installation.acme.api("GET", f"cameras/{entrance['id']}/")["status"] == "stopped"
    goes_on(installation, saved)


def _lives(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False
