"""Who should run which camera: computed, without I/O, from who is there and what is wanted."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from typing import Generic, TypeVar

Key = TypeVar("Key")

SLACK = 0.25
"""Part of its capacity by which a worker must be fuller than another before a camera is moved: moving
interrupts the watch for a second or two."""
LOAD_WEIGHT = 0.2
"""How much the load of a worker's machine counts beside the cameras that it has."""


@dataclass(frozen=True, slots=True)
class Seat:
    """A live worker. `sites`: the only ones it serves, empty for any. `load`: 0 idle, 1 busy."""

    name: str
    capacity: int
    host: str = ""
    sites: frozenset[object] = frozenset()
    load: float = 0.0


@dataclass(frozen=True, slots=True)
class Wish(Generic[Key]):
    """A camera that should run. `host`: the only machine that can; `at`: who runs or should run it now."""

    camera: Key
    site: object
    host: str = ""
    at: str | None = None


def assign(seats: Sequence[Seat], wishes: Iterable[Wish[Key]]) -> dict[Key, str | None]:
    """The worker of each camera, None where no worker that may has room.

    No worker gets more than its capacity, none a camera of another machine or of a site that it does not
    serve. A camera stays where it is unless its worker is gone, may not, or is fuller than another one by
    more than SLACK. No camera waits while a worker that may has room.
    """
    board = _Board(seats)
    plan: dict[Key, str | None] = {}
    waiting: list[Wish[Key]] = []
    ordered = sorted(wishes, key=lambda wish: str(wish.camera))  # the same plan for the same facts
    for wish in ordered:
        if wish.at is not None and board.may(wish.at, wish) and board.has_room(wish.at):
            board.add(wish.at)
            plan[wish.camera] = wish.at
        else:
            waiting.append(wish)
    # Those with least choice first.
    waiting.sort(key=lambda wish: (not wish.host, not board.has_own_seats(wish.site)))
    _place(board, waiting, plan)
    _level(board, ordered, plan)
    _place(board, [wish for wish in waiting if plan[wish.camera] is None], plan)  # where levelling made room
    return plan


def _place(board: _Board, wishes: Iterable[Wish[Key]], plan: dict[Key, str | None]) -> None:
    for wish in wishes:
        name = board.emptiest(wish)
        plan[wish.camera] = name
        if name is not None:
            board.add(name)


def _level(board: _Board, wishes: Sequence[Wish[Key]], plan: dict[Key, str | None]) -> None:
    """Move cameras from the fullest workers to the emptiest, while it makes a difference worth a move."""
    for wish in wishes:
        name = plan[wish.camera]
        if name is None or name != wish.at:
            continue
        better = board.emptiest(wish)
        if better is not None and board.gains(name, better):
            board.remove(name)
            board.add(better)
            plan[wish.camera] = better


class _Board:
    """The workers, how many cameras each has, and heaps that find the emptiest of those that may."""

    def __init__(self, seats: Sequence[Seat]) -> None:
        self._seats = {seat.name: seat for seat in seats}
        self._used = dict.fromkeys(self._seats, 0)
        self._hosts: dict[str, list[str]] = defaultdict(list)
        pools: dict[object, list[str]] = defaultdict(list)
        for seat in seats:
            self._hosts[seat.host].append(seat.name)
            for pool in _pools_of(seat):
                pools[pool].append(seat.name)
        self._heaps = {pool: [(self._fill(name), name) for name in names] for pool, names in pools.items()}
        for heap in self._heaps.values():
            heapify(heap)

    def has_own_seats(self, site: object) -> bool:
        """Whether there are workers for this site and not for all."""
        return ("site", site) in self._heaps

    def may(self, name: str, wish: Wish[Key]) -> bool:
        seat = self._seats.get(name)
        if seat is None or (wish.host and wish.host != seat.host):
            return False
        return not seat.sites or wish.site in seat.sites

    def has_room(self, name: str) -> bool:
        return self._used[name] < self._seats[name].capacity

    def add(self, name: str) -> None:
        self._used[name] += 1
        self._note(name)

    def remove(self, name: str) -> None:
        self._used[name] -= 1
        self._note(name)

    def emptiest(self, wish: Wish[Key]) -> str | None:
        """Of the workers that may: those for the camera's site first, then those for any."""
        if wish.host:
            there = self._hosts.get(wish.host, [])
            allowed = [name for name in there if self.may(name, wish) and self.has_room(name)]
            return min(allowed, key=self._fill, default=None)
        for pool in (("site", wish.site), "any"):
            name = self._top(pool)
            if name is not None and self.has_room(name):
                return name
        return None

    def gains(self, here: str, there: str) -> bool:
        """Whether moving one camera leaves `here` still fuller than `there`, by more than SLACK."""
        if here == there:
            return False
        after_here = (self._used[here] - 1) / self._seats[here].capacity
        after_there = (self._used[there] + 1) / self._seats[there].capacity
        return after_here > after_there + SLACK

    def _fill(self, name: str) -> float:
        """Orders by room: a full worker comes last, whatever its load."""
        seat, used = self._seats[name], self._used[name]
        if used >= seat.capacity:
            return float("inf")
        return used / seat.capacity + LOAD_WEIGHT * min(max(seat.load, 0.0), 1.0)

    def _note(self, name: str) -> None:
        for pool in _pools_of(self._seats[name]):
            heappush(self._heaps[pool], (self._fill(name), name))

    def _top(self, pool: object) -> str | None:
        """The emptiest of a pool. Entries that are out of date are dropped; the true one is in the heap."""
        heap = self._heaps.get(pool)
        while heap:
            fill, name = heap[0]
            if fill == self._fill(name):
                return name
            heappop(heap)
        return None


def _pools_of(seat: Seat) -> Iterator[object]:
    if not seat.sites:
        yield "any"
    for site in seat.sites:
        yield ("site", site)
