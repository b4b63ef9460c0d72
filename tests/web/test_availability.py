"""What one customer leaves open does not keep another one out: the real server, with two connections."""

import os
import signal
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing

import psutil

from tests.web.conftest import HOSTS, Web, answers, opened, wait_for
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
