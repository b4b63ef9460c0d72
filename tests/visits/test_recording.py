"""What workers report becomes sightings and visits: once, in order, of the right person, or not at all."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.core.files.storage import storages
from django.utils import timezone
from django_tenants.utils import tenant_context

from cameras.models import Camera, Site
from facetrack.core import objects
from staff.models import StaffMember
from tenants.models import Outbox, Tenant
from tests.conftest import make_camera, template_of
from visits import visitor_matching
from visits.actions import close_visits, delete_visitor
from visits.index import nearest_visitors, visitor_index
from visits.models import LiveEvent, PassageCount, Sighting, SightingDecision, Visit, Visitor
from visits.rules import merge_templates
from workers.fleet.leases import StaleEpoch
from workers.indexing import drain_outbox, rebuild

MakeVisit = Callable[..., Sighting]
PACK = "edgeface-xs"


def test_a_member_of_staff_opens_a_visit(
    camera: Camera, employee: StaffMember, make_visit: MakeVisit
) -> None:
    sighting = make_visit(camera, SightingDecision.STAFF, person=employee)
    assert sighting.visit is not None
    assert sighting.visit.person == employee
    assert sighting.visit.ended_at is None
    assert LiveEvent.objects.get().kind == LiveEvent.Kind.VISIT_OPENED


@pytest.mark.parametrize(("window", "visits"), [(600, 1), (599, 2)])
def test_a_later_track_belongs_to_the_visit_within_the_window_also_when_clocks_change(
    acme: Tenant, make_visit: MakeVisit, window: int, visits: int
) -> None:
    """The night in which Berlin's clocks go from 2:00 to 3:00: 1:55 and 3:05 are ten minutes apart."""
    site = Site.objects.create(name="Gate", reentry_seconds=window, time_zone="Europe/Berlin")
    berlin = ZoneInfo(site.time_zone)
    for at in (datetime(2026, 3, 29, 1, 55, tzinfo=berlin), datetime(2026, 3, 29, 3, 5, tzinfo=berlin)):
        make_visit(make_camera(f"Door {at}", site=site), face=1, at=at.astimezone(UTC), seconds=0)
    assert Visit.objects.count() == visits


def test_the_same_report_twice_changes_nothing(camera: Camera, make_visit: MakeVisit) -> None:
    first = make_visit(camera, track=1, face=1)
    events = LiveEvent.objects.count()
    assert make_visit(camera, track=1, face=1) == first
    assert (Sighting.objects.count(), Visit.objects.count(), Visitor.objects.count()) == (1, 1, 1)
    assert LiveEvent.objects.count() == events


def test_a_later_report_prolongs_the_sighting_and_its_visit(camera: Camera, make_visit: MakeVisit) -> None:
    began = timezone.now()
    make_visit(camera, track=1, at=began, seconds=2)
    sighting = make_visit(camera, track=1, at=began, seconds=9, sequence=1, faces=40, ended=True)
    assert sighting.visit is not None
    assert sighting.faces == 40
    assert sighting.visit.last_seen_at == began + timedelta(seconds=9)
    assert Sighting.objects.count() == 1


def test_an_older_run_may_not_write(camera: Camera, make_visit: MakeVisit) -> None:
    with pytest.raises(StaleEpoch):
        make_visit(camera, epoch=camera.epoch - 1)
    assert not Sighting.objects.exists()
    assert not Visitor.objects.exists()


def test_coming_back_in_time_is_the_same_visit(
    camera: Camera, employee: StaffMember, make_visit: MakeVisit
) -> None:
    began = timezone.now()
    make_visit(camera, SightingDecision.STAFF, person=employee, at=began, seconds=5)
    make_visit(
        camera, SightingDecision.STAFF, person=employee, at=began + timedelta(seconds=5 + 60), seconds=5
    )
    visit = Visit.objects.get()
    assert visit.sighting_count == 2
    assert visit.last_seen_at == began + timedelta(seconds=70)


def test_coming_back_later_is_another_visit(
    camera: Camera, employee: StaffMember, make_visit: MakeVisit
) -> None:
    began = timezone.now()
    make_visit(camera, SightingDecision.STAFF, person=employee, at=began, seconds=5)
    make_visit(
        camera, SightingDecision.STAFF, person=employee, at=began + timedelta(seconds=5 + 61), seconds=5
    )
    later, first = Visit.objects.order_by("-started_at")
    assert first.ended_at == began + timedelta(seconds=5)
    assert later.ended_at is None


def test_a_stranger_is_the_same_visitor_at_once_on_every_camera(
    camera: Camera, make_visit: MakeVisit
) -> None:
    """Nothing has reached the index yet: the second camera finds the visitor by the outbox."""
    first = make_visit(camera, face=5)
    second = make_visit(make_camera("Back door"), face=5)
    assert first.visitor == second.visitor
    assert second.decision == SightingDecision.VISITOR
    assert second.score > 0.99
    assert Visitor.objects.get().number == 1
    assert Visit.objects.count() == 1


def test_strangers_are_numbered(camera: Camera, make_visit: MakeVisit) -> None:
    assert [str(make_visit(camera, face=face).person) for face in (1, 2, 3)] == [
        "Visitor 1",
        "Visitor 2",
        "Visitor 3",
    ]


def test_somebody_unsure_is_kept_for_review_and_is_nobody(camera: Camera, make_visit: MakeVisit) -> None:
    sighting = make_visit(camera, SightingDecision.UNSURE, reason="two people too close")
    assert sighting.person is None
    assert sighting.visit is None
    assert (Visit.objects.count(), Visitor.objects.count()) == (0, 0)
    assert LiveEvent.objects.get().kind == LiveEvent.Kind.UNSURE


def test_a_rejected_track_is_counted_and_nothing_else(camera: Camera, make_visit: MakeVisit) -> None:
    for _ in range(3):
        with pytest.raises(AssertionError):  # the fixture expects a sighting
            make_visit(camera, SightingDecision.REJECTED, template=None, shot=None)
    assert PassageCount.objects.get().tracks == 3
    assert (Sighting.objects.count(), Visit.objects.count(), Visitor.objects.count()) == (0, 0, 0)


def test_a_verdict_that_is_taken_back_leaves_no_visit_and_no_visitor(
    camera: Camera, make_visit: MakeVisit
) -> None:
    make_visit(camera, track=4, face=4)
    sighting = make_visit(
        camera, SightingDecision.UNSURE, track=4, sequence=1, reason="somebody else is that person"
    )
    assert sighting.decision == SightingDecision.UNSURE
    assert (Visit.objects.count(), Visitor.objects.count()) == (0, 0)


def test_staff_deleted_meanwhile_is_unsure(
    camera: Camera, employee: StaffMember, make_visit: MakeVisit
) -> None:
    gone = employee.pk
    employee.delete()
    assert make_visit(camera, SightingDecision.STAFF, person=gone).decision == SightingDecision.UNSURE


def test_visits_are_closed_when_nobody_can_join_them(camera: Camera, make_visit: MakeVisit) -> None:
    began = timezone.now()
    make_visit(camera, at=began, seconds=10)
    assert close_visits(now=began + timedelta(seconds=70)) == 0
    assert close_visits(now=began + timedelta(seconds=71)) == 1
    assert Visit.objects.get().ended_at == began + timedelta(seconds=10)


def test_a_forgotten_visitor_is_gone_everywhere(
    acme: Tenant,
    camera: Camera,
    make_visit: MakeVisit,
    django_capture_on_commit_callbacks: Callable[..., object],
) -> None:
    sighting = make_visit(camera, face=6)
    assert sighting.visitor is not None
    drain_outbox()
    index = visitor_index(PACK)
    assert index.search(acme.pk, template_of(6), 1, 5.0)
    shot = sighting.best_shot
    assert storages[objects.DERIVED].exists(shot)
    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[attr-defined]
        delete_visitor(visitor=sighting.visitor)
    drain_outbox()
    assert not storages[objects.DERIVED].exists(shot)
    assert all(score < 0.9 for _, score in index.search(acme.pk, template_of(6), 1, 5.0))
    assert (Sighting.objects.count(), Visit.objects.count()) == (0, 0)


def test_the_index_finds_what_the_outbox_brought(
    acme: Tenant, other: Tenant, camera: Camera, make_visit: MakeVisit
) -> None:
    visitor = make_visit(camera, face=7).visitor
    assert visitor is not None
    assert Outbox.objects.count() == 1
    assert drain_outbox() == 1
    assert Outbox.objects.count() == 0
    match = nearest_visitors(acme, template_of(7), PACK)[0]
    assert match.person == visitor.pk
    assert match.score > 0.99
    with tenant_context(other):
        assert nearest_visitors(other, template_of(7), PACK) == []


def test_visitors_are_recognised_while_the_index_is_away(
    acme: Tenant, camera: Camera, make_visit: MakeVisit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The far end of the network is taken away: another address, where nobody listens."""
    visitor = make_visit(camera, face=8).visitor
    assert visitor is not None
    drain_outbox()
    visitor_index.cache_clear()
    monkeypatch.setattr("django.conf.settings.MILVUS_URI", "http://127.0.0.1:1")
    try:
        assert nearest_visitors(acme, template_of(8), PACK)[0].person == visitor.pk
        make_visit(camera, face=9)
        assert drain_outbox() == 0
        assert Outbox.objects.count() == 1
    finally:
        visitor_index.cache_clear()


def test_the_index_is_made_anew_from_the_database(
    acme: Tenant, camera: Camera, make_visit: MakeVisit
) -> None:
    people = [make_visit(camera, face=face).visitor for face in (20, 21, 22)]
    progress: list[tuple[int, int]] = []
    assert rebuild(PACK, [acme], lambda _, done, total: progress.append((done, total))) == 3
    assert progress[-1] == (3, 3)
    assert visitor_index(PACK).count(acme.pk) == 3
    assert visitor_index(PACK).search(acme.pk, template_of(21), 1, 5.0)[0][0] == people[1].pk  # type: ignore[union-attr]


def test_a_visitor_who_is_named_while_a_camera_sees_them_keeps_the_name(
    camera: Camera, make_visit: MakeVisit, monkeypatch: pytest.MonkeyPatch
) -> None:
    visitor, merge = make_visit(camera, face=1).visitor, merge_templates
    assert visitor is not None

    def named_meanwhile(*given: Any) -> Any:
        Visitor.objects.filter(pk=visitor.pk).update(name="Grace", note="Tuesdays")
        return merge(*given)

    monkeypatch.setattr(visitor_matching, "merge_templates", named_meanwhile)
    make_visit(camera, SightingDecision.VISITOR, person=visitor, face=1)
    visitor.refresh_from_db()
    assert (visitor.name, visitor.note) == ("Grace", "Tuesdays")
