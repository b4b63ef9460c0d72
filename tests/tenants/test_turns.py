"""Who is worked at next, where more ask than can be worked at."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from typing import Any

import pytest

from tenants.accounts.devices import _PREFIX, _SIGNER
from tenants.limits import turns
from tenants.limits.bodies import SMALL_BYTES, Bodies
from tenants.limits.turns import CallerKind, Crowded, QueuePlace, Turn, Turns
from tenants.web import crowds


def login(host: str, origin: str = "10.0.0.1") -> QueuePlace:
    return QueuePlace(host, CallerKind.LOGIN, origin)


def attempt(host: str, origin: str) -> QueuePlace:
    return QueuePlace(host, CallerKind.ATTEMPT, origin)


async def waiting(shared: Turns, *places: QueuePlace) -> list["asyncio.Task[Turn]"]:
    """One request each, as far as they get for now."""
    tasks = [asyncio.create_task(shared.take(place)) for place in places]
    await asyncio.sleep(0.01)
    return tasks


def have(tasks: list["asyncio.Task[Turn]"]) -> list[int]:
    return [n for n, task in enumerate(tasks) if task.done()]


async def given(task: "asyncio.Task[Turn]") -> None:
    task.result().give()
    await asyncio.sleep(0.01)


def test_of_one_host_no_more_than_half_are_worked_at() -> None:
    async def scene() -> None:
        shared = Turns(4)
        tasks = await waiting(shared, *[login("a", str(n)) for n in range(5)], login("b"), login("b"))
        assert have(tasks) == [0, 1, 5, 6]
        await given(tasks[5])
        assert have(tasks) == [0, 1, 5, 6], "what the other has left is not the first one's"
        await given(tasks[0])
        assert have(tasks) == [0, 1, 2, 5, 6]
        for task in tasks:
            task.cancel()

    asyncio.run(scene())


def test_all_strangers_attempts_together_have_a_quarter() -> None:
    async def scene() -> None:
        shared = Turns(8)
        tasks = await waiting(shared, *[attempt(host, str(n)) for n, host in enumerate("abcdef")])
        assert have(tasks) == [0, 1]
        others = await waiting(
            shared,
            login("a"),
            QueuePlace("b", CallerKind.DEVICE, "x"),
            QueuePlace("c", CallerKind.NOTHING, "y"),
        )
        assert have(others) == [0, 1, 2], "who does not attempt anything does not wait for it"
        for task in [*tasks, *others]:
            task.cancel()

    asyncio.run(scene())


def test_a_flood_from_one_address_leaves_others_their_turn() -> None:
    async def scene() -> None:
        shared = Turns(2)
        flood = await waiting(shared, *[login("a", "loud")] * 20)
        (quiet,) = await waiting(shared, login("a", "quiet"))
        (device,) = await waiting(shared, QueuePlace("a", CallerKind.DEVICE, "known"))
        assert have(flood) == [0]
        await given(flood[0])
        assert device.done()
        await given(device)
        assert have(flood) == [0, 1]
        await given(flood[1])
        assert quiet.done(), "the flood was served since the quiet one began to wait"
        for task in [*flood, quiet]:
            task.cancel()

    asyncio.run(scene())


def test_no_more_wait_than_may_and_none_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "WAIT_SECONDS", 0.2)

    async def scene() -> None:
        shared = Turns(2)
        tasks = await waiting(shared, *[login("a")] * (turns.MAX_WAITING + 2))
        assert isinstance(tasks[-1].exception(), Crowded)
        assert not tasks[-2].done()
        (other,) = await waiting(shared, login("b"))
        assert other.done()
        await asyncio.sleep(0.4)
        assert all(isinstance(task.exception(), Crowded) for task in tasks[1:])
        await given(tasks[0])
        (after,) = await waiting(shared, login("a"))
        assert after.done(), "who gave up has no turn"

    asyncio.run(scene())


def test_nothing_is_kept_of_who_has_left() -> None:
    async def scene() -> None:
        shared = Turns(2)
        tasks = await waiting(shared, *[login(f"{n}", f"{n}") for n in range(50)])
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for task in tasks:
            if not task.cancelled():
                task.result().give()
                task.result().give()
        assert not any((shared._used, shared._queued, shared._since, shared._waiting))
        assert shared._free == 2

    asyncio.run(scene())


def test_a_turn_is_given_back_from_another_thread() -> None:
    async def scene() -> None:
        shared = Turns(1)
        first, second = await waiting(shared, login("a"), login("b"))
        await asyncio.to_thread(first.result().give)
        await asyncio.wait_for(second, 5)

    asyncio.run(scene())


def scope(path: str = "/", method: str = "GET", **headers: str) -> dict[str, Any]:
    pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
    return {"type": "http", "path": path, "method": method, "headers": pairs, "client": ["10.1.2.3", 4]}


def test_a_place_is_told_by_what_no_stranger_can_make_up() -> None:
    turns.serves("acme.localhost")
    name = f"{_PREFIX}0123456789abcdef"
    device = f"{name}={_SIGNER.sign(f'{name}/browser')}"
    forged = f"{name}=made-up"
    host = {"host": "ACME.localhost:8000"}
    for request, place in (
        (scope(**host, cookie=device), QueuePlace("acme.localhost", CallerKind.DEVICE, "browser")),
        (scope(**host, cookie=forged), QueuePlace("acme.localhost", CallerKind.NOTHING, "10.1.2.3")),
        (scope(**host, authorization="x"), QueuePlace("acme.localhost", CallerKind.LOGIN, "10.1.2.3")),
        (
            scope("/login/", "POST", **host, cookie="sessionid=x"),
            QueuePlace("acme.localhost", CallerKind.ATTEMPT, "10.1.2.3"),
        ),
        (
            scope("/api/v1/auth/token/refresh/", "POST", **host),
            QueuePlace("acme.localhost", CallerKind.NOTHING, "10.1.2.3"),
        ),
        (
            scope("/api/v1/auth/token/", "POST", **host),
            QueuePlace("acme.localhost", CallerKind.ATTEMPT, "10.1.2.3"),
        ),
        (scope("/login/", "GET", **host), QueuePlace("acme.localhost", CallerKind.NOTHING, "10.1.2.3")),
        (scope(host="made.up"), QueuePlace("", CallerKind.NOTHING, "10.1.2.3")),
        (scope(), QueuePlace("", CallerKind.NOTHING, "10.1.2.3")),
    ):
        assert crowds.place_of(request, crowds.headers_of(request)) == place


Answer = list[dict[str, Any]]


def asked(application: Callable[..., Awaitable[None]], asked_for: dict[str, Any]) -> Answer:
    """What is sent for a request."""
    sent: Answer = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    asyncio.run(application(asked_for, None, send))  # type: ignore[arg-type]
    return sent


def test_where_no_turn_comes_the_request_is_told_when_to_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "MAX_WAITING", 0)
    application = crowds.TakeTurns(None)  # type: ignore[arg-type]
    for path, kind in (("/", b"text/plain"), ("/api/v1/visits/", b"application/problem+json")):
        start, body = asked(application, scope(path, host="acme.localhost"))
        headers = dict(start["headers"])
        assert (start["status"], headers[b"Retry-After"], headers[b"Content-Type"]) == (503, b"5", kind)
        assert b"Try again in 5 seconds" in body["body"]
    assert asked(application, scope() | {"type": "websocket"}) == [{"type": "websocket.close", "code": 1013}]


def test_bodies_in_memory_are_limited_for_a_host_and_in_all() -> None:
    shared = Bodies(10_000_000)
    with ExitStack() as stack:
        stack.enter_context(shared.held("a", 6_000_000))  # more than half, and alone
        for host, size in (("a", 200_000), ("b", 5_000_000)):
            with pytest.raises(Crowded), shared.held(host, size):
                pass
        stack.enter_context(shared.held("a", SMALL_BYTES))
        stack.enter_context(shared.held("b", 4_000_000))
    with shared.held("b", 10_000_000):
        pass
    assert not shared._of_host


def test_a_body_that_finds_no_room_is_refused_before_it_is_read() -> None:
    """What is held is let go of with the request."""
    inner: list[int] = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        inner.append(crowds.bodies()._of_host.total())
        if not inner[1:]:
            again = scope | {"headers": [(b"content-length", b"60000000")]}
            await crowds.TakeTurns(application)(again, receive, send)
        await send({"type": "http.response.start", "status": 200, "headers": []})

    sent = asked(crowds.TakeTurns(application), scope(**{"content-length": "60000000"}))
    assert [message["status"] for message in sent if "status" in message] == [503, 200]
    assert inner == [60_000_000]
    assert not crowds.bodies()._of_host


def test_a_stream_has_its_turn_until_its_answer_begins_and_a_fault_gives_it_back() -> None:
    free = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        free.append(crowds.turns()._free)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        free.append(crowds.turns()._free)
        raise RuntimeError

    whole = crowds.turns()._free
    with pytest.raises(RuntimeError):
        asked(crowds.TakeTurns(application), scope())
    assert [*free, crowds.turns()._free] == [whole - 1, whole, whole]
