"""Lists of visits, sightings and visitors: search, filters, pages, and doubt that is shown as doubt."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone

from cameras.models import Camera, Site
from staff.models import StaffMember
from tenants.models import Tenant
from tests.conftest import make_camera
from visits.actions import close_visits, rename_visitor
from visits.models import Sighting, SightingDecision

MakeVisit = Callable[..., Sighting]


@pytest.fixture
def browser(acme: Tenant, client_of: Callable[..., Client]) -> Client:
    return client_of(acme)


def found(browser: Client, path: str, **filters: Any) -> list[str]:
    """The ids of the rows, newest first."""
    return [str(row.pk) for row in browser.get(path, filters).context["page"]]


def test_visits_are_found_by_name_and_by_number(
    browser: Client, camera: Camera, employee: StaffMember, make_visit: MakeVisit
) -> None:
    ada = make_visit(camera, SightingDecision.STAFF, person=employee)
    first, named = make_visit(camera), make_visit(camera)
    assert first.visitor
    assert named.visitor
    rename_visitor(visitor=named.visitor, name="Grace", note="", by=None)
    assert found(browser, "/visits/", q="lovel") == [str(ada.visit_id)]
    assert found(browser, "/visits/", q=" GRACE ") == [str(named.visit_id)]
    assert found(browser, "/visits/", q=f"visitor {first.visitor.number}") == [str(first.visit_id)]
    assert found(browser, "/visits/", q=str(first.visitor.number)) == [str(first.visit_id)]
    assert found(browser, "/visits/", q="nobody") == []
    assert len(found(browser, "/visits/")) == 3
    assert found(browser, "/sightings/", q="grace") == [str(named.pk)]
    assert found(browser, "/visitors/", q=str(named.visitor.number)) == [str(named.visitor.pk)]
    assert found(browser, "/visitors/", q="grac") == [str(named.visitor.pk)]


def test_filters_narrow_the_visits(
    browser: Client, camera: Camera, employee: StaffMember, make_visit: MakeVisit
) -> None:
    site = Site.objects.create(name="Depot")
    gate = make_camera("Gate", site=site, kind="usb", location="0")
    old = make_visit(camera, at=datetime(2024, 3, 5, 12, tzinfo=UTC))
    close_visits(now=timezone.now() - timedelta(days=1))
    ada, stranger = make_visit(camera, SightingDecision.STAFF, person=employee), make_visit(gate)
    visits = {"old": str(old.visit_id), "ada": str(ada.visit_id), "stranger": str(stranger.visit_id)}
    cases: list[tuple[dict[str, Any], set[str]]] = [
        ({"who": "staff"}, {"ada"}),
        ({"who": "visitor"}, {"old", "stranger"}),
        ({"site": site.pk}, {"stranger"}),
        ({"camera": camera.pk}, {"old", "ada"}),
        ({"present": "on"}, {"ada", "stranger"}),
        ({"since": "2024-03-05", "until": "2024-03-05"}, {"old"}),
        ({"since": "2024-03-06"}, {"ada", "stranger"}),
        ({"person": employee.pk}, {"ada"}),
        ({"person": stranger.visitor_id}, {"stranger"}),
    ]
    for filters, names in cases:
        assert set(found(browser, "/visits/", **filters)) == {visits[name] for name in names}, filters


def test_a_visit_is_found_by_every_camera_that_saw_it(
    browser: Client, camera: Camera, make_visit: MakeVisit
) -> None:
    second = make_camera("Lift")
    sighting = make_visit(camera, face=5)
    assert make_visit(second, face=5).visit_id == sighting.visit_id
    assert found(browser, "/visits/", camera=second.pk) == [str(sighting.visit_id)]


def test_a_day_is_a_day_at_the_site(browser: Client, make_visit: MakeVisit) -> None:
    tokyo = Site.objects.create(name="Tokyo", time_zone="Asia/Tokyo")
    gate = make_camera("Gate", site=tokyo, kind="usb", location="0")
    sighting = make_visit(gate, at=datetime(2024, 3, 5, 23, tzinfo=UTC))
    assert found(browser, "/visits/", site=tokyo.pk, since="2024-03-06") == [str(sighting.visit_id)]
    assert found(browser, "/visits/", site=tokyo.pk, until="2024-03-05") == []
    assert "08:00" in browser.get("/visits/").content.decode()


@pytest.mark.parametrize(
    ("filters", "words"),
    [
        ({"since": "tomorrow"}, "Enter a valid date"),
        ({"since": "2024-03-06", "until": "2024-03-05"}, "before the first day"),
        ({"site": str(uuid4())}, "Select a valid choice"),
        ({"person": str(uuid4())}, "This person no longer exists"),
        ({"q": "x" * 101}, "at most 100 characters"),
        ({"q": "a\0b"}, "Null characters"),
    ],
)
def test_a_filter_that_cannot_be_used_is_named(
    browser: Client, camera: Camera, make_visit: MakeVisit, filters: dict[str, str], words: str
) -> None:
    make_visit(camera)
    answer = browser.get("/visits/", filters)
    assert answer.status_code == 200
    assert words in answer.content.decode()
    assert list(answer.context["page"]) == []


def test_doubt_is_shown_as_doubt(browser: Client, camera: Camera, make_visit: MakeVisit) -> None:
    unsure = make_visit(
        camera, SightingDecision.UNSURE, score=0.337, reason="two staff members resemble this face"
    )
    make_visit(camera)
    assert found(browser, "/sightings/", decision="unsure") == [str(unsure.pk)]
    text = browser.get("/sightings/", {"decision": "unsure"}).content.decode()
    for words in (
        "Not sure who",
        "Unsure",
        "Two staff members resemble this face",
        "Possible match",
        "Similarity 0.34",
    ):
        assert words in text


@pytest.mark.parametrize("path", ["/visits/", "/sightings/", "/visitors/"])
def test_pages_hold_fifty_rows_and_keep_the_filters(
    browser: Client, camera: Camera, make_visit: MakeVisit, path: str
) -> None:
    for minutes in range(53):
        make_visit(camera, at=timezone.now() - timedelta(minutes=minutes))
    everything = found(browser, path) + found(browser, path, page=2)
    assert len(everything) == len(set(everything)) == 53
    assert found(browser, path, page=99) == found(browser, path, page=2)
    text = browser.get(f"{path}?q=&page=1").content.decode()
    assert f"53 {path.strip('/')}" in text
    assert "Page 1 of 2" in text
    assert 'href="?q=&amp;page=2"' in text


@pytest.mark.parametrize("path", ["/visits/", "/sightings/", "/visitors/"])
def test_an_empty_list_says_so(browser: Client, path: str) -> None:
    text = browser.get(path).content.decode()
    assert f"<strong>No {path.strip('/')}</strong>" in text


@pytest.mark.parametrize("path", ["/visits/", "/sightings/", "/visitors/", "/cameras/", "/"])
def test_htmx_gets_a_fragment_of_the_same_address(browser: Client, camera: Camera, path: str) -> None:
    whole, part = browser.get(path), browser.get(path, headers={"HX-Request": "true"})
    assert "<!doctype html>" in whole.content.decode()
    assert "<html" not in part.content.decode()
    assert "no-store" in part.headers["Cache-Control"]
