"""A site manager sees, counts and changes nothing of other sites, on pages, in the admin and live."""

import re
from collections.abc import Callable, Iterator
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse

from cameras.models import Camera, Site
from staff.models import StaffMember
from tenants.models import Tenant
from tenants.rules import Role
from tests.two_sites import TwoSites, two_sites
from visits.actions import delete_visitor
from visits.models import LiveEvent, Sighting, SightingDecision

ClientOf = Callable[..., Client]
MakeVisit = Callable[..., Sighting]
PAGES = ["/", "/visits/", "/sightings/", "/visitors/", "/cameras/", "/live/visits/?after=0"]
ADMIN = ["cameras_camera", "cameras_site", "staff_staffmember", "visits_visitor", "visits_visit"]
ADMIN += ["visits_sighting"]
FOREIGN_FILTERS = {
    "visits_visitor": ["last_seen_at__gte=2000-01-01", "first_seen_at__year=2026", "best_quality__gt=0.6"],
    "visits_visit": ["score__gt=0", "visitor__last_seen_at__gte=2000-01-01", "created_at__year=2026"],
    "visits_sighting": ["score__gt=0.5", "decision__exact=visitor", "visitor__first_seen_at__year=2026"],
    "staff_staffmember": ["face_images__quality__gt=0"],
    "cameras_camera": ["password__startswith=a", "epoch=1"],
}

__all__ = ["two_sites"]


@pytest.fixture
def manager(acme: Tenant, client_of: ClientOf, two_sites: TwoSites) -> Client:
    """Of North."""
    return client_of(acme, Role.SITE_MANAGER, sites=[two_sites.north])


@pytest.fixture
def admin(acme: Tenant, client_of: ClientOf, two_sites: TwoSites) -> Client:
    return client_of(acme)


def leaks(two_sites: TwoSites, text: str) -> set[str]:
    return {secret for secret in two_sites.secrets if secret in text}


def addresses(two_sites: TwoSites) -> Iterator[str]:
    yield from PAGES
    for text in ("mariso", "visitor", "sam", "southqua"):
        yield from (f"{page}?q={text}" for page in ("/visits/", "/sightings/", "/visitors/"))
    yield f"/people/visitors/{two_sites.both.pk}/"
    yield f"/people/visitors/{two_sites.northern.pk}/"
    yield f"/people/staff/{two_sites.ann.pk}/"
    yield f"/people/staff/{two_sites.eve.pk}/"
    yield f"/visits/?person={two_sites.both.pk}"
    yield f"/sightings/?person={two_sites.eve.pk}"
    yield "/admin/"
    for name in ADMIN:
        yield reverse(f"admin:{name}_changelist")
        yield reverse(f"admin:{name}_changelist") + "?q=s"
    for name, row in {
        "cameras_camera": two_sites.northern_camera,
        "cameras_site": two_sites.north,
        "staff_staffmember": two_sites.eve,
        "visits_visitor": two_sites.both,
        "visits_visit": two_sites.here[0].visit,
        "visits_sighting": two_sites.here[0],
    }.items():
        assert row
        yield reverse(f"admin:{name}_change", args=[row.pk])
        yield reverse(f"admin:{name}_history", args=[row.pk])


def test_no_page_says_anything_of_another_site(manager: Client, two_sites: TwoSites) -> None:
    for address in addresses(two_sites):
        answer = manager.get(address)
        assert answer.status_code == 200, (address, answer.status_code)
        assert not leaks(two_sites, answer.content.decode()), address


def test_the_same_pages_say_it_to_an_administrator(admin: Client, two_sites: TwoSites) -> None:
    """Or the test above would prove nothing."""
    for address in addresses(two_sites):
        assert admin.get(address).status_code == 200, address
    for page in ("/", "/visits/", "/sightings/", "/visitors/"):
        assert leaks(two_sites, admin.get(page).content.decode()), page


def foreign(two_sites: TwoSites) -> Iterator[tuple[str, str, object]]:
    """Method, address with a place for an id, and the id of something that is another site's."""
    yield "get", "/people/visitors/{}/", two_sites.southern.pk
    yield "post", "/people/visitors/{}/", two_sites.southern.pk
    yield "get", "/people/staff/{}/", two_sites.sam.pk
    yield "post", "/cameras/{}/start/", two_sites.southern_camera.pk
    yield "post", "/cameras/{}/stop/", two_sites.southern_camera.pk


def test_what_belongs_to_another_site_is_like_what_never_was(manager: Client, two_sites: TwoSites) -> None:
    for method, address, pk in foreign(two_sites):
        theirs = getattr(manager, method)(address.format(pk))
        nothing = getattr(manager, method)(address.format(uuid4()))
        assert theirs.status_code == nothing.status_code == 404, address
        assert theirs.content == nothing.content
    rows = {
        "cameras_camera": two_sites.southern_camera,
        "cameras_site": two_sites.south,
        "staff_staffmember": two_sites.sam,
        "visits_visitor": two_sites.southern,
        "visits_visit": two_sites.there[0].visit,
        "visits_sighting": two_sites.there[0],
    }
    for name, row in rows.items():
        assert row
        for page in ("change", "history", "delete"):
            theirs = manager.get(reverse(f"admin:{name}_{page}", args=[row.pk]))
            nothing = manager.get(reverse(f"admin:{name}_{page}", args=[uuid4()]))
            assert theirs.status_code == nothing.status_code, (name, page)
            assert theirs.status_code in (302, 403), (name, page)


@pytest.mark.parametrize("name", FOREIGN_FILTERS)
def test_the_admin_answers_no_question_that_its_lists_do_not_offer(manager: Client, name: str) -> None:
    """Django narrows a list by any column that the address names, and so tells what is in it."""
    for query in FOREIGN_FILTERS[name]:
        answer = manager.get(reverse(f"admin:{name}_changelist") + "?" + query)
        assert answer.status_code in (302, 400), query
        assert answer.status_code == 400 or "e=1" in answer.headers["Location"], query


def test_figures_count_ones_own_sites_only(manager: Client, admin: Client, two_sites: TwoSites) -> None:
    def figures(client: Client) -> list[int]:
        return [int(number) for number in re.findall(r"<b>(\d+)</b>", client.get("/").content.decode())]

    assert figures(manager) == [3, 2, 1, 0, 0]  # here now, visits, new visitors, unsure, not recognisable
    assert figures(admin) == [7, 5, 2, 1, 41]


def test_a_visitor_is_known_by_what_happened_here(manager: Client, two_sites: TwoSites) -> None:
    visitor = manager.get(f"/people/visitors/{two_sites.both.pk}/").context["visitor"]
    seen = two_sites.here[0]
    assert (visitor.shown_first_seen_at, visitor.shown_last_seen_at) == (seen.started_at, seen.last_seen_at)
    assert (visitor.shown_shot, visitor.visit_count) == (seen.best_shot, 1)
    text = manager.get(f"/people/visitors/{two_sites.both.pk}/").content.decode()
    assert "<dt>Visits</dt><dd>1</dd>" in text
    order = [row.pk for row in manager.get("/visitors/").context["page"]]
    assert order == [two_sites.northern.pk, two_sites.both.pk]  # the latter was at South more lately


def test_whom_another_site_knows_is_new_here(manager: Client, admin: Client, two_sites: TwoSites) -> None:
    """Neither badge, score, reason nor filter tells a stranger from somebody known elsewhere."""
    assert two_sites.here[0].decision == SightingDecision.VISITOR
    returning = manager.get("/sightings/", {"decision": "visitor"}).context["page"]
    assert list(returning) == []
    new = manager.get("/sightings/", {"decision": "new_visitor"}).context["page"]
    assert {row.pk for row in new} == {two_sites.here[0].pk, two_sites.here[1].pk}
    for path in ("/sightings/", "/visits/"):
        text = manager.get(path, {"person": str(two_sites.both.pk)}).content.decode()
        assert ">Returning<" not in text
        assert "0.77" not in text
        assert ">New<" in text
        assert ">Returning<" in admin.get(path, {"person": str(two_sites.both.pk)}).content.decode()


def test_choices_are_ones_own_sites(manager: Client, admin: Client, two_sites: TwoSites) -> None:
    form = manager.get("/visits/").context["form"]
    assert list(form.fields["site"].queryset) == [two_sites.north]
    assert list(form.fields["camera"].queryset) == [two_sites.northern_camera]
    refused = manager.get("/visits/", {"site": str(two_sites.south.pk)})
    assert "Select a valid choice" in refused.content.decode()
    assert "Southquay" in admin.get("/admin/visits/visit/").content.decode()


def test_a_camera_cannot_be_moved_to_a_foreign_site(manager: Client, two_sites: TwoSites) -> None:
    camera = two_sites.northern_camera
    form = {"site": str(two_sites.south.pk), "name": "Mine", "kind": "usb", "location": "0"}
    answer = manager.post(reverse("admin:cameras_camera_change", args=[camera.pk]), form)
    assert "Select a valid choice" in answer.content.decode()
    camera.refresh_from_db()
    assert (camera.site_id, camera.name) == (two_sites.north.pk, "Polaris")


def test_a_camera_that_has_run_stays_at_its_site(admin: Client, two_sites: TwoSites) -> None:
    """What it saw would be told to the manager of the other site."""
    path = reverse("admin:cameras_camera_change", args=[two_sites.northern_camera.pk])
    form = {"site": str(two_sites.south.pk), "name": "Polaris", "kind": "usb", "location": "0", "turn": "0"}
    assert "has recorded sightings at another site" in admin.post(path, form).content.decode()
    Camera.objects.update(epoch=0)
    assert admin.post(path, form).status_code == 302


def test_actions_of_the_admin_reach_ones_own_cameras_only(manager: Client, two_sites: TwoSites) -> None:
    form = {"action": "start", "_selected_action": [two_sites.southern_camera.pk]}
    manager.post(reverse("admin:cameras_camera_changelist"), form)
    assert not Camera.objects.filter(enabled=True).exists()
    form["_selected_action"] = [two_sites.northern_camera.pk]
    manager.post(reverse("admin:cameras_camera_changelist"), form)
    assert Camera.objects.get(enabled=True) == two_sites.northern_camera


def test_live_news_is_of_ones_own_sites(manager: Client, two_sites: TwoSites, make_visit: MakeVisit) -> None:
    page = manager.get("/").content.decode()
    cursor = re.findall(r'name="after" value="([^"]+)"', page)[0]
    shown = re.findall(r'name="shown" value="([0-9a-f-]{36})"', page)
    assert set(shown) == {str(sighting.visit_id) for sighting in two_sites.here}
    foreign = make_visit(two_sites.southern_camera)
    own = make_visit(two_sites.northern_camera)
    text = manager.get("/live/visits/", {"after": cursor, "shown": shown}).content.decode()
    assert str(own.visit_id) in text
    assert str(foreign.visit_id) not in text
    asked = [*shown, str(foreign.visit_id)]
    text = manager.get("/live/visits/", {"after": cursor, "shown": asked}).content.decode()
    assert f'id="visit-{foreign.visit_id}" hx-swap-oob="delete"' in text  # as one that never was


def test_the_cursor_counts_nothing(manager: Client, two_sites: TwoSites, make_visit: MakeVisit) -> None:
    """The ids of live events count what happens in the whole tenant."""
    make_visit(two_sites.southern_camera)
    newest = str(LiveEvent.objects.order_by("-pk")[0].pk)
    page = manager.get("/").content.decode()
    assert f'value="{newest}"' not in page
    for cursor in (newest, str(int(newest) + 1), "1", "x", "gAAAA", "-1"):
        assert manager.get("/live/visits/", {"after": cursor}).status_code == 400, cursor


def test_a_visitor_who_is_forgotten_leaves_every_sites_page(manager: Client, two_sites: TwoSites) -> None:
    page = manager.get("/").content.decode()
    cursor = re.findall(r'name="after" value="([^"]+)"', page)[0]
    gone = str(two_sites.here[0].visit_id)
    before = LiveEvent.objects.count()
    delete_visitor(visitor=two_sites.both)
    sites = set(LiveEvent.objects.order_by("-pk")[:2].values_list("site", flat=True))
    assert (LiveEvent.objects.filter(kind="visits_gone").count(), sites) == (
        2,
        {two_sites.north.pk, two_sites.south.pk},
    )
    assert before > 0
    text = manager.get("/live/visits/", {"after": cursor, "shown": [gone]}).content.decode()
    assert f'id="visit-{gone}" hx-swap-oob="delete"' in text


def test_staff_of_other_sites_are_named_where_they_come_and_shown_nowhere_else(
    manager: Client, two_sites: TwoSites
) -> None:
    text = manager.get("/visits/").content.decode()
    assert "Sam Southern" in text  # was here
    assert f"/people/staff/{two_sites.sam.pk}/" not in text
    listed = manager.get("/admin/staff/staffmember/").content.decode()
    assert "Ann Northern" in listed
    assert "Eve Everywhere" in listed
    assert "Sam Southern" not in listed


def test_who_also_works_elsewhere_is_not_changed(manager: Client, two_sites: TwoSites) -> None:
    form = {"name": "Renamed", "active": "on"}
    form |= {"face_images-TOTAL_FORMS": "0", "face_images-INITIAL_FORMS": "0"}
    for member, status in ((two_sites.eve, 403), (two_sites.ann, 302)):
        answer = manager.post(reverse("admin:staff_staffmember_change", args=[member.pk]), form)
        assert answer.status_code == status, member
    two_sites.ann.refresh_from_db()
    assert (two_sites.ann.name, two_sites.ann.sites) == ("Renamed", [two_sites.north.pk])
    assert not StaffMember.objects.filter(pk=two_sites.eve.pk, name="Renamed").exists()


def test_a_manager_of_no_site_sees_nobody(acme: Tenant, client_of: ClientOf, two_sites: TwoSites) -> None:
    client = client_of(acme, Role.SITE_MANAGER, sites=[])
    for page in PAGES[:5]:
        text = client.get(page).content.decode()
        assert not leaks(two_sites, text)
        assert "Polaris" not in text
    assert client.get(f"/people/visitors/{two_sites.both.pk}/").status_code == 404


def test_a_manager_of_both_sees_both(
    acme: Tenant, client_of: ClientOf, two_sites: TwoSites, admin: Client
) -> None:
    client = client_of(acme, Role.SITE_MANAGER, sites=Site.objects.all())
    theirs = [row.pk for row in client.get("/sightings/").context["page"]]
    assert theirs == [row.pk for row in admin.get("/sightings/").context["page"]]
    visitor = client.get(f"/people/visitors/{two_sites.both.pk}/").context["visitor"]
    assert (visitor.shown_first_seen_at, visitor.visit_count) == (two_sites.both.first_seen_at, 3)
