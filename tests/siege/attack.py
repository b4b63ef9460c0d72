"""python -m tests.siege.attack PLAN TALLY: all attackers, in one process, until their time is over."""

from __future__ import annotations

import asyncio
import os
import random
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests.siege.attackers import (
    bodies,
    halves,
    lists,
    logins,
    operations,
    sockets,
    sources,
    streams,
    uploads,
)
from tests.siege.client import AWAY, Client
from tests.siege.plan import Identity, Plan, read
from tests.siege.tally import Tally

NICE = 5
"""Attackers have machines of their own: what they compute is not to be taken from the installation."""
TOLD_SECONDS = 5.0
PATIENCE_SECONDS = 180.0
Round = Callable[[Client], Awaitable[None]]


@dataclass(frozen=True)
class Kind:
    name: str
    share: int
    """Of a hundred clients."""
    pause: float
    round_of: Round


KINDS = [
    Kind(one.KIND, share, one.PAUSE, one.round_of)
    for one, share in (
        (streams, 20),
        (operations, 16),
        (uploads, 10),
        (lists, 20),
        (logins, 10),
        (sockets, 9),
        (halves, 9),
        (bodies, 5),
    )
]


def main() -> None:
    os.nice(NICE)
    plan, path = read(Path(sys.argv[1])), Path(sys.argv[2])
    tally = Tally()
    try:
        with sources.listening() as ports:
            asyncio.run(_attack(plan, tally, path, ports))
    finally:
        tally.write(path)


async def _attack(plan: Plan, tally: Tally, path: Path, ports: list[int]) -> None:
    server = await sources.silent()
    admin = Client(plan.clients, plan, tally, random.Random(0), _admin(plan))
    for camera in plan.silent:
        await sources.moved(admin, camera, server.sockets[0].getsockname()[1])
    harm = Kind(sources.KIND, 1, sources.PAUSE, partial(sources.round_of, ports=ports))
    works = [_repeated(harm, admin), _told(tally, path)]
    works += [_repeated(_kind_of(n), _client(n, plan, tally)) for n in range(plan.clients - 1)]
    tasks = [asyncio.create_task(work) for work in works]
    await asyncio.wait(tasks, timeout=plan.seconds, return_when=asyncio.FIRST_EXCEPTION)
    await _until_each_was_answered(tasks, tally, {_kind_of(n).name for n in range(plan.clients - 1)})
    for task in tasks:
        if task.done():
            task.result()  # raises what ended it: none ends by itself
    left = set(tasks)
    while left:  # what waits for its own end within a time takes a first word for that
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=1)
    server.close()


async def _until_each_was_answered(tasks: list[asyncio.Task[None]], tally: Tally, kinds: set[str]) -> None:
    """No kind is left out because the machine is busy."""
    over = time.monotonic() + PATIENCE_SECONDS
    while (
        not kinds <= set(tally.kinds) and time.monotonic() < over and not any(task.done() for task in tasks)
    ):
        await asyncio.wait(tasks, timeout=1, return_when=asyncio.FIRST_EXCEPTION)


async def _repeated(kind: Kind, client: Client) -> None:
    await asyncio.sleep(client.dice.uniform(0, 3))
    while True:
        try:
            await kind.round_of(client)
        except AWAY as error:
            client.tally.note(kind.name, f"dropped: {type(error).__name__}")
        await asyncio.sleep(kind.pause * client.dice.uniform(0.5, 1.5))


async def _told(tally: Tally, path: Path) -> None:
    while True:
        await asyncio.sleep(TOLD_SECONDS)
        tally.write(path)


def _kind_of(number: int) -> Kind:
    """Spread, so that few clients are of all kinds as well."""
    wheel = [kind for kind in KINDS for _ in range(kind.share)]
    return wheel[number * 37 % len(wheel)]


def _client(number: int, plan: Plan, tally: Tally) -> Client:
    identity = plan.identities[number % len(plan.identities)]
    return Client(number, plan, tally, random.Random(number), identity)


def _admin(plan: Plan) -> Identity:
    return next(one for one in plan.identities if one.role == "tenant_admin" and one.kind == "session")


if __name__ == "__main__":
    main()
