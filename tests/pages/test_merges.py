"""Visitors who may be one person: shown side by side, decided by people, and undone."""

from collections.abc import Callable
from uuid import UUID, uuid4

import pytest
from django.contrib.messages import get_messages
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django_tenants.utils import tenant_context

from cameras.models import Camera
from tenants.actions import share_visitors
from tenants.models import Activity, Tenant
from tenants.rules import MEMBER_ROLES, Role
from tests.two_sites import TwoSites, two_sites
from visits.actions import rename_visitor
from visits.merging.actions import merge_visitors
from visits.models import Merge, MergeProposal, Sighting, Visit, Visitor

PAGE, HISTORY = "/visitors/merges/", "/visitors/merges/history/"
ClientOf = Callable[..., Client]
MakeVisit = Callable[..., Sighting]

__all__ = ["two_sites"]


def propose(one: Visitor, other: Visitor, score: float = 0.41) -> MergeProposal:
    first, second = sorted((one.pk, other.pk))
    return MergeProposal.objects.create(first_id=first, second_id=second, score=score)


@pytest.fixture
def strangers(camera: Camera, make_visit: MakeVisit) -> list[Visitor]:
    """Visitor 1 to 4."""
    made = [make_visit(camera, face=face).visitor for face in range(1, 5)]
    return [visitor for visitor in made if visitor]


@pytest.fixture
def pair(strangers: list[Visitor]) -> MergeProposal:
    one, two, *_ = strangers
    return propose(one, two)


def said(answer: object) -> str:
    return " ".join(str(message) for message in get_messages(answer.wsgi_request))  # type: ignore[attr-defined]


@pytest.mark.parametrize("role", MEMBER_ROLES)
def test_every_member_sees_the_pairs_and_only_some_decide(
    acme: Tenant, client_of: ClientOf, pair: MergeProposal, role: Role
) -> None:
    browser = client_of(acme, role)
    page = browser.get(PAGE).content.decode()
    assert "Visitor 1" in page
    assert "Visitor 2" in page
    assert "0.41" in page
    assert page.count('<img id="shot-') == 2
    decides = role is not Role.VIEWER
    assert ("Same person" in page) == ("Different people" in page) == decides
    assert browser.post(f"{PAGE}{pair.pk}/reject/").status_code == (302 if decides else 403)
    pair.refresh_from_db()
    assert pair.state == (MergeProposal.State.DISTINCT if decides else MergeProposal.State.OPEN)


def test_the_most_alike_come_first_and_are_found_by_name_and_number(
    acme: Tenant, client_of: ClientOf, strangers: list[Visitor]
) -> None:
    browser, (one, two, three, four) = client_of(acme), strangers
    low, high = propose(one, two, 0.4), propose(three, four, 0.6)
    rename_visitor(visitor=two, name="Grace", note="", by=None)

    def found(query: str) -> list[UUID]:
        return [row.pk for row in browser.get(PAGE, {"q": query}).context["page"]]

    assert found("") == [high.pk, low.pk]
    assert found("grac") == found("visitor 1") == [low.pk]
    assert found("4") == [high.pk]
    assert "No visitor found" in browser.get(PAGE, {"q": "Ada"}).content.decode()
    assert found("x" * 101) == []


def test_lists_that_are_empty_say_what_will_be_there(acme: Tenant, client_of: ClientOf) -> None:
    browser = client_of(acme)
    assert "Nothing to review" in browser.get(PAGE).content.decode()
    assert "No merges yet" in browser.get(HISTORY).content.decode()


def test_a_pair_is_merged_with_the_named_one_kept_and_undone_again(
    acme: Tenant, client_of: ClientOf, strangers: list[Visitor], pair: MergeProposal
) -> None:
    browser, (one, two, *_) = client_of(acme), strangers
    rename_visitor(visitor=two, name="Grace", note="", by=None)
    answer = browser.post(f"{PAGE}{pair.pk}/accept/?q=grace")
    assert answer["Location"] == f"{PAGE}?q=grace"
    assert "Merged: Visitor 1 into Grace" in said(answer)
    assert Visitor.objects.filter(pk=one.pk).first() is None
    assert Visit.objects.filter(visitor=two).count() == 2
    assert not MergeProposal.objects.exists()
    merge = Merge.objects.get()
    page = browser.get(HISTORY).content.decode()
    assert "Visitor 1" in page
    assert "by tenant_admin@acme.test" in page
    assert [row.pk for row in browser.get(HISTORY, {"q": "visitor 1"}).context["page"]] == [merge.pk]
    answer = browser.post(f"{HISTORY}{merge.pk}/undo/")
    assert "Visitor 1 and Grace are two visitors again" in said(answer)
    assert Visitor.objects.filter(pk=one.pk).exists()
    assert Visit.objects.filter(visitor=two).count() == 1
    page = browser.get(HISTORY).content.decode()
    assert "undone" in page
    assert "Undo</button>" not in page
    assert browser.get(PAGE).context["page"].paginator.count == 0
    line = Activity.objects.filter(object_kind="visits.merge").latest("number")
    assert line.actor_label == "tenant_admin@acme.test"


def test_what_was_decided_meanwhile_is_told(
    acme: Tenant, client_of: ClientOf, pair: MergeProposal, strangers: list[Visitor]
) -> None:
    browser = client_of(acme)
    browser.post(f"{PAGE}{pair.pk}/reject/")
    for verb in ("accept", "reject"):
        assert "decided in the meantime" in said(browser.post(f"{PAGE}{pair.pk}/{verb}/"))
    assert Visitor.objects.count() == len(strangers)
    merge = merge_visitors(kept=strangers[2], gone=strangers[3], by=None)
    browser.post(f"{HISTORY}{merge.pk}/undo/")
    assert "already undone" in said(browser.post(f"{HISTORY}{merge.pk}/undo/"))


def test_merges_are_undone_from_the_last_one_back(
    acme: Tenant, client_of: ClientOf, strangers: list[Visitor], camera: Camera, make_visit: MakeVisit
) -> None:
    """Of a visitor into another, and of that one into a third, which keeps the way back for both."""
    browser, (one, two, three, four) = client_of(acme), strangers
    first = merge_visitors(kept=one, gone=two, by=None)
    second = merge_visitors(kept=three, gone=one, by=None)
    third = merge_visitors(kept=three, gone=four, by=None)
    newcomer = make_visit(camera, face=99).visitor
    assert newcomer
    assert newcomer.number == 5  # 4 is taken: its visitor may come back
    assert "undo that merge first" in said(browser.post(f"{HISTORY}{first.pk}/undo/"))
    for merge in (third, second, first):
        assert "two visitors again" in said(browser.post(f"{HISTORY}{merge.pk}/undo/"))
    assert set(Visitor.objects.values_list("number", flat=True)) == {1, 2, 3, 4, 5}
    for visitor in strangers:
        assert Visit.objects.filter(visitor=visitor.pk).count() == 1


@pytest.mark.parametrize("role", [None, Role.TENANT_ADMIN])
def test_pairs_and_merges_of_another_customer_are_not_there(
    acme: Tenant,
    other: Tenant,
    client_of: ClientOf,
    pair: MergeProposal,
    strangers: list[Visitor],
    role: Role | None,
) -> None:
    merge = merge_visitors(kept=strangers[2], gone=strangers[3], by=None)
    stranger = client_of(other, role)
    expected = 404 if role else 302
    for key in (pair.pk, uuid4()):
        for verb in ("accept", "reject"):
            assert stranger.post(f"{PAGE}{key}/{verb}/").status_code == expected
    assert stranger.post(f"{HISTORY}{merge.pk}/undo/").status_code == expected
    if role:
        assert b"Nothing to review" in stranger.get(PAGE).content
        assert b"No merges yet" in stranger.get(HISTORY).content
    with tenant_context(acme):
        assert MergeProposal.objects.get().state == MergeProposal.State.OPEN
        assert Merge.objects.get().undone_at is None


def test_a_site_manager_decides_on_those_whom_only_their_sites_have_seen(
    acme: Tenant, client_of: ClientOf, two_sites: TwoSites, make_visit: MakeVisit
) -> None:
    ours = make_visit(two_sites.northern_camera, face=31, at=two_sites.now).visitor
    theirs = make_visit(two_sites.southern_camera, face=32, at=two_sites.now).visitor
    assert ours
    assert theirs
    visible = propose(ours, two_sites.northern)
    hidden = [propose(ours, two_sites.both), propose(ours, theirs), propose(theirs, two_sites.southern)]
    manager = client_of(acme, Role.SITE_MANAGER, sites=[two_sites.north])
    page = manager.get(PAGE)
    assert [row.pk for row in page.context["page"]] == [visible.pk]
    assert not {secret for secret in two_sites.secrets if secret in page.content.decode()}
    for pair in hidden:
        assert manager.post(f"{PAGE}{pair.pk}/reject/").status_code == 404
    assert "Merged" in said(manager.post(f"{PAGE}{visible.pk}/accept/"))
    gone = merge_visitors(kept=two_sites.southern, gone=theirs, by=None)
    assert len(manager.get(HISTORY).context["page"]) == 1
    assert manager.post(f"{HISTORY}{gone.pk}/undo/").status_code == 404
    assert client_of(acme).get(HISTORY).context["page"].paginator.count == 2


def test_a_merge_that_was_undone_tells_a_site_manager_nothing_of_other_sites(
    acme: Tenant, client_of: ClientOf, two_sites: TwoSites, make_visit: MakeVisit
) -> None:
    admin = client_of(acme)
    merge = merge_visitors(kept=two_sites.northern, gone=two_sites.southern, by=None)
    admin.post(f"{HISTORY}{merge.pk}/undo/")
    page = client_of(acme, Role.SITE_MANAGER, sites=[two_sites.north]).get(HISTORY)
    assert "No merges yet" in page.content.decode()


def test_pairs_across_sites_are_hidden_where_sites_do_not_share(
    acme: Tenant, client_of: ClientOf, two_sites: TwoSites
) -> None:
    across = propose(two_sites.northern, two_sites.southern)
    browser = client_of(acme)
    assert len(browser.get(PAGE).context["page"]) == 1
    share_visitors(tenant=acme, shared=False)
    assert len(browser.get(PAGE).context["page"]) == 0
    assert browser.post(f"{PAGE}{across.pk}/accept/").status_code == 404


def test_a_longer_list_takes_no_more_queries_and_reads_no_template(
    acme: Tenant, client_of: ClientOf, camera: Camera, make_visit: MakeVisit
) -> None:
    browser, counted = client_of(acme), []
    for rows in (1, 5):
        for n in range(2 * rows):
            one, two = (make_visit(camera, face=1_000 * rows + 10 * n + k).visitor for k in range(2))
            assert one
            assert two
            propose(one, two) if n % 2 else merge_visitors(kept=one, gone=two, by=None)
        for path in (PAGE, HISTORY):
            with CaptureQueriesContext(connection) as asked:
                assert browser.get(path).status_code == 200
            counted.append(len(asked))
            assert not [query["sql"] for query in asked if 'template"' in query["sql"]]
    assert counted[:2] == counted[2:]
