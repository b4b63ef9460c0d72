"""The workers and their cameras while a plan is made. No I/O."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from typing import Generic, TypeVar

Key = TypeVar("Key")

SLACK = 0.25
"""Part of its capacity by which a worker must be fuller than another before a camera is moved. A move
interrupts the camera for a second or two."""
LOAD_WEIGHT = 0.2
"""Weight of the load of a worker's machine beside the number of its cameras."""


@dataclass(frozen=True, slots=True)
class Seat:
    """A live worker. `sites`: the sites that it serves, empty for all. `load`: 0 idle, 1 busy."""

    name: str
    capacity: int
    host: str = ""
    sites: frozenset[object] = frozenset()
    load: float = 0.0


@dataclass(frozen=True, slots=True)
class Wish(Generic[Key]):
    """A camera that should run. `host`: the only machine that can; `at`: its present or planned worker.

    `failing`: its source has not delivered for a while; `tried_ago`: seconds since it last got a seat, None
    for never.
    """

    camera: Key
    site: object
    host: str = ""
    at: str | None = None
    tenant: object = None
    failing: bool = False
    tried_ago: float | None = None


def may_run(seat: Seat, wish: Wish[Key]) -> bool:
    """Whether the worker is on the camera's machine and serves its site."""
    return wish.host in ("", seat.host) and (not seat.sites or wish.site in seat.sites)


class Board(Generic[Key]):
    """The seat of each camera; heaps find the emptiest of the workers that may run one."""

    def __init__(self, seats: Sequence[Seat]) -> None:
        self._seats = {seat.name: seat for seat in seats}
        self._on: dict[str, dict[Key, Wish[Key]]] = {name: {} for name in self._seats}
        self._tenants: dict[str, Counter[object]] = {name: Counter() for name in self._seats}
        self._places: dict[Key, str] = {}
        self._counts: dict[object, int] = defaultdict(int)
        self._hosts: dict[str, list[str]] = defaultdict(list)
        self._pools: dict[object, list[str]] = defaultdict(list)
        for seat in seats:
            self._hosts[seat.host].append(seat.name)
            for pool in _pools_of(seat):
                self._pools[pool].append(seat.name)
        self._free = sum(seat.capacity for seat in seats)
        self._heaps = {
            pool: [(self._fill(name), name) for name in names] for pool, names in self._pools.items()
        }
        for heap in self._heaps.values():
            heapify(heap)

    def place_of(self, wish: Wish[Key]) -> str | None:
        return self._places.get(wish.camera)

    def required(self, wish: Wish[Key]) -> str:
        """The worker of a camera that has a seat."""
        return self._places[wish.camera]

    def count_of(self, tenant: object) -> int:
        """Seats of a tenant, without those of failing cameras."""
        return self._counts[tenant]

    def tenants(self) -> list[object]:
        return [tenant for tenant, count in self._counts.items() if count]

    def has_own_seats(self, site: object) -> bool:
        """Whether there are workers that serve this site only."""
        return ("site", site) in self._pools

    def may(self, name: str, wish: Wish[Key]) -> bool:
        """Whether there is such a worker, and it may run the camera."""
        seat = self._seats.get(name)
        return seat is not None and may_run(seat, wish)

    def keep(self, wish: Wish[Key]) -> bool:
        """Leave a camera where it is. Returns False if it cannot stay."""
        stays = wish.at is not None and self.may(wish.at, wish) and self._has_room(wish.at)
        if stays and wish.at is not None:
            self._add(wish.at, wish)
        return stays

    def seat_free(self, wish: Wish[Key]) -> bool:
        """Seat it on the emptiest worker that may run it: first those of the camera's site, then others."""
        name = self._emptiest(wish)
        if name is not None:
            self._add(name, wish)
        return name is not None

    def seat(self, wish: Wish[Key]) -> bool:
        """As `seat_free`; if all those workers are full, cameras that can run elsewhere are moved."""
        return self.seat_free(wish) or (self._free > 0 and self._along(self._route(wish)))

    def seat_instead_of(self, wish: Wish[Key], tenant: object) -> Wish[Key] | None:
        """Seat a camera in place of another tenant's, moving others if needed; returns the unseated one."""
        route = self._route(wish, {tenant})
        if route is None or route.victim is None:
            return None
        self._remove(route.victim)
        self._along(route)
        return route.victim

    def exchange(self, old: Wish[Key], new: Wish[Key]) -> None:
        """Give the seat of one camera to the other."""
        name = self._places[old.camera]
        self._remove(old)
        self._add(name, new)

    def level(self, wishes: Iterable[Wish[Key]]) -> None:
        """Move cameras from the fullest workers to the emptiest, as long as a move is worth it."""
        for wish in wishes:
            name = self._places.get(wish.camera)
            if name is None or name != wish.at:
                continue
            better = self._emptiest(wish)
            if better is not None and self._gains(name, better):
                self._remove(wish)
                self._add(better, wish)

    def _route(self, wish: Wish[Key], victims: Set[object] = frozenset()) -> _Route[Key] | None:
        """The shortest sequence of moves to a free seat, or to a seat of one of the tenants `victims`."""
        came: dict[str, tuple[Wish[Key], str | None]] = dict.fromkeys(self._allowed(wish), (wish, None))
        level, seen = list(came), {(wish.site, wish.host)}
        while level:
            for name in level:
                if not victims and self._has_room(name):
                    return _Route(name, came)
                if not victims.isdisjoint(self._tenants[name]):
                    return _Route(name, came, self._last_of(name, victims))
            level = list(self._next_level(level, seen, came))
        return None

    def _next_level(
        self,
        level: Iterable[str],
        seen: set[tuple[object, str]],
        came: dict[str, tuple[Wish[Key], str | None]],
    ) -> Iterator[str]:
        """The workers to which one of these cameras could move; recorded in `came`, their kinds in `seen`."""
        for name in level:
            if len(came) == len(self._seats):
                return
            for one in self._on[name].values():
                if (one.site, one.host) not in seen:
                    seen.add((one.site, one.host))
                    for other in self._allowed(one):
                        if other not in came:
                            came[other] = one, name
                            yield other

    def _last_of(self, name: str, victims: Set[object]) -> Wish[Key]:
        """The camera of one of these tenants that was seated on the worker last."""
        return next(one for one in reversed(self._on[name].values()) if one.tenant in victims)

    def _along(self, route: _Route[Key] | None) -> bool:
        """Carry out the moves of a route, starting at its end, where there is room."""
        if route is None:
            return False
        name: str | None = route.end
        while name is not None:
            mover, left = route.came[name]
            if left is not None:
                self._remove(mover)
            self._add(name, mover)
            name = left
        return True

    def _allowed(self, wish: Wish[Key]) -> list[str]:
        if wish.host:
            return [name for name in self._hosts.get(wish.host, []) if self.may(name, wish)]
        return [*self._pools.get(("site", wish.site), []), *self._pools.get("any", [])]

    def _has_room(self, name: str) -> bool:
        return len(self._on[name]) < self._seats[name].capacity

    def _add(self, name: str, wish: Wish[Key]) -> None:
        self._on[name][wish.camera] = wish
        self._places[wish.camera] = name
        self._counts[wish.tenant] += not wish.failing
        self._tenants[name][wish.tenant] += 1
        self._free -= 1
        self._note(name)

    def _remove(self, wish: Wish[Key]) -> None:
        name = self._places.pop(wish.camera)
        del self._on[name][wish.camera]
        self._counts[wish.tenant] -= not wish.failing
        self._tenants[name][wish.tenant] -= 1
        if not self._tenants[name][wish.tenant]:
            del self._tenants[name][wish.tenant]
        self._free += 1
        self._note(name)

    def _emptiest(self, wish: Wish[Key]) -> str | None:
        if wish.host:
            allowed = [name for name in self._allowed(wish) if self._has_room(name)]
            return min(allowed, key=self._fill, default=None)
        for pool in (("site", wish.site), "any"):
            name = self._top(pool)
            if name is not None and self._has_room(name):
                return name
        return None

    def _gains(self, here: str, there: str) -> bool:
        """Whether `here` is still fuller than `there` by more than SLACK after moving one camera."""
        if here == there:
            return False
        after_here = (len(self._on[here]) - 1) / self._seats[here].capacity
        after_there = (len(self._on[there]) + 1) / self._seats[there].capacity
        return after_here > after_there + SLACK

    def _fill(self, name: str) -> float:
        """Sort key by free room: a full worker comes last, whatever its load."""
        seat, used = self._seats[name], len(self._on[name])
        if used >= seat.capacity:
            return float("inf")
        return used / seat.capacity + LOAD_WEIGHT * min(max(seat.load, 0.0), 1.0)

    def _note(self, name: str) -> None:
        for pool in _pools_of(self._seats[name]):
            heappush(self._heaps[pool], (self._fill(name), name))

    def _top(self, pool: object) -> str | None:
        """The emptiest of a pool. Outdated entries are dropped; the true one is in the heap, too."""
        heap = self._heaps.get(pool)
        while heap:
            fill, name = heap[0]
            if fill == self._fill(name):
                return name
            heappop(heap)
        return None


@dataclass(frozen=True, slots=True)
class _Route(Generic[Key]):
    """A way to seat a camera. `came`: per worker, the camera that moves there and its old worker (None: new).

    `victim` is at `end` and loses its seat; without a victim there is room.
    """

    end: str
    came: dict[str, tuple[Wish[Key], str | None]]
    victim: Wish[Key] | None = None


def _pools_of(seat: Seat) -> Iterator[object]:
    if not seat.sites:
        yield "any"
    for site in seat.sites:
        yield ("site", site)
