"""Turns at a web process: it works at few requests at a time, and each customer has a share of them.

A process has one interpreter, and not many more connections to PostgreSQL than cores. Where all who ask are
worked at together, a hundred requests of one customer leave a hundredth part of it to another's.
"""

from __future__ import annotations

import asyncio
import threading
from collections import Counter, deque
from collections.abc import Hashable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from enum import StrEnum

MAX_WAITING = 60
"""Requests of one kind of a host's that wait for a turn."""
WAIT_SECONDS = 20.0
AGAIN_SECONDS = 5


class Crowded(Exception):
    """The request got no turn in time, or too many are waiting."""

    def __init__(self) -> None:
        super().__init__(f"This server is too busy at the moment. Try again in {AGAIN_SECONDS} seconds.")


class CallerKind(StrEnum):
    """What a request shows, before anything of it is believed that a database would have to confirm."""

    DEVICE = "device"
    """A browser with which a user has logged in on this host; the cookie is signed."""
    LOGIN = "login"
    """A session, token or key, true or made up."""
    NOTHING = "nothing"
    ATTEMPT = "attempt"
    """Nothing that is known, and it sends a password, which takes long to hash."""


@dataclass(frozen=True, slots=True)
class QueuePlace:
    """For whom a turn is; each host's turns are shared by kind, and each kind's by origin."""

    host: str
    shown: CallerKind
    origin: str
    """A device's name, else an address."""

    def groups(self) -> Iterator[Hashable]:
        """In which it counts, from the largest to the smallest."""
        yield self.shown
        yield self.host
        yield self.host, self.shown
        yield self


class Turn:
    """Of one request: it has it, or waits for it. `give` it back once or more often, from any thread."""

    def __init__(self, turns: Turns, place: QueuePlace) -> None:
        self.place = place
        self.loop = asyncio.get_running_loop()
        self.called = self.loop.create_future()
        self.had = self.over = False
        self._turns = turns

    def give(self) -> None:
        self._turns.give(self)


class Turns:
    """So many at once as `number`: of one host at most half of them, of attempts of strangers a quarter."""

    def __init__(self, number: int) -> None:
        self._free = number
        self._of_host, self._of_strangers = max(1, number // 2), max(1, number // 4)
        self._lock = threading.Lock()
        self._used: Counter[Hashable] = Counter()
        self._queued: Counter[Hashable] = Counter()
        self._since: dict[Hashable, int] = {}
        """When a group was last served, or began to wait: the one that has waited longest is next."""
        self._clock = 0
        self._waiting: dict[QueuePlace, deque[Turn]] = {}

    async def take(self, place: QueuePlace) -> Turn:
        """Waits for a turn. Raises Crowded."""
        turn = Turn(self, place)
        with self._lock:
            if self._queued[place.host, place.shown] >= MAX_WAITING:
                raise Crowded
            self._join(turn)
            self._call()
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                await turn.called
        except TimeoutError:
            self.give(turn)
            raise Crowded from None
        except BaseException:  # the caller has left
            self.give(turn)
            raise
        return turn

    def give(self, turn: Turn) -> None:
        with self._lock:
            if turn.over:
                return
            turn.over = True
            if turn.had:
                self._free += 1
                self._count(self._used, turn.place, -1)
            else:
                self._leave(turn)
            self._call()
            self._forget(turn.place)

    def _join(self, turn: Turn) -> None:
        self._clock += 1
        for group in turn.place.groups():  # who seldom asks comes first; addresses can be made up without end
            self._since.setdefault(group, self._clock if group is turn.place else 0)
        self._waiting.setdefault(turn.place, deque()).append(turn)
        self._count(self._queued, turn.place, 1)

    def _leave(self, turn: Turn) -> None:
        queue = self._waiting[turn.place]
        queue.remove(turn)
        if not queue:
            del self._waiting[turn.place]
        self._count(self._queued, turn.place, -1)

    def _call(self) -> None:
        """Calls those who are next, while there are free turns."""
        while self._free and (place := self._next()):
            turn = self._waiting[place][0]
            self._leave(turn)
            self._free -= 1
            self._clock += 1
            for group in place.groups():
                self._since[group] = self._clock
            self._count(self._used, place, 1)
            turn.had = True
            with suppress(RuntimeError):  # its loop is over, and with it the request that waited
                turn.loop.call_soon_threadsafe(_tell, turn.called)

    def _next(self) -> QueuePlace | None:
        """Of those who may: whose groups have fewest turns, and then have waited longest."""
        return min(filter(self._may, self._waiting), key=self._rank, default=None)

    def _may(self, place: QueuePlace) -> bool:
        if place.shown is CallerKind.ATTEMPT and self._used[CallerKind.ATTEMPT] >= self._of_strangers:
            return False
        return self._used[place.host] < self._of_host

    def _rank(self, place: QueuePlace) -> list[tuple[int, int]]:
        return [(self._used[group], self._since[group]) for group in place.groups()][1:]

    @staticmethod
    def _count(counter: Counter[Hashable], place: QueuePlace, step: int) -> None:
        for group in place.groups():
            counter[group] += step
            if not counter[group]:
                del counter[group]

    def _forget(self, place: QueuePlace) -> None:
        for group in place.groups():
            if group not in self._used and group not in self._queued:
                self._since.pop(group, None)


def _tell(called: asyncio.Future[None]) -> None:
    if not called.done():
        called.set_result(None)


_served: set[str] = set()
"""Hosts that lead somewhere. All others have one share together: names can be made up without end."""
_turn: ContextVar[Turn | None] = ContextVar("turn", default=None)


def serves(host: str) -> None:
    """A host of ours was asked at; it has a share of its own from now on."""
    _served.add(host)


def is_served(host: str) -> bool:
    return host in _served


@contextmanager
def during(turn: Turn) -> Iterator[Turn]:
    """The block is what the turn is for."""
    token = _turn.set(turn)
    try:
        yield turn
    finally:
        _turn.reset(token)
        turn.give()


def give_turn() -> None:
    """The present request goes on without a turn: it waits for work outside of this process."""
    if (turn := _turn.get()) is not None:
        turn.give()


def is_attempt() -> bool:
    """Whether the present request is one that a stranger sends."""
    turn = _turn.get()
    return turn is not None and turn.place.shown is CallerKind.ATTEMPT
