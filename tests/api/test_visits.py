"""Visitors, sightings and visits over the API."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from pytest_django import DjangoCaptureOnCommitCallbacks
from rest_framework.test import APIClient

from cameras.models import Camera, Site
from staff.models import StaffMember
from tests.api.answers import V1, problem, results
from tests.conftest import make_camera
from visits.actions import close_visits
from visits.models import Sighting, SightingDecision, Visit, Visitor

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MakeVisit = Callable[..., Sighting]


@pytest.fixture
def day(camera: Camera, employee: StaffMember, make_visit: MakeVisit) -> dict[str, Sighting]:
    """A day: Ada comes, a stranger comes and goes, somebody is not recognised for certain."""
    yard = make_camera("Yard", site=Site.objects.create(name="Depot"), kind="usb", location="0")
    seen = {
        "stranger": make_visit(camera, face=1, at=NOON - timedelta(hours=1)),
        "ada": make_visit(camera, SightingDecision.STAFF, person=employee, at=NOON),
        "unsure": make_visit(yard, SightingDecision.UNSURE, at=NOON + timedelta(hours=1)),
    }
    close_visits(now=NOON + timedelta(seconds=30))
    return seen


def ids(answer: Any) -> list[str]:
    return [row["id"] for row in results(answer)]


def test_a_visit_says_who_where_and_when(api: APIClient, day: dict[str, Sighting], camera: Camera) -> None:
    present, gone = results(api.get(f"{V1}/visits/"))
    assert present["person"] == {
        "kind": "staff",
        "id": str(day["ada"].staff_member_id),
        "name": "Ada Lovelace",
    }
    assert present["site"] == {"id": str(camera.site_id), "name": "Head office"}
    assert present["camera"] == {"id": str(camera.pk), "name": "Door"}
    assert (present["started_at"], present["ended_at"]) == ("2026-03-01T12:00:00Z", None)
    assert gone["person"]["name"] == "Visitor 1"
    assert gone["ended_at"] == gone["last_seen_at"] == "2026-03-01T11:00:04Z"
    assert api.get(gone["picture"]).status_code == 200
    assert api.get(f"{V1}/visits/{gone['id']}/").json().keys() == gone.keys()


def test_a_sighting_says_what_was_decided(api: APIClient, day: dict[str, Sighting]) -> None:
    unsure, staff, stranger = results(api.get(f"{V1}/sightings/"))
    assert (unsure["decision"], unsure["person"], unsure["visit"]) == ("unsure", None, None)
    assert unsure["site"]["name"] == "Depot"
    assert (staff["decision"], staff["person"]["kind"]) == ("staff", "staff")
    assert (stranger["decision"], stranger["visit"]) == ("new_visitor", str(day["stranger"].visit_id))


def test_no_face_leaves_as_numbers(api: APIClient, day: dict[str, Sighting]) -> None:
    for kind in ("visits", "sightings", "visitors"):
        for row in results(api.get(f"{V1}/{kind}/")):
            assert not {"template", "embedding", "best_shot"} & set(row)


def test_visits_are_filtered(api: APIClient, day: dict[str, Sighting], camera: Camera) -> None:
    ada, gone = str(day["ada"].visit_id), str(day["stranger"].visit_id)
    for query, found in {
        f"site={camera.site_id}": [ada, gone],
        f"site={uuid4()}": [],
        f"camera={camera.pk}": [ada, gone],
        f"person={day['ada'].staff_member_id}": [ada],
        f"person={day['stranger'].visitor_id}": [gone],
        "present=true": [ada],
        "present=false": [gone],
        "from=2026-03-01T12:00:00Z": [ada],
        "from=2026-03-01T14:00:00%2B02:00": [ada],
        "to=2026-03-01T12:00:00Z": [gone],
        "from=2026-03-01T11:00:00Z&to=2026-03-01T11:00:01Z": [gone],
        "search=LOVE": [ada],
        "search=visitor+1": [gone],
        "search=nobody": [],
        f"search=ada&person={day['stranger'].visitor_id}": [],
        "search=": [ada, gone],
    }.items():
        assert ids(api.get(f"{V1}/visits/?{query}")) == found, query


def test_sightings_are_filtered(api: APIClient, day: dict[str, Sighting], camera: Camera) -> None:
    pk = {name: str(sighting.pk) for name, sighting in day.items()}
    for query, found in {
        f"site={camera.site_id}": [pk["ada"], pk["stranger"]],
        f"camera={day['unsure'].camera_id}": [pk["unsure"]],
        f"visit={day['ada'].visit_id}": [pk["ada"]],
        f"person={day['stranger'].visitor_id}": [pk["stranger"]],
        "decision=unsure": [pk["unsure"]],
        "decision=rejected": [],
        "from=2026-03-01T12:30:00Z": [pk["unsure"]],
        "to=2026-03-01T11:30:00Z": [pk["stranger"]],
        "search=ada": [pk["ada"]],
    }.items():
        assert ids(api.get(f"{V1}/sightings/?{query}")) == found, query


def test_visitors_are_listed_and_found(api: APIClient, camera: Camera, make_visit: MakeVisit) -> None:
    first = make_visit(camera, face=1, at=NOON)
    make_visit(camera, face=2, at=NOON + timedelta(hours=1))
    make_visit(camera, face=1, at=NOON + timedelta(hours=2))
    newest, oldest = results(api.get(f"{V1}/visitors/"))
    assert (newest["number"], newest["visit_count"]) == (2, 1)
    assert (oldest["id"], oldest["visit_count"]) == (str(first.visitor_id), 2)
    assert oldest["last_seen_at"] == "2026-03-01T14:00:04Z"
    assert ids(api.get(f"{V1}/visitors/?search=visitor+2")) == [newest["id"]]
    assert ids(api.get(f"{V1}/visitors/?from=2026-03-01T13:30:00Z")) == [oldest["id"]]
    assert ids(api.get(f"{V1}/visitors/?to=2026-03-01T13:30:00Z")) == [newest["id"]]


def test_a_visitor_gets_a_name(api: APIClient, day: dict[str, Sighting]) -> None:
    path = f"{V1}/visitors/{day['stranger'].visitor_id}/"
    assert api.patch(path, {"name": " Rosa "}).json()["name"] == "Rosa"
    row = api.patch(path, {"note": "Brings the post."}).json()
    assert (row["name"], row["note"], row["visit_count"]) == ("Rosa", "Brings the post.", 1)
    assert results(api.get(f"{V1}/visits/?search=rosa"))[0]["person"]["name"] == "Rosa"
    visitor = Visitor.objects.get()
    assert str(visitor.updated_by) == "tenant_admin@acme.test"
    assert api.patch(path, {"name": ""}).json()["name"] == ""


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": "x" * 101}, "name"),
        ({"note": "x" * 2001}, "note"),
        ({"name": None}, "name"),
        ({"nmae": "Rosa"}, "nmae"),
        ([], "non_field_errors"),
    ],
)
def test_a_bad_name_is_refused(api: APIClient, day: dict[str, Sighting], body: object, field: str) -> None:
    problem(api.patch(f"{V1}/visitors/{day['stranger'].visitor_id}/", body), 400, field=field)


def test_what_was_counted_cannot_be_typed(api: APIClient, day: dict[str, Sighting]) -> None:
    path = f"{V1}/visitors/{day['stranger'].visitor_id}/"
    problem(api.patch(path, {"number": 99, "visit_count": 9}), 400, field="visit_count")
    assert api.get(path).json()["number"] == 1


def test_forgetting_a_visitor_takes_everything_along(
    api: APIClient,
    day: dict[str, Sighting],
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    path = f"{V1}/visitors/{day['stranger'].visitor_id}/"
    picture = api.get(path).json()["picture"]
    with django_capture_on_commit_callbacks(execute=True):
        assert api.delete(path, headers={"X-Reason": "no longer needed"}).status_code == 204
    problem(api.get(path), 404)
    assert not Visit.objects.filter(visitor__isnull=False).exists()
    assert api.get(picture).status_code == 404
