"""Merges over the API: as on the page, with the same rights."""

from collections.abc import Callable

import pytest
from rest_framework.test import APIClient

from cameras.models import Camera
from tenants.models import Tenant
from tenants.rules import Role
from tests.api.answers import V1, problem, results
from tests.two_sites import TwoSites, two_sites
from visits.merging.actions import merge_visitors
from visits.models import MergeProposal, Sighting, Visitor

API = Callable[..., APIClient]
MakeVisit = Callable[..., Sighting]
PAIRS, MERGES = f"{V1}/merge-proposals/", f"{V1}/merges/"

__all__ = ["two_sites"]


@pytest.fixture
def strangers(camera: Camera, make_visit: MakeVisit) -> list[Visitor]:
    made = [make_visit(camera, face=face).visitor for face in range(1, 4)]
    return [visitor for visitor in made if visitor]


def propose(one: Visitor, other: Visitor) -> MergeProposal:
    first, second = sorted((one.pk, other.pk))
    return MergeProposal.objects.create(first_id=first, second_id=second, score=0.5)


def test_a_pair_is_accepted_and_the_merge_undone(api: APIClient, strangers: list[Visitor]) -> None:
    pair = propose(*strangers[:2])
    [row] = results(api.get(PAIRS))
    assert (row["id"], row["score"], row["state"]) == (str(pair.pk), 0.5, "open")
    assert {row["first"]["name"], row["second"]["name"]} == {"Visitor 1", "Visitor 2"}
    assert api.get(row["first"]["picture"]).status_code == 200
    merge = api.post(f"{PAIRS}{pair.pk}/accept/").json()
    assert (merge["kept"]["number"], merge["gone"]["number"], merge["undone_at"]) == (1, 2, None)
    problem(api.post(f"{PAIRS}{pair.pk}/accept/"), 404)
    assert [one["id"] for one in results(api.get(MERGES, {"undone": "false"}))] == [merge["id"]]
    undone = api.post(f"{MERGES}{merge['id']}/undo/").json()
    assert undone["undone_at"]
    assert "already undone" in problem(api.post(f"{MERGES}{merge['id']}/undo/"), 409)["detail"]
    assert [one["id"] for one in results(api.get(MERGES, {"undone": "true"}))] == [merge["id"]]
    assert results(api.get(MERGES, {"undone": "false"})) == []
    assert Visitor.objects.count() == len(strangers)


def test_a_pair_is_rejected_once(api: APIClient, strangers: list[Visitor]) -> None:
    pair = propose(*strangers[:2])
    assert api.post(f"{PAIRS}{pair.pk}/reject/").json()["state"] == "distinct"
    for verb in ("accept", "reject"):
        assert "decided in the meantime" in problem(api.post(f"{PAIRS}{pair.pk}/{verb}/"), 409)["detail"]
    assert results(api.get(PAIRS, {"state": "open"})) == []
    assert len(results(api.get(PAIRS, {"state": "distinct"}))) == 1


def test_they_are_searched(api: APIClient, strangers: list[Visitor]) -> None:
    pair = propose(*strangers[:2])
    merge = merge_visitors(kept=strangers[1], gone=strangers[2], by=None)
    assert [row["id"] for row in results(api.get(PAIRS, {"search": "visitor 2"}))] == [str(pair.pk)]
    assert results(api.get(PAIRS, {"search": "3"})) == []
    for text in ("2", "visitor 3"):
        assert [row["id"] for row in results(api.get(MERGES, {"search": text}))] == [str(merge.pk)]
    problem(api.get(PAIRS, {"state": "merry"}), 400, field="state")
    problem(api.get(MERGES, {"undone": "maybe"}), 400, field="undone")


def test_a_site_manager_has_those_whom_only_their_sites_have_seen(
    acme: Tenant, api_of: API, two_sites: TwoSites, make_visit: MakeVisit
) -> None:
    ours = make_visit(two_sites.northern_camera, face=31, at=two_sites.now).visitor
    assert ours
    visible, hidden = propose(ours, two_sites.northern), propose(ours, two_sites.both)
    theirs = merge_visitors(kept=two_sites.southern, gone=two_sites.both, by=None)
    hidden = propose(ours, two_sites.southern)
    manager = api_of(acme, Role.SITE_MANAGER, sites=[two_sites.north])
    answer = manager.get(PAIRS)
    assert [row["id"] for row in results(answer)] == [str(visible.pk)]
    assert not {secret for secret in two_sites.secrets if secret in answer.content.decode()}
    for path in (f"{PAIRS}{hidden.pk}/", f"{MERGES}{theirs.pk}/"):
        problem(manager.get(path), 404)
    for path in (f"{PAIRS}{hidden.pk}/accept/", f"{PAIRS}{hidden.pk}/reject/", f"{MERGES}{theirs.pk}/undo/"):
        problem(manager.post(path), 404)
    assert results(manager.get(MERGES)) == []
    assert manager.post(f"{PAIRS}{visible.pk}/accept/").status_code == 200
