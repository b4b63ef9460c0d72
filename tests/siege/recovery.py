"""What is left of an attack when it is over."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psutil
import redis

from tests.chaos.fleet import Fleet
from tests.siege.memory import Meter

MAX_SECONDS = 60.0
MEMORY = 1.5
MORE_CONNECTIONS = 3
"""Of the victim's browser, which goes on."""


@dataclass(frozen=True)
class State:
    """What an attack may leave behind."""

    connections: int
    slots: int
    web_children: int
    worker_children: int
    recording: bool

    def as_before(self, before: State) -> list[str]:
        """What is not: names of fields."""
        more = {
            "connections": self.connections > before.connections + MORE_CONNECTIONS,
            "slots": self.slots > before.slots,
            "web children": self.web_children > before.web_children,
            "worker children": self.worker_children > before.worker_children,
            "the victim's camera": not self.recording,
        }
        return [name for name, true in more.items() if true]


def state_of(fleet: Fleet, port: int, camera: UUID) -> State:
    """With the server's connections: those at its own port, not those to services."""
    web = psutil.Process(fleet.processes["web"].pid)
    return State(
        connections=sum(one.laddr.port == port for one in web.net_connections() if one.raddr),
        slots=_slots(),
        web_children=fleet.usage("web")[2],
        worker_children=fleet.usage("w1")[2],
        recording=fleet.records(camera),
    )


def recovered(fleet: Fleet, port: int, camera: UUID, before: State, meter: Meter) -> dict[str, Any]:
    """Seconds until everything is as before, or what is not within MAX_SECONDS."""
    began, left, state = time.monotonic(), ["nothing was looked at"], before
    while left and time.monotonic() - began < MAX_SECONDS:
        time.sleep(1)
        state = _steady(lambda: state_of(fleet, port, camera))
        left = state.as_before(before)
        left += [f"memory of {name}" for name, ratio in meter.now().items() if ratio >= MEMORY]
    return {
        "seconds": round(time.monotonic() - began, 1),
        "left": left,
        "before": vars(before),
        "after": vars(state),
        "memory": {name: round(ratio, 2) for name, ratio in meter.now().items()},
    }


def _steady(looked: Callable[[], State]) -> State:
    """A child that ends between two questions is no answer."""
    while True:
        try:
            return looked()
        except psutil.NoSuchProcess:
            continue


def _slots() -> int:
    from django.conf import settings

    with closing(redis.Redis.from_url(settings.REDIS_URL)) as client:
        now = client.time()[0]
        return sum(client.zcount(key, now, "+inf") for key in client.scan_iter("slots.*"))
