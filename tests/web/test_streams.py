"""Streams and requests that wait, on the real server: they keep no one else out, and end with their right.

One file, because its tests share two servers and a file is never split between processes.
"""

import os
import re
import signal
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from functools import partial
from typing import Any

import psutil
import requests

from tests.web.conftest import HOSTS, PASSWORD, Caller, Web, answers, opened, wait_for
from workers.process.sinks.pictures import KEPT_SECONDS

STREAM = "/api/v1/events/stream/"


def test_streams_and_silent_cameras_leave_everybody_elses_sign_in_alone(web: Web) -> None:
    viewer, admin = web.sign_in("viewer"), web.sign_in("tenant_admin")
    test = f"/api/v1/cameras/{web.cameras['acme']}/test/"
    with ExitStack() as stack, ThreadPoolExecutor(8) as asking:
        for path in [web.live()] * 8 + [STREAM] * 4:
            stack.enter_context(opened(viewer, path))
        waiting = [asking.submit(admin.ask, "POST", test) for _ in range(8)]
        wait_for(lambda: web.open_slots("wait") == 8, "all of them to wait")
        for _ in range(3):
            web.sign_in("viewer", "other")
        assert web.open_slots("stream") == 12
        assert not any(one.done() for one in waiting), "they are what the sign-ins went beside"
        for one in waiting:
            answer = one.result()
            assert (answer.status_code, "did not answer" in answer.json()["detail"]) == (409, True)


def test_a_caller_has_so_many_at_once_in_all_servers_together(web: Web) -> None:
    with ExitStack() as stack:
        callers = [web.sign_in("viewer", server=number) for number in (0, 1)]
        first = stack.enter_context(ExitStack())
        first.enter_context(opened(callers[0], web.live()))
        for number in range(15):
            stack.enter_context(opened(callers[number % 2], web.live()))
        for caller in callers:
            refused = caller.ask("GET", web.live(), stream=True)
            assert (refused.status_code, refused.headers.get("Retry-After")) == (429, "5")
            assert refused.headers["Content-Type"] == "application/problem+json"
            assert "close one" in refused.json()["detail"]
        with opened(web.sign_in("tenant_admin"), web.live()):
            pass  # somebody else of the same customer has their own
        first.close()
        assert callers[1].ask("HEAD", web.live()).ok, "nothing goes on there"
        wait_for(lambda: web.open_slots("stream") < 16, "room")
        with opened(callers[1], web.live()):
            pass


def test_requests_that_wait_are_limited_for_people_and_programs(web: Web) -> None:
    admin = web.sign_in("tenant_admin")
    path = f"/api/v1/cameras/{web.cameras['acme']}"
    with ThreadPoolExecutor(8) as asking:
        waiting = [asking.submit(admin.ask, "POST", f"{path}/test/") for _ in range(4)]
        waiting += [asking.submit(admin.ask, "GET", f"{path}/snapshot/") for _ in range(4)]
        wait_for(lambda: web.open_slots("wait") == 8, "all of them to wait")
        for operation in ("test", "start", "stop"):
            refused = admin.ask("POST", f"{path}/{operation}/")
            assert (refused.status_code, refused.headers["Retry-After"]) == (429, "5"), operation
            assert "wait for a worker" in refused.json()["detail"]
        assert all(one.result().status_code == 409 for one in waiting)
    assert not web.open_slots("wait")


def test_a_killed_server_keeps_no_slots(web: Web) -> None:
    viewer = web.sign_in("viewer", server=1)
    with ExitStack() as stack:
        for _ in range(3):
            stack.enter_context(opened(viewer, web.live()))
        assert web.open_slots("stream") == 3
        os.kill(web.pid("web1"), signal.SIGKILL)
    wait_for(lambda: _room_for(web, 16), "its slots to end")
    wait_for(lambda: _tended(web), "the server to be there again")


def _tended(web: Web) -> bool:
    web.process_group.restart_dead()
    return answers(web.stranger(server=1))


def _room_for(web: Web, wanted: int) -> bool:
    caller = web.sign_in("viewer")
    with ExitStack() as stack:
        for _ in range(wanted):
            answer = stack.enter_context(caller.ask("GET", web.live(), stream=True))
            if answer.status_code != 200:
                return False
    return True


def test_a_client_that_does_not_read_is_dropped_and_fills_no_memory(web: Web) -> None:
    viewer = web.sign_in("viewer")
    server = psutil.Process(web.pid("web0"))
    before = server.memory_info().rss
    shown = f"Host: {HOSTS['acme']}\r\nAuthorization: {viewer.headers['Authorization']}"
    words = f"GET {web.live()} HTTP/1.1\r\n{shown}"
    over = threading.Event()
    with socket.create_connection(("127.0.0.1", viewer.port)) as deaf, ThreadPoolExecutor(1) as camera:
        filmed = camera.submit(_film, web, over)
        try:
            deaf.sendall(words.encode() + b"\r\n\r\n")
            wait_for(lambda: web.open_slots("stream") == 1, "the stream to begin")
            wait_for(lambda: web.open_slots("stream") == 0, "the stream to be dropped")
        finally:
            over.set()
        sent = filmed.result()
    grown = server.memory_info().rss - before
    assert grown < sent / 2, f"{grown:,} bytes more, of {sent:,} that the camera has made"


def _film(web: Web, over: threading.Event) -> int:
    """Large pictures, always another one; returns how many bytes they were."""
    key, made = f"preview.{web.tenants['acme']}.{web.cameras['acme']}", 0
    with closing(web.redis()) as client:
        while not over.is_set():
            picture = b"\xff\xd8\xff" + os.urandom(2_000_000)
            client.set(key, picture, ex=KEPT_SECONDS)
            made += len(picture)
            time.sleep(0.15)
        client.delete(key)
    return made


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
