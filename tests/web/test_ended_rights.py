"""What goes on ends with the right to it: live pictures and event streams, of sessions, tokens and keys."""

import re
import threading
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from typing import Any

import requests

from tests.web.conftest import HOSTS, PASSWORD, Caller, Web, opened, wait_for

STREAM = "/api/v1/events/stream/"


def test_streams_end_with_the_right_to_them(web: Web) -> None:
    """All at once: each ends within seconds of what happens, not when a stream ends anyway."""
    key = web.command("create_api_key", "--tenant", "acme", "--name", "display", "--role", "viewer").split()[
        -1
    ]
    browser, manager = _browser(web), web.sign_in("site_manager")
    leaver, logged_out = web.sign_in("leaver"), web.sign_in("viewer")
    elsewhere, stays = web.sign_in("viewer", "other"), web.sign_in("tenant_admin")
    removed = "DELETE FROM tenants_membership m USING tenants_user u WHERE m.user_id = u.id AND u.email = %s"
    moved = "UPDATE tenants_domain SET domain = %s WHERE domain = %s"
    ends: list[tuple[Caller, Callable[[], Any]]] = [
        (
            Caller(web.ports[0], "acme", {"Authorization": f"Api-Key {key}"}),
            lambda: web.sql("UPDATE tenants_apikey SET revoked_at = now()"),
        ),
        (
            logged_out,
            lambda: logged_out.ask(
                "POST", "/api/v1/auth/logout/", json={"refresh": logged_out.refresh}
            ).raise_for_status(),
        ),
        (browser, lambda: web.sql("DELETE FROM tenants_session")),
        (leaver, lambda: web.sql(removed, "leaver@acme.test")),
        (
            manager,
            lambda: web.sql("UPDATE tenants_membership SET sites = '{}' WHERE role = 'site_manager'"),
        ),
        (
            elsewhere,
            lambda: web.sql(moved, "nowhere", HOSTS["other"]),
        ),
    ]
    try:
        with ExitStack() as stack:
            left = [_heard(stack, stays, path) for path in (web.live(), STREAM)]
            over = [
                _heard(stack, caller, path)
                for caller, _ in ends
                for path in (web.live(caller.customer), STREAM)
            ]
            for _, happens in ends:
                happens()
            for number, thread in enumerate(over):
                wait_for(partial(is_over, thread), f"stream {number} to end")
            assert all(thread.is_alive() for thread in left), "whose right stands goes on"
    finally:
        web.sql(moved, HOSTS["other"], "nowhere")


def test_a_stream_of_a_camera_that_is_stopped_ends_and_another_is_refused(web: Web) -> None:
    viewer = web.sign_in("tenant_admin")
    try:
        with ExitStack() as stack:
            watched = _heard(stack, viewer, web.live())
            web.sql("UPDATE acme.cameras_camera SET enabled = false")
            wait_for(partial(is_over, watched), "the stream to end")
        answer = viewer.ask("GET", web.live())
        assert (answer.status_code, answer.headers["Content-Type"]) == (409, "application/problem+json")
        assert "start it" in answer.json()["detail"]
    finally:
        web.sql("UPDATE acme.cameras_camera SET enabled = true")


def is_over(thread: threading.Thread) -> bool:
    return not thread.is_alive()


def _heard(stack: ExitStack, caller: Caller, path: str) -> threading.Thread:
    """A thread that listens to a stream until it ends."""
    parts = stack.enter_context(opened(caller, path))

    def listen() -> None:
        try:
            for _ in parts:
                pass
        except (requests.RequestException, AttributeError):  # closed by the test
            return

    thread = threading.Thread(target=listen, daemon=True)
    thread.start()
    return thread


def _browser(web: Web) -> Caller:
    """Somebody with a session."""
    page = web.stranger().ask("GET", "/login/")
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.text)
    assert token
    form = {"username": "browser@acme.test", "password": PASSWORD, "csrfmiddlewaretoken": token[1]}
    cookies = page.cookies.get_dict()
    answer = web.stranger().ask("POST", "/login/", data=form, cookies=cookies, allow_redirects=False)
    assert answer.status_code == 302, answer.text
    return Caller(web.ports[0], "acme", {"Cookie": f"sessionid={answer.cookies['sessionid']}"})
