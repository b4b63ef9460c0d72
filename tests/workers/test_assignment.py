"""Who should run which camera: what holds for every fleet, and what a change of the fleet moves."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workers.assignment import SLACK, Seat, Wish, assign

HOSTS, SITES = ["gate", "yard", "roof"], ["north", "south"]
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
    ),
    max_size=40,
    unique_by=lambda wish: wish.camera,
)


def may(seat: Seat, wish: Wish[int]) -> bool:
    return wish.host in ("", seat.host) and (not seat.sites or wish.site in seat.sites)


@given(seats, wishes)
@settings(max_examples=300, deadline=None)
def test_every_plan_is_sound(fleet: list[Seat], wanted: list[Wish[int]]) -> None:
    plan = assign(fleet, wanted)
    named = {seat.name: seat for seat in fleet}
    assert set(plan) == {wish.camera for wish in wanted}
    used = {name: sum(place == name for place in plan.values()) for name in named}
    assert all(used[seat.name] <= seat.capacity for seat in fleet)
    for wish in wanted:
        place = plan[wish.camera]
        if place is not None:
            assert may(named[place], wish)
        else:
            free = [seat for seat in fleet if may(seat, wish) and used[seat.name] < seat.capacity]
            assert not free, "a camera waits though a worker that may has room"


@given(seats, wishes)
@settings(max_examples=200, deadline=None)
def test_a_plan_that_is_carried_out_is_left_alone(fleet: list[Seat], wanted: list[Wish[int]]) -> None:
    """After at most a few rounds of levelling nothing moves any more, and nothing is moved to and fro."""
    for _ in range(6):
        plan = assign(fleet, wanted)
        after = [Wish(wish.camera, wish.site, wish.host, plan[wish.camera]) for wish in wanted]
        if after == wanted:
            return
        wanted = after
    assert assign(fleet, wanted) == {wish.camera: wish.at for wish in wanted}


@given(seats, wishes)
@settings(max_examples=200, deadline=None)
def test_a_camera_leaves_a_worker_that_may_keep_it_only_for_a_much_emptier_one(
    fleet: list[Seat], wanted: list[Wish[int]]
) -> None:
    named = {seat.name: seat for seat in fleet}
    plan = assign(fleet, wanted)
    before = {name: sum(wish.at == name for wish in wanted) for name in named}
    for wish in wanted:
        seat = named.get(wish.at or "")
        place = plan[wish.camera]
        if seat is None or not may(seat, wish) or before[seat.name] > seat.capacity or place == wish.at:
            continue
        assert place is not None
        used = sum(other == place for other in plan.values())
        assert (before[seat.name] - 1) / seat.capacity > used / named[place].capacity - 1 + SLACK - 1e-9


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
