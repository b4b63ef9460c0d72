"""A list's page and its API find the same rows, by the same FilterSet."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from cameras.models import Camera
from staff.models import StaffMember
from tenants.filters.forms import DaysForm, ListForm
from tenants.filters.lists import (
    ActivityFilters,
    CustomerFilters,
    KeyFilters,
    ListFilters,
    MemberFilters,
    SupportFilters,
)
from tenants.isolation.context import installation
from tenants.models import Tenant
from tenants.pages.activity.forms import ActivityForm
from tenants.pages.forms import PersonSearch
from tenants.pages.keys.forms import KeySearch
from tenants.pages.tenant_switch import CustomerSearch
from tests.conftest import make_camera
from visits.filters import MergeFilters, ProposalFilters, SightingFilters, VisitFilters, VisitorFilters
from visits.models import Sighting, SightingDecision
from visits.pages.forms import SeenForm, SightingFilterForm, VisitFilterForm, VisitorSearch
from workers.filters import WorkerFilters, WorkerSearch
from workers.fleet.models import DeviceAssignment
from workers.fleet.registration import Introduction, register

MakeVisit = Callable[..., Sighting]

APPLIED_BY: dict[type[ListForm], tuple[type[ListFilters], ...]] = {
    PersonSearch: (MemberFilters, SupportFilters),
    CustomerSearch: (CustomerFilters,),
    KeySearch: (KeyFilters,),
    ActivityForm: (ActivityFilters,),
    VisitFilterForm: (VisitFilters,),
    SightingFilterForm: (SightingFilters,),
    VisitorSearch: (VisitorFilters, ProposalFilters, MergeFilters),
    WorkerSearch: (WorkerFilters,),
}


@pytest.fixture
def browser(acme: Tenant, client_of: Callable[..., Client]) -> Client:
    return client_of(acme)


def on_page(browser: Client, kind: str, query: dict[str, Any]) -> list[str]:
    return sorted(str(row.pk) for row in browser.get(f"/{kind}/", query).context["page"])


def in_api(browser: Client, kind: str, query: dict[str, Any]) -> list[str]:
    answer = browser.get(f"/api/v1/{kind}/", query)
    assert answer.status_code == 200, answer.content
    return sorted(row["id"] for row in answer.json()["results"])


def forms_below(kind: type[ListForm]) -> set[type[ListForm]]:
    return {kind}.union(*(forms_below(one) for one in kind.__subclasses__()))


def test_each_field_of_a_page_is_a_filter_of_its_list() -> None:
    assert forms_below(ListForm) - {ListForm, DaysForm, SeenForm} == set(APPLIED_BY)
    for form, sets in APPLIED_BY.items():
        fields = set(form.base_fields)
        if issubclass(form, DaysForm):  # two days of its page are the two moments
            fields = fields - {"since", "until"} | {"from", "to"}
        for filters in sets:
            assert fields <= set(filters.base_filters), (form, filters)


def test_page_and_api_find_the_same(
    browser: Client, camera: Camera, employee: StaffMember, make_visit: MakeVisit
) -> None:
    lift, now = make_camera("Lift"), timezone.now()
    seen = make_visit(camera, face=5)
    assert make_visit(lift, face=5).visit_id == seen.visit_id
    ada = make_visit(lift, SightingDecision.STAFF, person=employee)
    old = make_visit(camera, at=now - timedelta(days=9), face=7)
    unsure = make_visit(camera, SightingDecision.UNSURE)
    day = timezone.localdate() - timedelta(days=5)
    midnight = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=5)
    visits, days = {str(seen.visit_id), str(ada.visit_id)}, {"since": day, "until": timezone.localdate()}
    moments = {"from": midnight.isoformat(), "to": (now + timedelta(days=1)).isoformat()}
    cases: list[tuple[str, dict[str, Any], dict[str, Any], set[str]]] = [
        ("visits", {"q": "lovel"}, {"search": "lovel"}, {str(ada.visit_id)}),
        ("visits", {"camera": lift.pk}, {"camera": lift.pk}, visits),
        ("visits", {"who": "staff"}, {"who": "staff"}, {str(ada.visit_id)}),
        ("visits", {"person": employee.pk}, {"person": employee.pk}, {str(ada.visit_id)}),
        ("visits", {"site": camera.site_id} | days, {"site": camera.site_id} | moments, visits),
        ("sightings", {"decision": "unsure"}, {"decision": "unsure"}, {str(unsure.pk)}),
        ("sightings", {"camera": lift.pk} | days, {"camera": lift.pk} | moments, {str(ada.pk)}),
        ("visitors", {"q": old.visitor.number}, {"search": old.visitor.number}, {str(old.visitor_id)}),  # type: ignore[union-attr]
    ]
    for kind, page, api, expected in cases:
        assert expected <= set(on_page(browser, kind, page)), (kind, page)
        assert on_page(browser, kind, page) == in_api(browser, kind, api), (kind, page)
    assert str(old.visit_id) not in on_page(browser, "visits", days)


def test_workers_are_found_by_their_machine(acme: Tenant, browser: Client) -> None:
    for name, host in (("alpha", "north-1"), ("beta", "south-1")):
        register(introduction=Introduction(name=name, capacity=8, host=host))
        with installation():
            DeviceAssignment.objects.create(host=host, device=99, tenant=acme)
    assert len(in_api(browser, "workers", {"search": "north"})) == 1
    assert on_page(browser, "workers", {"q": "north"}) == in_api(browser, "workers", {"search": "north"})


def test_a_search_of_workers_that_cannot_be_used_is_told(browser: Client) -> None:
    register(introduction=Introduction(name="alpha", capacity=8, host="gate"))
    answer = browser.get("/workers/", {"q": "x" * 101})
    assert (answer.status_code, list(answer.context["page"])) == (200, [])
    assert "at most 100 characters" in answer.content.decode()


def test_an_unused_box_asks_for_nothing(browser: Client, camera: Camera, make_visit: MakeVisit) -> None:
    made = make_visit(camera)
    assert (
        on_page(browser, "visits", {})
        == on_page(browser, "visits", {"present": "on"})
        == [str(made.visit_id)]
    )
    assert in_api(browser, "visits", {"present": "false"}) == []
