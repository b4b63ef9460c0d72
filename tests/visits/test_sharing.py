"""Whether the sites of a tenant share their visitors, from the recording of strangers to proposed merges."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.test import Client
from django.utils import timezone
from django_tenants.utils import tenant_context

from cameras.models import Camera, Site
from facetrack.core.vectors import VisitorIndex
from tenants.actions import share_visitors
from tenants.models import Activity, Tenant
from tenants.rules import Role
from tests.conftest import make_camera, template_of
from visits import index
from visits.actions import resolve_pending, take_back
from visits.index import IndexUnavailable, nearest_visitors, visitor_index
from visits.live_events import journalled
from visits.merging.actions import merge_visitors, propose_merges, undo_merge
from visits.models import MergeProposal, Sighting, SightingDecision, Visit, Visitor
from visits.rules import merge_templates
from visits.template_cache import template_cache
from workers.indexing import drain_outbox
from workers.process.galleries import gallery_of

MakeVisit = Callable[..., Sighting]
PACK, MATCH = "edgeface-xs", 0.36


@pytest.fixture(autouse=True)
def _empty_index(acme: Tenant, other: Tenant) -> None:
    """PostgreSQL forgets what a test has saved, the index does not."""
    for tenant in (acme, other):
        visitor_index(PACK).drop_tenant(tenant.pk)


@pytest.fixture
def door(acme: Tenant) -> Camera:
    return make_camera("Door", site=Site.objects.create(name="North"))


@pytest.fixture
def gate(acme: Tenant) -> Camera:
    return make_camera("Gate", site=Site.objects.create(name="South"))


@pytest.fixture
def apart(acme: Tenant) -> Tenant:
    share_visitors(tenant=acme, shared=False)
    return acme


def visitor_of(sighting: Sighting) -> Visitor:
    assert sighting.visitor is not None
    return sighting.visitor


def proposed() -> int:
    return propose_merges(match=MATCH, pack=PACK, now=timezone.now())


def away(*_: object) -> None:
    raise IndexUnavailable("switched off by the test")


WAYS = pytest.mark.parametrize("way", ["waiting", "indexed", "in memory"])
"""Where visitors are found: in the outbox, in Milvus, or in memory while that is away."""


def by(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if way != "waiting":
        drain_outbox()
    if way == "in memory":
        template_cache.cache_clear()
        monkeypatch.setattr(index, "_indexed", away)


@WAYS
def test_by_default_a_stranger_is_one_visitor_at_all_sites(
    door: Camera, gate: Camera, make_visit: MakeVisit, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = make_visit(door, face=1)
    by(way, monkeypatch)
    second = make_visit(gate, face=1)
    assert (second.visitor, second.decision) == (first.visitor, SightingDecision.VISITOR)
    assert visitor_of(first).site_id == door.site_id
    assert Visit.objects.count() == 2


@WAYS
def test_a_stranger_at_two_sites_that_do_not_share_is_two_visitors(
    apart: Tenant,
    door: Camera,
    gate: Camera,
    make_visit: MakeVisit,
    way: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    at_door = make_visit(door, face=1)
    by(way, monkeypatch)
    at_gate = make_visit(gate, face=1)
    assert at_gate.decision == SightingDecision.NEW_VISITOR
    assert at_gate.visitor != at_door.visitor
    by(way, monkeypatch)
    for camera, sighting in ((door, at_door), (gate, at_gate)):
        assert make_visit(camera, face=1).visitor == sighting.visitor
        known = gallery_of(apart, PACK, camera.site_id).visitors(template_of(1))
        assert [one.identity for one in known] == [str(sighting.visitor_id)]
    assert Visitor.objects.count() == 2


def test_a_worker_that_names_a_visitor_of_another_site_is_not_believed(
    apart: Tenant, door: Camera, gate: Camera, make_visit: MakeVisit
) -> None:
    known = visitor_of(make_visit(door, face=1))
    wrong = make_visit(gate, SightingDecision.VISITOR, person=known, face=1)
    assert (wrong.decision, visitor_of(wrong) == known) == (SightingDecision.NEW_VISITOR, False)
    assert make_visit(door, SightingDecision.VISITOR, person=known, face=1).visitor == known


def test_what_had_to_wait_is_compared_at_its_own_site(
    apart: Tenant, door: Camera, gate: Camera, make_visit: MakeVisit, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = visitor_of(make_visit(door, face=1))
    with monkeypatch.context() as patch:
        patch.setattr(index, "_indexed", away)
        patch.setattr(index, "FALLBACK_LIMIT", 0)
        waiting = [make_visit(camera, SightingDecision.NEW_VISITOR, face=1) for camera in (door, gate)]
        assert {one.decision for one in waiting} == {SightingDecision.PENDING}
    assert resolve_pending(match=MATCH, pack=PACK) == 2
    for sighting in waiting:
        sighting.refresh_from_db()
    assert [visitor_of(one) == known for one in waiting] == [True, False]


def test_merges_are_neither_proposed_nor_made_across_sites(
    apart: Tenant, door: Camera, gate: Camera, make_visit: MakeVisit
) -> None:
    first, second = visitor_of(make_visit(door, face=1)), visitor_of(make_visit(gate, face=1))
    drain_outbox()
    assert proposed() == 0
    with pytest.raises(ValidationError, match="different sites"):
        merge_visitors(kept=first, gone=second, by=None)
    share_visitors(tenant=apart, shared=True)
    assert proposed() == 1
    pair = MergeProposal.objects.get()
    assert {pair.first, pair.second} == {first, second}


def test_within_a_site_merges_are_proposed_all_the_same(
    apart: Tenant, door: Camera, make_visit: MakeVisit
) -> None:
    make_visit(door, face=1)
    second = visitor_of(make_visit(door, face=2))
    second.template, _ = merge_templates(template_of(1), 1.0, template_of(2), 0.8)
    second.save()
    assert proposed() == 1


def test_switching_changes_nobody_who_is_known(
    acme: Tenant, door: Camera, gate: Camera, make_visit: MakeVisit
) -> None:
    known = visitor_of(make_visit(door, face=1))
    make_visit(gate, face=1)
    share_visitors(tenant=acme, shared=False)
    assert known.visits.count() == 2
    assert make_visit(door, face=1).visitor == known
    elsewhere = visitor_of(make_visit(gate, face=1))
    assert elsewhere != known
    assert elsewhere.site_id == gate.site_id
    share_visitors(tenant=acme, shared=True)
    assert Visitor.objects.count() == 2
    assert visitor_of(make_visit(gate, face=1)) in (known, elsewhere)


def test_a_visitor_belongs_to_where_they_were_first_seen(
    acme: Tenant, door: Camera, gate: Camera, make_visit: MakeVisit
) -> None:
    """Whatever is taken back, merged and undone."""
    wrong = make_visit(door, face=1)
    known = visitor_of(make_visit(gate, face=1))
    with journalled():
        take_back(Sighting.objects.select_related("visit", "visitor", "camera").get(pk=wrong.pk), "not them")
    known.refresh_from_db()
    assert known.site_id == gate.site_id
    older = visitor_of(make_visit(door, face=2, at=timezone.now() - timedelta(hours=1)))
    merge = merge_visitors(kept=known, gone=older, by=None)
    known.refresh_from_db()
    assert known.site_id == door.site_id
    restored = undo_merge(merge=merge, by=None, now=timezone.now())
    known.refresh_from_db()
    assert (restored.site_id, known.site_id) == (door.site_id, gate.site_id)
    share_visitors(tenant=acme, shared=False)
    drain_outbox()
    assert [match.person for match in nearest_visitors(acme, template_of(1), PACK, site=gate.site_id)] == [
        known.pk
    ]


def test_the_setting_is_the_tenants_own(
    apart: Tenant, other: Tenant, door: Camera, gate: Camera, make_visit: MakeVisit
) -> None:
    make_visit(door, face=1)
    with tenant_context(other):
        assert Tenant.objects.get().visitors_shared
        here = [make_camera(name, site=Site.objects.create(name=name)) for name in ("East", "West")]
        assert len({make_visit(camera, face=1).visitor_id for camera in here}) == 1
        drain_outbox()
        theirs = nearest_visitors(other, template_of(1), PACK, site=here[0].site_id)
        assert [match.person for match in theirs] == [Visitor.objects.get().pk]
        assert nearest_visitors(other, template_of(1), PACK, site=door.site_id) == theirs
    assert nearest_visitors(apart, template_of(1), PACK, site=gate.site_id) == []


def test_a_visitor_who_is_gone_but_not_yet_from_the_index_hides_nobody(
    acme: Tenant, door: Camera, make_visit: MakeVisit
) -> None:
    gone, kept = visitor_of(make_visit(door, face=1)), visitor_of(make_visit(door, face=2))
    kept.template, _ = merge_templates(template_of(1), 1.0, template_of(2), 0.8)
    kept.save()
    drain_outbox()
    Visitor.objects.filter(pk=gone.pk).delete()
    again = make_visit(door, face=1)
    assert (again.visitor, again.decision) == (kept, SightingDecision.VISITOR)


def test_an_index_without_rows_is_not_believed_and_filled(
    acme: Tenant, door: Camera, make_visit: MakeVisit
) -> None:
    """As after an update that changed how rows look, or where Milvus has lost its disk."""
    known = [visitor_of(make_visit(door, face=face)) for face in (1, 2)]
    drain_outbox()
    vectors: VisitorIndex = visitor_index(PACK)
    vectors.drop_tenant(acme.pk)
    template_cache.cache_clear()
    assert make_visit(door, face=1).visitor == known[0]
    drain_outbox()
    assert vectors.count(acme.pk) == 2


def test_administrators_switch_it_and_the_log_says_so(
    acme: Tenant, client_of: Callable[..., Client], door: Camera, make_visit: MakeVisit
) -> None:
    make_visit(door, face=1)
    proposed()
    boss = client_of(acme)
    page = boss.get("/settings/").content.decode()
    assert "belongs to the site where they were first seen" in page
    assert boss.post("/settings/", {}).status_code == 302
    assert not Tenant.objects.get(pk=acme.pk).visitors_shared
    line = Activity.objects.filter(object_kind="tenants.tenant").latest("number")
    assert line.changes["visitors_shared"] == {"old": True, "new": False}
    assert line.actor_label == "tenant_admin@acme.test"
    assert not Visitor.objects.filter(compared_at=None).exists()
    boss.post("/settings/", {"visitors_shared": "on"})
    assert Tenant.objects.get(pk=acme.pk).visitors_shared
    assert Visitor.objects.filter(compared_at=None).count() == 1
    assert client_of(acme, Role.SITE_MANAGER).post("/settings/", {}).status_code == 403
