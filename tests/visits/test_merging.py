"""What people decide about who is who, and what the product only proposes."""

from collections.abc import Callable

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from cameras.models import Camera
from staff.actions import delete_staff_member
from staff.models import StaffMember
from tenants.models import Tenant
from tests.conftest import make_camera, template_of
from visits import index
from visits.actions import delete_visitor, resolve_pending
from visits.index import IndexUnavailable, nearest_visitors
from visits.merging.actions import keep_apart, merge_visitors, not_this_person, propose_merges, undo_merge
from visits.models import IdentityRejection, Merge, MergeProposal, Sighting, SightingDecision, Visit, Visitor
from visits.rules import merge_templates
from visits.template_cache import template_cache
from workers.indexing import drain_outbox

MakeVisit = Callable[..., Sighting]
PACK, MATCH = "edgeface-xs", 0.35
pytestmark = pytest.mark.usefixtures("acme")


def visitor_of(sighting: Sighting) -> Visitor:
    assert sighting.visitor is not None
    return sighting.visitor


def proposed() -> int:
    return propose_merges(match=MATCH, pack=PACK, now=timezone.now())


def two_who_are_one(camera: Camera, make_visit: MakeVisit) -> tuple[Visitor, Visitor]:
    """Two files on one face, as they come about when it was first seen badly."""
    first, second = visitor_of(make_visit(camera, face=1)), visitor_of(make_visit(camera, face=2))
    second.template, _ = merge_templates(template_of(1), 1.0, template_of(2), 0.8)
    second.save()
    return first, second


def test_a_person_who_was_denied_is_not_found_for_that_face_again(
    acme: Tenant, camera: Camera, make_visit: MakeVisit
) -> None:
    known = visitor_of(make_visit(camera, face=1))
    seen, _ = merge_templates(template_of(1), 1.0, template_of(9), 1.0)
    wrong = make_visit(camera, SightingDecision.VISITOR, person=known, template=seen)
    assert [match.person for match in nearest_visitors(acme, seen, PACK)] == [known.pk]
    back = not_this_person(sighting=wrong, by=None)
    assert (back.decision, back.visitor, back.visit) == (SightingDecision.UNSURE, None, None)
    assert nearest_visitors(acme, seen, PACK) == []
    assert [match.person for match in nearest_visitors(acme, template_of(1), PACK)] == [known.pk]


def test_a_denied_face_becomes_a_visitor_of_its_own(camera: Camera, make_visit: MakeVisit) -> None:
    known = visitor_of(make_visit(camera, face=1))
    seen, _ = merge_templates(template_of(1), 1.0, template_of(9), 1.0)
    not_this_person(
        sighting=make_visit(camera, SightingDecision.VISITOR, person=known, template=seen), by=None
    )
    again = make_visit(camera, SightingDecision.NEW_VISITOR, template=seen)
    assert visitor_of(again) != known


def test_nobody_cannot_be_denied(camera: Camera, make_visit: MakeVisit) -> None:
    with pytest.raises(ValidationError, match="has no person"):
        not_this_person(sighting=make_visit(camera, SightingDecision.UNSURE), by=None)


def test_visitors_who_look_alike_are_proposed_once_and_never_merged(
    camera: Camera, make_visit: MakeVisit
) -> None:
    first, second = two_who_are_one(camera, make_visit)
    make_visit(camera, face=3)
    assert proposed() == 1
    assert proposed() == 0
    proposal = MergeProposal.objects.get()
    assert {proposal.first, proposal.second} == {first, second}
    assert Visitor.objects.count() == 3
    keep_apart(proposal=proposal, by=None)
    Visitor.objects.update(compared_at=None)
    assert proposed() == 0


def test_a_merge_moves_everything_and_can_be_undone(
    acme: Tenant, camera: Camera, make_visit: MakeVisit
) -> None:
    kept, gone = two_who_are_one(camera, make_visit)
    before = {(s.pk, s.visitor_id) for s in Sighting.objects.all()}
    former, number = kept.template, gone.number
    merge = merge_visitors(kept=kept, gone=gone, by=None)
    assert not Visitor.objects.filter(pk=gone.pk).exists()
    assert {s.visitor_id for s in Sighting.objects.all()} == {kept.pk}
    assert Visit.objects.filter(visitor=kept, ended_at=None).count() == 1
    later = make_visit(camera, SightingDecision.VISITOR, person=kept, face=1)
    restored = undo_merge(merge=merge, by=None, now=timezone.now())
    assert (restored.pk, restored.number) == (gone.pk, number)
    assert {(s.pk, s.visitor_id) for s in Sighting.objects.exclude(pk=later.pk)} == before
    assert Sighting.objects.get(pk=later.pk).visitor_id == kept.pk
    kept.refresh_from_db()
    assert kept.template @ former == pytest.approx(1.0, abs=1e-4)
    with pytest.raises(ValidationError, match="already undone"):
        undo_merge(merge=merge, by=None, now=timezone.now())
    assert proposed() == 0
    drain_outbox()
    assert nearest_visitors(acme, restored.template, PACK, limit=1)[0].person == restored.pk


def test_visitors_of_two_model_packs_are_never_merged(camera: Camera, make_visit: MakeVisit) -> None:
    first = visitor_of(make_visit(camera, face=1))
    second = visitor_of(make_visit(camera, face=2, pack="dlib"))
    with pytest.raises(ValidationError, match="cannot be compared"):
        merge_visitors(kept=first, gone=second, by=None)


def test_what_cannot_be_compared_waits_and_is_settled_later(
    camera: Camera, employee: StaffMember, make_visit: MakeVisit, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = visitor_of(make_visit(camera, face=1))

    def away(*_: object) -> None:
        raise IndexUnavailable("switched off by the test")

    with monkeypatch.context() as patch:
        patch.setattr(index, "_indexed", away)
        patch.setattr(index, "FALLBACK_LIMIT", 0)
        waiting = make_visit(make_camera("Back door"), SightingDecision.NEW_VISITOR, face=1)
        stranger = make_visit(camera, SightingDecision.NEW_VISITOR, face=5)
        assert (waiting.decision, waiting.visitor, waiting.visit) == (SightingDecision.PENDING, None, None)
        assert resolve_pending(match=MATCH, pack=PACK) == 0
        assert make_visit(camera, SightingDecision.STAFF, person=employee).visit is not None
    assert resolve_pending(match=MATCH, pack=PACK) == 2
    waiting.refresh_from_db()
    stranger.refresh_from_db()
    assert (waiting.decision, waiting.visitor) == (SightingDecision.VISITOR, known)
    assert waiting.visit is not None
    assert stranger.decision == SightingDecision.NEW_VISITOR


def test_without_the_index_visitors_are_compared_in_memory(
    acme: Tenant, camera: Camera, make_visit: MakeVisit, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise IndexUnavailable("switched off by the test")

    monkeypatch.setattr(index, "_indexed", away)
    template_cache.cache_clear()
    first = visitor_of(make_visit(camera, face=1))
    drain_outbox()
    assert nearest_visitors(acme, template_of(1), PACK)[0].person == first.pk
    second = visitor_of(make_visit(camera, face=2))
    drain_outbox()
    assert nearest_visitors(acme, template_of(2), PACK)[0].person == second.pk
    first.delete()
    assert nearest_visitors(acme, template_of(1), PACK)[0].person == second.pk


def test_whoever_is_forgotten_is_in_no_merge_and_no_denial(
    camera: Camera, make_visit: MakeVisit, employee: StaffMember
) -> None:
    first, second = two_who_are_one(camera, make_visit)
    merge = merge_visitors(kept=first, gone=second, by=None)
    restored = undo_merge(merge=merge, by=None, now=timezone.now())
    not_this_person(sighting=make_visit(camera, SightingDecision.VISITOR, person=restored), by=None)
    not_this_person(sighting=make_visit(camera, SightingDecision.STAFF, person=employee), by=None)
    assert (Merge.objects.count(), IdentityRejection.objects.count()) == (1, 2)
    delete_visitor(visitor=restored)
    assert not Merge.objects.exists()
    assert IdentityRejection.objects.get().person == employee.pk
    delete_staff_member(member=employee)
    assert not IdentityRejection.objects.exists()


def test_a_denial_goes_along_with_a_merge_and_back(camera: Camera, make_visit: MakeVisit) -> None:
    first, second = two_who_are_one(camera, make_visit)
    not_this_person(sighting=make_visit(camera, SightingDecision.VISITOR, person=second), by=None)
    merge = merge_visitors(kept=first, gone=second, by=None)
    assert IdentityRejection.objects.get().person == first.pk
    restored = undo_merge(merge=merge, by=None, now=timezone.now())
    assert IdentityRejection.objects.get().person == restored.pk
