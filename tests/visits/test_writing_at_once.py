"""Writers of one tenant at the same time: no duplicate, no lost visit, no deadlock, a journal in order."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from functools import partial
from random import Random
from typing import Any, cast

import pytest
from django.core.exceptions import ObjectDoesNotExist, ValidationError
from django.db import connection, transaction
from django.utils import timezone
from pytest_django.plugin import DjangoDbBlocker

from cameras.models import Camera
from staff.actions import delete_staff_member
from staff.models import StaffMember
from tenants.actions import create_tenant
from tenants.isolation.context import inside
from tenants.models import Tenant
from tests.conftest import drop_further_tenants, make_camera, template_of
from visits.actions import close_visits, delete_visitor, record_track
from visits.locks import lock_people, lock_strangers
from visits.merging.actions import merge_visitors, not_this_person, undo_merge
from visits.models import LiveEvent, Merge, Sighting, SightingDecision, Visit, Visitor
from visits.track_facts import TrackFacts
from workers.fleet.leases import lease_guard

WRITERS = 4
"""Fewer than a process has connections."""
MATCH = 0.36
PATIENCE = 600


@pytest.fixture(scope="module")
def crowd(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Tenant]:
    """A tenant whose rows are committed, so that several connections see them, with a camera a writer."""
    with django_db_blocker.unblock():
        tenant = create_tenant(name="crowd", host="crowd.localhost")
        with inside(tenant):
            for number in range(WRITERS):
                make_camera(f"Door {number}")
        yield tenant
        drop_further_tenants()


@pytest.fixture
def unblocked(crowd: Tenant, django_db_blocker: DjangoDbBlocker) -> Iterator[Tenant]:
    with django_db_blocker.unblock(), inside(crowd):
        yield crowd
        for model in (Merge, LiveEvent, Sighting, Visit, Visitor, StaffMember):
            cast(Any, model).objects.all().delete()


def facts_of(
    camera: Camera, track: int, face: int, decision: str = "new_visitor", **values: Any
) -> TrackFacts:
    now = timezone.now()
    given: dict[str, Any] = {
        "camera": camera.pk,
        "epoch": camera.epoch,
        "track": track,
        "sequence": 0,
        "ended": True,
        "decision": decision,
        "score": 0.5,
        "started_at": now,
        "last_seen_at": now + timedelta(seconds=1),
        "faces": 5,
        "quality": 0.7,
        "pack": "edgeface-xs",
        "template": template_of(face),
    }
    return TrackFacts(**(given | values))


def record(facts: TrackFacts) -> Sighting | None:
    return record_track(facts=facts, match=MATCH, guard=lease_guard(facts))


def at_once(tenant: Tenant, work: list[Callable[[], object]]) -> list[Any]:
    """Each in a thread and connection of its own, begun together. Raises what one of them raised."""
    start = threading.Barrier(len(work))
    if not connection.in_atomic_block:
        connection.close()  # a process has few

    def run(one: Callable[[], object]) -> object:
        with inside(tenant):
            start.wait(PATIENCE)
            return one()

    with ThreadPoolExecutor(len(work)) as pool:
        return [future.result(PATIENCE) for future in [pool.submit(run, one) for one in work]]


def test_a_stranger_before_all_cameras_at_once_is_one_visitor(unblocked: Tenant) -> None:
    cameras = list(Camera.objects.all())
    for face in range(5):
        made = at_once(unblocked, [partial(record, facts_of(one, face, 100 + face)) for one in cameras])
        assert len({sighting.visitor_id for sighting in made}) == 1
    assert sorted(Visitor.objects.values_list("number", flat=True)) == [1, 2, 3, 4, 5]
    assert Visit.objects.count() == 5
    assert sum(Visit.objects.values_list("sighting_count", flat=True)) == 5 * WRITERS


def test_one_report_sent_by_all_at_once_is_kept_once(unblocked: Tenant) -> None:
    facts = facts_of(Camera.objects.all()[0], 1, 7)
    made = at_once(unblocked, [partial(record, facts)] * WRITERS)
    assert {sighting.pk for sighting in made} == {facts.sighting_id}
    assert (Sighting.objects.count(), Visit.objects.get().sighting_count) == (1, 1)


def test_records_of_other_people_do_not_wait(unblocked: Tenant) -> None:
    """A transaction that holds one person, and one that makes a visitor, keep no other person waiting."""
    first, second = Camera.objects.all()[:2]
    ada, bob = (record(facts_of(first, track, 20 + track)) for track in (1, 2))
    assert ada
    assert ada.visitor_id
    assert bob
    seen = facts_of(second, 3, 22, "visitor", person=bob.visitor_id)
    with transaction.atomic():
        lock_strangers()
        lock_people(ada.visitor_id)
        [sighting] = at_once(unblocked, [partial(record, seen)])
    assert sighting.visitor_id == bob.visitor_id


def test_a_visitor_who_came_during_the_search_is_found(unblocked: Tenant) -> None:
    """The writer has searched and waits for the others; the same face is recorded meanwhile."""
    first, second = Camera.objects.all()[:2]
    searched, recorded = threading.Event(), threading.Event()

    def late(facts: TrackFacts) -> Sighting | None:
        def guard() -> None:  # called after the search, at the beginning of the transaction
            searched.set()
            assert recorded.wait(PATIENCE)

        return record_track(facts=facts, match=MATCH, guard=guard)

    def early(facts: TrackFacts) -> Sighting | None:
        assert searched.wait(PATIENCE)
        try:
            return record(facts)
        finally:
            recorded.set()

    one, other = at_once(
        unblocked, [partial(late, facts_of(first, 1, 30)), partial(early, facts_of(second, 1, 30))]
    )
    assert one.visitor_id == other.visitor_id
    assert one.decision == SightingDecision.VISITOR


def test_a_visitor_who_is_merged_during_the_search_is_followed(unblocked: Tenant) -> None:
    first, second = Camera.objects.all()[:2]
    kept = cast(Sighting, record(facts_of(first, 1, 40))).visitor
    gone = cast(Sighting, record(facts_of(first, 2, 41))).visitor
    assert kept
    assert gone
    done: list[object] = []

    def guard() -> None:
        if not done:
            done.extend(at_once(unblocked, [partial(merge_visitors, kept=kept, gone=gone, by=None)]))

    facts = facts_of(second, 3, 41)
    sighting = record_track(facts=facts, match=MATCH, guard=guard)
    assert sighting
    assert sighting.visitor_id == kept.pk
    assert list(Visitor.objects.values_list("pk", flat=True)) == [kept.pk]


def test_the_journal_is_read_without_a_gap_while_all_write(unblocked: Tenant) -> None:
    """A page that asks again and again for what came after its cursor misses nothing."""
    cameras = list(Camera.objects.all())
    ended, seen = threading.Event(), []

    def read() -> None:
        cursor = 0
        while True:
            last = ended.is_set()
            new = list(LiveEvent.objects.filter(pk__gt=cursor).order_by("pk").values_list("pk", flat=True))
            seen.extend(new)
            cursor = max([cursor, *new])
            if last:
                return

    def write(camera: Camera) -> None:
        for track in range(12):
            record(facts_of(camera, track, 1_000 + 100 * cameras.index(camera) + track % 4))

    def write_all() -> None:
        try:
            at_once(unblocked, [partial(write, camera) for camera in cameras])
        finally:
            ended.set()

    at_once(unblocked, [read, write_all])
    assert seen == list(LiveEvent.objects.order_by("pk").values_list("pk", flat=True))
    assert len(seen) == WRITERS * 12


@pytest.mark.parametrize(("seed", "kinds"), [(1, 4), (2, 4), (3, 5)], ids=["one", "two", "undone, too"])
def test_merges_corrections_deletions_and_records_at_once_end_and_lose_nothing(
    unblocked: Tenant, seed: int, kinds: int
) -> None:
    """Few people and many writers, so that all meet. A deadlock would raise an error in one of them."""
    cameras = list(Camera.objects.all())
    for face in range(6):
        record(facts_of(cameras[0], 10_000 + face, 500 + face))
    staff = [StaffMember.objects.create(name=f"Ada {number}") for number in range(3)]

    def records(camera: Camera, chance: Random) -> None:
        for track in range(15):
            face = 500 + chance.randrange(8)
            known = Visitor.objects.order_by("?").first()
            decision = chance.choice(["new_visitor", "visitor", "staff"])
            person = chance.choice(staff).pk if decision == "staff" else known and known.pk
            for sequence in range(2):
                later = "unsure" if sequence and chance.random() < 0.3 else decision
                record(facts_of(camera, track, face, later, person=person, sequence=sequence))

    def changes(chance: Random) -> None:
        for _ in range(20):
            with suppress(ValidationError, ObjectDoesNotExist):
                _one_change(chance, kinds)

    def forgets(chance: Random) -> None:
        for member in staff:
            delete_staff_member(member=member)
            close_visits(now=timezone.now() + timedelta(days=1))

    work: list[Callable[[], object]] = [
        *(partial(records, camera, Random(f"{seed} {camera.name}")) for camera in cameras[:4]),
        *(partial(changes, Random(f"{seed} {number}")) for number in range(2)),
        partial(forgets, Random(seed)),
    ]
    at_once(unblocked, work)
    numbers = list(Visitor.objects.values_list("number", flat=True))
    assert len(numbers) == len(set(numbers))
    if kinds == 4:  # what was seen after a merge stays in its visit when the merge is undone
        _require_visits_of_all()


def _one_change(chance: Random, kinds: int) -> None:
    people = list(Visitor.objects.order_by("?")[:2])
    match chance.randrange(kinds):
        case 0 | 1 if len(people) == 2:
            merge_visitors(kept=people[0], gone=people[1], by=None)
        case 2:
            for sighting in Sighting.objects.exclude(visitor=None).order_by("?")[:1]:
                not_this_person(sighting=sighting, by=None)
        case 3:
            for visitor in people[:1]:
                delete_visitor(visitor=visitor)
        case 4:
            for merge in Merge.objects.filter(undone_at=None).order_by("?")[:1]:
                undo_merge(merge=merge, by=None, now=timezone.now())


def _require_visits_of_all() -> None:
    """Each sighting of a person is in a visit of that person, and each visit counts its sightings."""
    for sighting in Sighting.objects.select_related("visit"):
        if sighting.visitor_id or sighting.staff_member_id:
            assert sighting.visit is not None
            assert sighting.visit.visitor_id == sighting.visitor_id
            assert sighting.visit.staff_member_id == sighting.staff_member_id
    for visit in Visit.objects.all():
        assert visit.sighting_count == visit.sightings.count() > 0
