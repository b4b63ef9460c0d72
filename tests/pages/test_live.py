"""The live list: what a page has missed comes after its cursor, once and completely."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from cameras.models import Camera
from staff.models import StaffMember
from tenants.models import Tenant
from visits.actions import close_visits, delete_visitor
from visits.live_events import forget_old_events
from visits.models import Sighting, SightingDecision, Visit

ClientOf = Callable[..., Client]
MakeVisit = Callable[..., Sighting]


class LivePage:
    """What a browser does with the dashboard: keeps rows and cursor, and applies fragments to them."""

    def __init__(self, client: Client) -> None:
        self.client = client
        page = client.get("/").content.decode()
        self.cursor, self.shown, self.twice = _cursor(page), _rows(page), 0

    def catch_up(self) -> Any:
        answer = self.client.get(
            "/live/visits/", {"after": self.cursor, "shown": self.shown}, headers={"HX-Request": "true"}
        )
        if "HX-Refresh" in answer.headers:
            return answer
        text = answer.content.decode()
        replaced = re.findall(r'id="visit-([0-9a-f-]{36})" hx-swap-oob="true"', text)
        assert set(replaced) <= set(self.shown), "a row that the page does not have cannot be replaced"
        gone = re.findall(r'id="visit-([0-9a-f-]{36})" hx-swap-oob="delete"', text)
        assert set(gone) <= set(self.shown), "a row that the page does not have cannot be removed"
        self.shown = [row for row in self.shown if row not in gone]
        fresh = [row for row in _rows(text) if row not in replaced]
        assert not set(fresh) & set(self.shown), "a row comes twice"
        self.cursor, self.shown = _cursor(text), fresh + self.shown
        return answer


def _cursor(text: str) -> str:
    return str(re.findall(r'name="after" value="(\d+)"', text)[0])


def _rows(text: str) -> list[str]:
    return re.findall(r'name="shown" value="([0-9a-f-]{36})"', text)


@pytest.fixture
def page(acme: Tenant, client_of: ClientOf, camera: Camera, make_visit: MakeVisit) -> LivePage:
    """A dashboard with one visit on it."""
    make_visit(camera)
    return LivePage(client_of(acme))


def test_a_visit_shows_who_where_when_and_how_sure(
    page: LivePage, camera: Camera, employee: StaffMember, make_visit: MakeVisit
) -> None:
    visit = make_visit(camera, SightingDecision.STAFF, person=employee, score=0.714).visit
    assert visit is not None
    text = page.catch_up().content.decode()
    for part in (
        "Ada Lovelace",
        "Staff",
        "Door, Head office",
        "Strong match",
        "Similarity 0.71",
        "now here",
        "<time datetime=",
    ):
        assert part in text
    assert f'/people/staff/{employee.pk}/"' in text
    assert 'src="/pictures/' in text
    assert "Ada Lovelace at Door." in text  # what a screen reader says


def test_a_stranger_is_new_with_a_number(page: LivePage, camera: Camera, make_visit: MakeVisit) -> None:
    visitor = make_visit(camera, score=0.12).visitor
    assert visitor is not None
    text = page.catch_up().content.decode()
    assert f"Visitor {visitor.number}" in text
    assert "No match" in text
    assert "Similarity 0.12" in text  # to the nearest known person


def test_nothing_is_lost_while_the_connection_is(
    page: LivePage, camera: Camera, make_visit: MakeVisit
) -> None:
    started = list(page.shown)
    made = [str(make_visit(camera).visit_id) for _ in range(7)]  # nobody listens meanwhile
    page.catch_up()
    assert page.shown == [*reversed(made), *started]
    page.catch_up()
    assert page.shown == [*reversed(made), *started]


def test_visits_come_once_however_often_the_page_asks(
    page: LivePage, camera: Camera, make_visit: MakeVisit
) -> None:
    for _ in range(3):
        make_visit(camera)
        stale = page.cursor
        page.catch_up()
        page.cursor = stale  # a request that crossed another one
        page.catch_up()
    assert len(page.shown) == len(set(page.shown)) == 4


def test_a_visit_that_ends_is_replaced_in_place(page: LivePage) -> None:
    before = list(page.shown)
    assert close_visits(now=timezone.now() + timedelta(hours=1)) == 1
    text = page.catch_up().content.decode()
    assert f'id="visit-{before[0]}" hx-swap-oob="true"' in text
    assert "now here" not in text
    assert page.shown == before


def test_a_visit_that_the_page_does_not_show_is_not_replaced(page: LivePage) -> None:
    page.shown = []
    close_visits(now=timezone.now() + timedelta(hours=1))
    page.catch_up()
    assert page.shown == []


def test_figures_follow(page: LivePage, camera: Camera, make_visit: MakeVisit) -> None:
    make_visit(camera, SightingDecision.UNSURE, template=None)
    make_visit(camera)
    text = page.catch_up().content.decode()
    figures = [int(number) for number in re.findall(r"<b>(\d+)</b>", text)]
    assert figures == [2, 2, 2, 1, 0]


def test_a_visitor_who_was_forgotten_meanwhile_is_no_error(
    page: LivePage, camera: Camera, make_visit: MakeVisit
) -> None:
    sighting = make_visit(camera)
    assert sighting.visitor
    delete_visitor(visitor=sighting.visitor)
    assert page.catch_up().status_code == 200
    assert len(page.shown) == 1


def test_a_page_that_missed_too_much_loads_itself_anew(
    page: LivePage, camera: Camera, make_visit: MakeVisit
) -> None:
    for _ in range(201):
        make_visit(camera, SightingDecision.UNSURE, template=None, shot=None)
    assert page.catch_up().headers["HX-Refresh"] == "true"


def test_a_page_older_than_the_journal_loads_itself_anew(
    page: LivePage, camera: Camera, make_visit: MakeVisit
) -> None:
    make_visit(camera)
    make_visit(camera)
    forget_old_events(before=timezone.now())  # all but the newest
    assert page.catch_up().headers["HX-Refresh"] == "true"


@pytest.mark.parametrize("query", ["", "after=x", "after=-1", "after=0&shown=x", f"after={2**70}"])
def test_nonsense_is_refused(acme: Tenant, client_of: ClientOf, query: str) -> None:
    assert client_of(acme).get(f"/live/visits/?{query}").status_code == 400


def test_a_journal_of_the_future_loads_the_page_anew(page: LivePage) -> None:
    page.cursor = "99999999"
    assert page.catch_up().headers["HX-Refresh"] == "true"


def test_the_list_is_cut(acme: Tenant, client_of: ClientOf, camera: Camera, make_visit: MakeVisit) -> None:
    for minutes in range(33):
        make_visit(camera, at=timezone.now() - timedelta(minutes=minutes))
    assert len(LivePage(client_of(acme)).shown) == 30
    assert Visit.objects.count() == 33


def test_the_number_of_queries_does_not_grow_with_the_list(
    acme: Tenant,
    client_of: ClientOf,
    camera: Camera,
    make_visit: MakeVisit,
    django_assert_max_num_queries: Callable[..., object],
) -> None:
    for _ in range(25):
        make_visit(camera)
    client = client_of(acme)
    with django_assert_max_num_queries(24):  # type: ignore[attr-defined]
        client.get("/")


def test_a_visit_that_is_withdrawn_leaves_the_page(
    acme: Tenant, client_of: ClientOf, camera: Camera, employee: StaffMember, make_visit: MakeVisit
) -> None:
    make_visit(camera, SightingDecision.STAFF, person=employee, track=7)
    page = LivePage(client_of(acme))
    assert len(page.shown) == 1
    make_visit(camera, SightingDecision.UNSURE, track=7, sequence=1, template=None)
    page.catch_up()
    assert page.shown == []
