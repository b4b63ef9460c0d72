"""A site manager reads, filters and changes nothing of other sites over the API."""

import json
from collections.abc import Callable
from uuid import UUID, uuid4

import pytest
from rest_framework.test import APIClient

from cameras.models import Camera
from staff.models import FaceImage
from tenants.models import Tenant
from tenants.rules import Role
from tests.api.answers import V1, problem, results
from tests.two_sites import TwoSites, two_sites

API = Callable[..., APIClient]
KINDS = ("sites", "cameras", "staff", "visitors", "visits", "sightings")

__all__ = ["two_sites"]


@pytest.fixture
def manager(acme: Tenant, api_of: API, two_sites: TwoSites) -> APIClient:
    """Of North."""
    return api_of(acme, Role.SITE_MANAGER, sites=[two_sites.north])


def foreign(two_sites: TwoSites) -> dict[str, UUID]:
    visit = two_sites.there[0].visit
    assert visit
    return {
        "sites": two_sites.south.pk,
        "cameras": two_sites.southern_camera.pk,
        "staff": two_sites.sam.pk,
        "visitors": two_sites.southern.pk,
        "visits": visit.pk,
        "sightings": two_sites.there[0].pk,
    }


def test_lists_are_of_ones_own_sites(manager: APIClient, two_sites: TwoSites) -> None:
    expected: dict[str, set[UUID | None]] = {
        "sites": {two_sites.north.pk},
        "cameras": {two_sites.northern_camera.pk},
        "staff": {two_sites.ann.pk, two_sites.eve.pk},
        "visitors": {two_sites.both.pk, two_sites.northern.pk},
        "visits": {sighting.visit_id for sighting in two_sites.here},
        "sightings": {sighting.pk for sighting in two_sites.here},
    }
    for kind in KINDS:
        answer = manager.get(f"{V1}/{kind}/")
        assert {row["id"] for row in results(answer)} == {str(pk) for pk in expected[kind]}, kind
        assert not {secret for secret in two_sites.secrets if secret in answer.content.decode()}, kind


@pytest.mark.parametrize("kind", KINDS)
def test_rows_of_other_sites_are_like_rows_that_never_were(
    manager: APIClient, two_sites: TwoSites, kind: str
) -> None:
    theirs = manager.get(f"{V1}/{kind}/{foreign(two_sites)[kind]}/")
    problem(theirs, 404)
    assert theirs.content == manager.get(f"{V1}/{kind}/{uuid4()}/").content


def test_nothing_of_other_sites_can_be_written(manager: APIClient, two_sites: TwoSites) -> None:
    rows = foreign(two_sites)
    for kind in ("sites", "cameras", "staff", "visitors"):
        problem(manager.patch(f"{V1}/{kind}/{rows[kind]}/", {"name": "Mine"}), 404)
    for verb in ("start", "stop"):
        problem(manager.post(f"{V1}/cameras/{rows['cameras']}/{verb}/"), 404)
    problem(manager.get(f"{V1}/staff/{rows['staff']}/faces/"), 404)
    own = f"{V1}/cameras/{two_sites.northern_camera.pk}/"
    theirs = manager.patch(own, {"site": str(rows["sites"])})
    problem(theirs, 400, field="site")
    unknown = str(uuid4())
    nothing = manager.patch(own, {"site": unknown})
    assert theirs.content.decode().replace(str(rows["sites"]), unknown) == nothing.content.decode()
    assert Camera.objects.get(pk=two_sites.northern_camera.pk).site_id == two_sites.north.pk


def test_filters_find_nothing_of_other_sites(manager: APIClient, two_sites: TwoSites) -> None:
    south, gate = two_sites.south.pk, two_sites.southern_camera.pk
    for query in (
        f"cameras/?site={south}",
        "cameras/?search=south",
        "sites/?search=south",
        "staff/?search=sam",
        "visitors/?search=marisol",
        f"visitors/?search={two_sites.southern.number}",
        f"visits/?site={south}",
        f"visits/?camera={gate}",
        f"visits/?person={two_sites.southern.pk}",
        "visits/?search=marisol",
        f"sightings/?camera={gate}",
        "sightings/?decision=unsure",
        "sightings/?decision=visitor",
    ):
        assert results(manager.get(f"{V1}/{query}")) == [], query


def test_a_visitor_is_known_by_what_happened_here(manager: APIClient, two_sites: TwoSites) -> None:
    """When they came first and last, how often, and how they look: by the sightings at one's own sites."""
    row = manager.get(f"{V1}/visitors/{two_sites.both.pk}/").json()
    seen = two_sites.here[0]
    moments = [seen.started_at, seen.last_seen_at]
    assert [row["first_seen_at"], row["last_seen_at"]] == [
        at.isoformat().replace("+00:00", "Z") for at in moments
    ]
    assert row["visit_count"] == 1
    assert "created_at" not in row
    assert "updated_at" not in row
    since = two_sites.there[1].started_at.isoformat()  # South saw them after that, North did not
    ids = [one["id"] for one in results(manager.get(f"{V1}/visitors/", {"from": since}))]
    assert ids == [str(two_sites.northern.pk)]


def test_whom_another_site_knows_is_new_here(manager: APIClient, two_sites: TwoSites) -> None:
    first, truly_new = (
        manager.get(f"{V1}/sightings/{sighting.pk}/").json() for sighting in two_sites.here[:2]
    )
    for name in ("decision", "score", "reason"):
        assert first[name] == truly_new[name], name
    assert (first["decision"], first["score"], first["reason"]) == ("new_visitor", None, "")
    assert manager.get(f"{V1}/visits/{two_sites.here[0].visit_id}/").json()["score"] is None


def test_pictures_are_those_of_ones_own_sites(
    manager: APIClient, acme: Tenant, api_of: API, two_sites: TwoSites
) -> None:
    row = manager.get(f"{V1}/visitors/{two_sites.both.pk}/").json()
    everything = api_of(acme).get(f"{V1}/visitors/{two_sites.both.pk}/").json()
    assert manager.get(row["picture"]).status_code == 200
    assert row["picture"] != everything["picture"]  # South has a better one


def test_who_works_where_is_told_in_part_and_set_by_administrators(
    manager: APIClient, acme: Tenant, api_of: API, two_sites: TwoSites
) -> None:
    admin, path = api_of(acme), f"{V1}/staff/{two_sites.ann.pk}/"
    both = [str(two_sites.north.pk), str(two_sites.south.pk)]
    assert sorted(admin.patch(path, {"sites": both}).json()["sites"]) == sorted(both)
    assert manager.get(path).json()["sites"] == both[:1]
    assert "sites that you do not manage" in problem(manager.patch(path, {"name": "Mine"}), 403)["detail"]
    assert admin.patch(path, {"sites": both[:1]}).status_code == 200
    assert manager.patch(path, {"name": "Annie"}).status_code == 200
    problem(manager.patch(path, {"sites": []}), 400, field="sites")
    problem(admin.patch(path, {"sites": [str(uuid4())]}), 400, field="sites")


def test_a_site_that_is_gone_leaves_no_power(acme: Tenant, api_of: API, two_sites: TwoSites) -> None:
    from cameras.models import Site
    from tenants.models import Membership

    spare = Site.objects.create(name="Spare")
    manager = api_of(acme, Role.SITE_MANAGER, sites=[spare])
    assert [row["name"] for row in results(manager.get(f"{V1}/sites/"))] == ["Spare"]
    assert (
        api_of(acme).delete(f"{V1}/sites/{spare.pk}/", headers={"X-Reason": "no longer needed"}).status_code
        == 204
    )
    assert Membership.objects.get(role=Role.SITE_MANAGER).sites == []
    assert results(manager.get(f"{V1}/sites/")) == []
    assert json.loads(manager.get(f"{V1}/visits/").content)["results"] == []


@pytest.mark.parametrize("known", [True, False])
def test_a_likeness_names_only_people_of_ones_own_sites(
    acme: Tenant, api: APIClient, manager: APIClient, two_sites: TwoSites, known: bool
) -> None:
    other, held = (two_sites.eve if known else two_sites.sam), two_sites.ann
    for member in (other, held):
        FaceImage.objects.create(
            staff_member=member,
            picture=f"{acme.pk}/enrolment/{member.pk}.jpg",
            digest="d",
            status="held" if member is held else "pending",
            resembles=[other.pk] if member is held else [],
            similarity=0.71 if member is held else None,
        )
    row = results(manager.get(f"{V1}/staff/{held.pk}/faces/"))[0]
    assert row["resembles"] == ([{"id": str(other.pk), "name": other.name}] if known else [])
    assert (other.name in row["reason"]) is known
    assert row["similarity"] == (0.71 if known else None)
    assert "Ask an administrator of your organisation to decide." in row["reason"]
    assert ("1 person whom you may not see" in row["reason"]) is not known
    page = manager.get(f"/people/staff/{held.pk}/").content.decode()
    assert (other.name in page) is known
    assert (str(other.pk) in page) is known
    assert results(api.get(f"{V1}/staff/{held.pk}/faces/"))[0]["resembles"][0]["name"] == other.name
