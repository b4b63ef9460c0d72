"""Who should run which camera: what holds for every fleet, and what a change of the fleet moves."""

from collections import Counter
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workers.fleet.assignment import TRIAL_SECONDS, assign
from workers.fleet.board import SLACK, Seat, Wish, may_run

HOSTS, SITES, TENANTS = ["gate", "yard", "roof"], ["north", "south"], ["acme", "other", "third"]
WEIGHTS: dict[object, int] = {"acme": 1, "other": 2, "third": 5}
seats = st.lists(
    st.builds(
        Seat,
        name=st.sampled_from([f"w{n}" for n in range(8)]),
        capacity=st.integers(1, 6),
        host=st.sampled_from(HOSTS),
        sites=st.frozensets(st.sampled_from(SITES), max_size=1),
        load=st.floats(0, 2),
    ),
    max_size=8,
    unique_by=lambda seat: seat.name,
)
wishes = st.lists(
    st.builds(
        Wish,
        camera=st.integers(0, 60),
        site=st.sampled_from([*SITES, "west"]),
        host=st.sampled_from(["", "", "", *HOSTS]),
        at=st.sampled_from([None, *(f"w{n}" for n in range(10))]),
        tenant=st.sampled_from(TENANTS),
        failing=st.sampled_from([False, False, False, True]),
        tried_ago=st.sampled_from([None, 1.0, 31.0, 62.0, 93.0]),
    ),
    max_size=40,
    unique_by=lambda wish: wish.camera,
)
anywhere = st.lists(
    st.builds(Seat, name=st.sampled_from([f"w{n}" for n in range(5)]), capacity=st.integers(1, 6)),
    max_size=5,
    unique_by=lambda seat: seat.name,
)
healthy_anywhere = st.lists(
    st.builds(
        Wish,
        camera=st.integers(0, 60),
        site=st.just("north"),
        at=st.sampled_from([None, *(f"w{n}" for n in range(6))]),
        tenant=st.sampled_from(TENANTS),
    ),
    max_size=40,
    unique_by=lambda wish: wish.camera,
)


@given(seats, wishes)
@settings(max_examples=300, deadline=None)
def test_every_plan_is_sound(fleet: list[Seat], wanted: list[Wish[int]]) -> None:
    plan = assign(fleet, wanted, WEIGHTS)
    named = {seat.name: seat for seat in fleet}
    assert set(plan) == {wish.camera for wish in wanted}
    used = {name: sum(place == name for place in plan.values()) for name in named}
    assert all(used[seat.name] <= seat.capacity for seat in fleet)
    for wish in wanted:
        place = plan[wish.camera]
        if place is not None:
            assert may_run(named[place], wish)
        else:
            free = [seat for seat in fleet if may_run(seat, wish) and used[seat.name] < seat.capacity]
            assert not free, "a camera waits though a worker that may has room"


def carried_out(plan: dict[int, str | None], wanted: list[Wish[int]]) -> list[Wish[int]]:
    return [replace(wish, at=plan[wish.camera]) for wish in wanted]


@given(seats, wishes)
@settings(max_examples=200, deadline=None)
def test_a_plan_that_is_carried_out_is_left_alone(fleet: list[Seat], wanted: list[Wish[int]]) -> None:
    """After at most a few rounds of levelling nothing moves any more, and nothing is moved to and fro."""
    wanted = [replace(wish, tried_ago=1.0) for wish in wanted]  # nobody's turn is over meanwhile
    for _ in range(6):
        plan = assign(fleet, wanted, WEIGHTS)
        after = carried_out(plan, wanted)
        if after == wanted:
            return
        wanted = after
    assert assign(fleet, wanted, WEIGHTS) == {wish.camera: wish.at for wish in wanted}


@given(anywhere, healthy_anywhere)
@settings(max_examples=200, deadline=None)
def test_a_camera_leaves_a_worker_that_may_keep_it_only_for_a_much_emptier_one(
    fleet: list[Seat], wanted: list[Wish[int]]
) -> None:
    """Where every worker may run all, none has to make room for one that can run nowhere else."""
    named = {seat.name: seat for seat in fleet}
    wanted = [replace(wish, tenant="acme") for wish in wanted]
    plan = assign(fleet, wanted)
    before = {name: sum(wish.at == name for wish in wanted) for name in named}
    for wish in wanted:
        seat = named.get(wish.at or "")
        place = plan[wish.camera]
        if seat is None or before[seat.name] > seat.capacity or place == wish.at:
            continue
        assert place is not None
        used = sum(other == place for other in plan.values())
        assert (before[seat.name] - 1) / seat.capacity > used / named[place].capacity - 1 + SLACK - 1e-9


def fair_shares(total: int, wanted: dict[str, int]) -> dict[str, Fraction]:
    """What max-min fairness gives each tenant: by its weight, up to what it wants. Water is filled in."""
    shares, left, open_ones = dict.fromkeys(wanted, Fraction(0)), Fraction(total), dict(wanted)
    while open_ones and left > 0:
        level = left / sum(WEIGHTS[name] for name in open_ones)
        done = {name for name, most in open_ones.items() if most <= level * WEIGHTS[name]}
        for name in done or set(open_ones):
            shares[name] = min(Fraction(wanted[name]), level * WEIGHTS[name])
            left -= shares[name]
            del open_ones[name]
    return shares


@given(anywhere, healthy_anywhere)
@settings(max_examples=300, deadline=None)
def test_no_tenant_is_under_its_fair_share_while_another_is_above(
    fleet: list[Seat], wanted: list[Wish[int]]
) -> None:
    """Whoever had the seats before. A share that is no whole number is met from above or below."""
    plan = assign(fleet, wanted, WEIGHTS)
    wants = {name: sum(wish.tenant == name for wish in wanted) for name in TENANTS}
    has = {
        name: sum(wish.tenant == name and plan[wish.camera] is not None for wish in wanted)
        for name in TENANTS
    }
    shares = fair_shares(sum(seat.capacity for seat in fleet), wants)
    under = [name for name in TENANTS if has[name] + 1 <= shares[name]]
    above = [name for name in TENANTS if has[name] - 1 >= shares[name]]
    assert not (under and above), (has, shares)


@given(seats, wishes)
@settings(max_examples=300, deadline=None)
def test_no_camera_waits_for_a_seat_of_a_tenant_that_has_more_of_its_share(
    fleet: list[Seat], wanted: list[Wish[int]]
) -> None:
    """Also where machines and sites bind: nobody who waits could have the seat of a tenant better off."""
    for _ in range(6):
        wanted = carried_out(assign(fleet, wanted, WEIGHTS), wanted)
    named = {seat.name: seat for seat in fleet}
    has = Counter(wish.tenant for wish in wanted if wish.at and not wish.failing)
    for waits in (wish for wish in wanted if wish.at is None and not wish.failing):
        for other in (wish for wish in wanted if wish.at and may_run(named[wish.at], waits)):
            assert not other.failing, "a camera that fails keeps a seat from one that does not"
            worse = Fraction(has[waits.tenant], WEIGHTS[waits.tenant])
            better = Fraction(has[other.tenant] - 1, WEIGHTS[other.tenant])
            assert other.tenant == waits.tenant or better <= worse


@given(seats, wishes)
@settings(max_examples=300, deadline=None)
def test_every_healthy_camera_runs_where_there_is_a_way_to_seat_them_all(
    fleet: list[Seat], wanted: list[Wish[int]]
) -> None:
    """Some first, wherever they were put: with the rest nobody who fits waits. Judged by a matching."""
    healthy = [wish for wish in wanted if not wish.failing]
    plan = assign(fleet, wanted, WEIGHTS)
    seated = sum(plan[wish.camera] is not None for wish in healthy)
    assert seated == max_that_fit(fleet, healthy)


def max_that_fit(fleet: list[Seat], wanted: list[Wish[int]]) -> int:
    """The size of a maximum matching of cameras and places, by augmenting paths."""
    places = [(seat, number) for seat in fleet for number in range(seat.capacity)]
    taken: dict[int, Wish[int]] = {}

    def fits(wish: Wish[int], tried: set[int]) -> bool:
        for number, (seat, _) in enumerate(places):
            if number not in tried and may_run(seat, wish):
                tried.add(number)
                if number not in taken or fits(taken[number], tried):
                    taken[number] = wish
                    return True
        return False

    return sum(fits(wish, set()) for wish in wanted)


def test_a_newcomer_gets_its_seats_back_and_no_more_is_moved() -> None:
    fleet = [Seat("w0", 6), Seat("w1", 4)]
    hog = [Wish(n, "north", tenant="acme") for n in range(30)]
    alone = assign(fleet, hog)
    assert sum(place is not None for place in alone.values()) == 10
    both = [*carried_out(alone, hog), *(Wish(100 + n, "south", tenant="other") for n in range(3))]
    plan = assign(fleet, both)
    assert all(plan[100 + n] is not None for n in range(3)), "three are less than its half"
    kept = [n for n in range(30) if alone[n] is not None and plan[n] == alone[n]]
    assert len(kept) == 7
    assert assign(fleet, carried_out(plan, both)) == plan


def test_a_camera_that_can_run_elsewhere_makes_room_for_one_that_cannot() -> None:
    """Also over several workers: two moves let the third in."""
    fleet = [Seat("a", 1, host="gate"), Seat("b", 1, host="yard"), Seat("c", 1, host="roof")]
    wanted = [Wish(1, "north", at="a"), Wish(2, "north", at="b"), Wish(3, "north", host="gate")]
    plan = assign(fleet, wanted)
    assert plan[3] == "a"
    assert None not in plan.values()


def failing(camera: int, tried_ago: float | None, at: str | None = None, tenant: str = "acme") -> Wish[int]:
    return Wish(camera, "north", at=at, tenant=tenant, failing=True, tried_ago=tried_ago)


def test_a_camera_that_fails_leaves_its_seat_to_one_that_does_not_even_of_its_own_tenant() -> None:
    fleet = [Seat("w0", 2)]
    broken = [failing(n, 1.0, "w0") for n in (1, 2)]
    plan = assign(fleet, [*broken, Wish(3, "north", tenant="acme")])
    assert plan[3] == "w0"
    assert sorted([plan[1] or "", plan[2] or ""]) == ["", "w0"]


def test_cameras_that_fail_take_turns_at_what_is_left() -> None:
    """By tenants first: one with a hundred of them does not keep another's single one from trying."""
    fleet, now = [Seat("w0", 2)], 0.0
    given = dict.fromkeys([*range(20), 99], -1000.0)
    at: dict[int, str | None] = {}
    turns: Counter[str] = Counter()
    for _ in range(12):
        now += TRIAL_SECONDS
        tenants = {n: "other" if n == 99 else "acme" for n in given}
        wanted = [failing(n, now - since, at.get(n), tenants[n]) for n, since in given.items()]
        plan = assign(fleet, [*wanted, Wish(500, "north", at="w0", tenant="acme")])
        assert plan[500] == "w0"
        for n in given:
            if plan[n] and not at.get(n):
                given[n] = now
                turns[tenants[n]] += 1
        at = {n: plan[n] for n in given}
    assert turns["other"] >= 5, turns
    assert turns["acme"] >= 5, turns
    assert len({n for n, since in given.items() if since > 0}) >= 6


def test_a_turn_is_not_cut_short_and_not_ended_for_nobody() -> None:
    fleet = [Seat("w0", 1)]
    early = [failing(1, TRIAL_SECONDS - 1, "w0"), failing(2, 500.0)]
    assert assign(fleet, early) == {1: "w0", 2: None}
    assert assign(fleet, [failing(1, 10 * TRIAL_SECONDS, "w0")]) == {1: "w0"}


def at_home(plan: dict[int, str | None]) -> list[Wish[int]]:
    return [Wish(camera, "north", at=place) for camera, place in plan.items()]


@pytest.mark.parametrize("workers", [2, 3, 7])
def test_cameras_are_spread_evenly(workers: int) -> None:
    fleet = [Seat(f"w{n}", 20) for n in range(workers)]
    plan = assign(fleet, [Wish(n, "north") for n in range(workers * 5)])
    assert {list(plan.values()).count(seat.name) for seat in fleet} == {5}


def test_only_the_cameras_of_a_worker_that_goes_are_moved() -> None:
    fleet = [Seat(f"w{n}", 20) for n in range(4)]
    before = assign(fleet, [Wish(n, "north") for n in range(40)])
    after = assign(fleet[:3], at_home(before))
    moved = {camera for camera in before if after[camera] != before[camera]}
    assert moved == {camera for camera, place in before.items() if place == "w3"}


def test_a_worker_that_comes_gets_what_the_others_have_too_much_of() -> None:
    fleet = [Seat(f"w{n}", 20) for n in range(2)]
    before = assign(fleet, [Wish(n, "north") for n in range(36)])
    after = assign([*fleet, Seat("w2", 20)], at_home(before))
    moved = [camera for camera in before if after[camera] != before[camera]]
    assert all(after[camera] == "w2" for camera in moved)
    assert 6 <= len(moved) <= 12
    assert assign([*fleet, Seat("w2", 20)], at_home(after)) == after


def test_a_worker_of_the_site_comes_first_and_the_idle_machine_before_the_busy_one() -> None:
    fleet = [Seat("far", 9), Seat("near", 1, sites=frozenset({"north"})), Seat("busy", 9, load=1.0)]
    plan = assign(fleet, [Wish(n, "north") for n in range(3)])
    assert sorted(place or "" for place in plan.values()) == ["far", "far", "near"]
