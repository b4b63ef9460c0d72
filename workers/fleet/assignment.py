"""Which worker should run which camera: computed without I/O from live workers and enabled cameras."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from heapq import heapify, heappop, heappush

from workers.fleet.board import Board, Key, Seat, Wish

TRIAL_SECONDS = 30.0
"""Seconds for which a camera whose source fails keeps its seat; then the next failing camera gets a turn."""
OTHERS = 1
"""Weight of a tenant that has none set."""


def assign(
    seats: Sequence[Seat], wishes: Iterable[Wish[Key]], weights: Mapping[object, int] | None = None
) -> dict[Key, str | None]:
    """The worker of each camera; None if no eligible worker has room.

    A worker gets at most its capacity, and no camera of another machine or of a site that it does not serve.
    A camera stays where it is unless its worker is gone or not eligible, is fuller than another worker by
    more than `board.SLACK`, or its seat is needed by a camera that can run nowhere else.

    If there is too little room, tenants share it in proportion to `weights` (max-min fairness): the part that
    one tenant does not need is shared by the others. A waiting camera takes another tenant's seat only if
    that tenant would still have more of its share afterwards, so that seats do not move back and forth.

    Cameras whose source fails share what the others leave, in turn, and do not count in any tenant's share.
    """
    ordered = sorted(wishes, key=lambda wish: str(wish.camera))  # the same input gives the same plan
    healthy = [wish for wish in ordered if not wish.failing]
    board: Board[Key] = Board(seats)
    waiting = [wish for wish in healthy if not board.keep(wish)]
    _share(board, waiting, weights or {})
    board.level(healthy)
    _share(board, [wish for wish in healthy if board.place_of(wish) is None], weights or {})
    _take_turns(board, [wish for wish in ordered if wish.failing])
    return {wish.camera: board.place_of(wish) for wish in ordered}


class _Shares:
    """How much of its share each tenant has: seats by weight."""

    def __init__(self, board: Board[Key], weights: Mapping[object, int]) -> None:
        self._board, self._weights = board, weights

    def of(self, tenant: object, more: int = 0) -> float:
        """Equal shares compare as equal, because division rounds correctly."""
        return (self._board.count_of(tenant) + more) / max(1, self._weights.get(tenant, OTHERS))

    def yields(self, owner: object, to: object) -> bool:
        """Whether `owner` would have more of its share than `to` even with one seat less."""
        return owner != to and self.of(owner, -1) > self.of(to)


def _share(board: Board[Key], waiting: Sequence[Wish[Key]], weights: Mapping[object, int]) -> None:
    """Seat by seat: the next seat goes to the tenant that has the least of its share."""
    shares = _Shares(board, weights)
    # Cameras with the fewest eligible workers first.
    order = sorted(waiting, key=lambda wish: (not wish.host, not board.has_own_seats(wish.site)))
    queues: dict[object, list[Wish[Key]]] = defaultdict(list)
    for wish in reversed(order):
        queues[wish.tenant].append(wish)
    heap = [(shares.of(tenant), str(tenant), tenant) for tenant in queues]
    heapify(heap)
    hopeless: set[tuple[object, object, str]] = set()
    while heap:
        share, name, tenant = heappop(heap)
        queue = queues[tenant]
        if not queue:
            continue
        if share != (now := shares.of(tenant)):
            heappush(heap, (now, name, tenant))
            continue
        wish = queue.pop()
        kind = (tenant, wish.site, wish.host)
        if kind not in hopeless and not board.seat(wish):
            victim = _seat_at_cost_of_another(board, wish, shares)
            if victim is None:
                hopeless.add(kind)
            else:
                queues[victim.tenant].insert(0, victim)
                heappush(heap, (shares.of(victim.tenant), str(victim.tenant), victim.tenant))
        heappush(heap, (shares.of(tenant), name, tenant))


def _seat_at_cost_of_another(board: Board[Key], wish: Wish[Key], shares: _Shares) -> Wish[Key] | None:
    """Seat a camera in place of one of the tenant that has most of its share; returns the unseated one."""
    richer = [one for one in board.tenants() if shares.yields(one, wish.tenant)]
    for tenant in sorted(richer, key=lambda one: (-shares.of(one), str(one))):
        if victim := board.seat_instead_of(wish, tenant):
            return victim
    return None


def _take_turns(board: Board[Key], failing: Sequence[Wish[Key]]) -> None:
    """Assigns the remaining seats in turn: for TRIAL_SECONDS if another failing camera waits, else longer."""
    holders = [wish for wish in sorted(failing, key=_tried) if board.keep(wish)]
    over = [wish for wish in holders if _tried(wish) >= TRIAL_SECONDS]
    for wish in _in_turn(failing):
        if board.place_of(wish) is not None or board.seat_free(wish):
            continue
        longest = next((one for one in reversed(over) if board.may(board.required(one), wish)), None)
        if longest is not None and _tried(wish) > _tried(longest):
            over.remove(longest)
            board.exchange(longest, wish)


def _in_turn(failing: Sequence[Wish[Key]]) -> list[Wish[Key]]:
    """One camera of each tenant, then the next of each. Tenants, and cameras within a tenant, are ordered by
    their last turn, oldest first."""
    ordered = sorted(failing, key=lambda wish: (-_tried(wish), str(wish.camera)))
    last = {wish.tenant: _tried(wish) for wish in ordered}
    ranks: dict[object, int] = defaultdict(int)
    ranked: list[tuple[int, float, Wish[Key]]] = []
    for wish in ordered:
        ranked.append((ranks[wish.tenant], -last[wish.tenant], wish))
        ranks[wish.tenant] += 1
    return [wish for _, _, wish in sorted(ranked, key=lambda one: one[:2])]


def _tried(wish: Wish[Key]) -> float:
    """Seconds since it last got a seat."""
    return float("inf") if wish.tried_ago is None else wish.tried_ago
