"""Pages of one person: naming and forgetting visitors, what staff are recognised by."""

import re
from collections.abc import Callable
from uuid import uuid4

import numpy as np
import pytest
from django.test import Client

from cameras.models import Camera
from facetrack.core import objects
from facetrack.core.images import clean_pixels
from staff.actions import OTHERS_BY_NOW, accept_face, add_face_image
from staff.models import FaceImage, StaffMember
from tenants.models import Outbox, Tenant
from tenants.rules import Role
from visits.models import Sighting, SightingDecision, Visit, Visitor

ClientOf = Callable[..., Client]
MakeVisit = Callable[..., Sighting]


@pytest.fixture
def visitor(camera: Camera, make_visit: MakeVisit) -> Visitor:
    visitor = make_visit(camera).visitor
    assert visitor is not None
    return visitor


def test_a_visitor_is_named(acme: Tenant, client_of: ClientOf, visitor: Visitor) -> None:
    client, path = client_of(acme, Role.SITE_MANAGER), f"/people/visitors/{visitor.pk}/"
    answer = client.post(path, {"name": "  Grace Hopper ", "note": "Comes on Tuesdays"}, follow=True)
    text = answer.content.decode()
    assert "Saved: Grace Hopper." in text
    assert "Comes on Tuesdays" in text
    visitor.refresh_from_db()
    assert visitor.name == "Grace Hopper"
    assert visitor.updated_by is not None
    assert "Grace Hopper" in client.get("/visits/").content.decode()


def test_a_name_that_is_too_long_is_refused_and_nothing_changes(
    acme: Tenant, client_of: ClientOf, visitor: Visitor
) -> None:
    answer = client_of(acme).post(f"/people/visitors/{visitor.pk}/", {"name": "x" * 101, "note": ""})
    assert answer.status_code == 200
    assert "at most 100 characters" in answer.content.decode()
    visitor.refresh_from_db()
    assert visitor.name == ""


def test_names_are_text_not_markup(acme: Tenant, client_of: ClientOf, visitor: Visitor) -> None:
    client = client_of(acme)
    client.post(f"/people/visitors/{visitor.pk}/", {"name": "<script>alert(1)</script>", "note": ""})
    for page in ("/", "/visits/", "/visitors/", f"/people/visitors/{visitor.pk}/"):
        assert "<script>alert" not in client.get(page).content.decode()


def test_a_viewer_looks_and_changes_nothing(acme: Tenant, client_of: ClientOf, visitor: Visitor) -> None:
    client, path = client_of(acme, Role.VIEWER), f"/people/visitors/{visitor.pk}/"
    page = client.get(path).content.decode()
    assert f"Visitor {visitor.number}" in page
    assert "<textarea" not in page
    assert "forget" not in page
    assert client.post(path, {"name": "Mallory", "note": ""}).status_code == 403
    visitor.refresh_from_db()
    assert visitor.name == ""


def test_forgetting_asks_first_and_then_leaves_nothing(
    acme: Tenant,
    client_of: ClientOf,
    visitor: Visitor,
    django_capture_on_commit_callbacks: Callable[..., object],
) -> None:
    client, path = client_of(acme), f"/people/visitors/{visitor.pk}/forget/"
    key = visitor.best_shot
    assert "cannot undo" in client.get(path).content.decode()
    assert Visitor.objects.filter(pk=visitor.pk).exists()
    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[attr-defined]
        answer = client.post(path, {"reason": "asked us to"}, follow=True)
    assert f"Visitor {visitor.number} was deleted" in answer.content.decode()
    for model in (Visitor, Visit, Sighting):
        assert not model.objects.exists()
    with pytest.raises(FileNotFoundError):
        objects.open_object(acme.pk, key)
    assert Outbox.objects.filter(tenant=acme, subject=visitor.pk).exists()  # the index will forget, too
    assert client.get(f"/people/visitors/{visitor.pk}/").status_code == 404


@pytest.mark.parametrize("role", [Role.SITE_MANAGER, Role.VIEWER])
def test_only_administrators_forget(acme: Tenant, client_of: ClientOf, visitor: Visitor, role: Role) -> None:
    client, path = client_of(acme, role), f"/people/visitors/{visitor.pk}/forget/"
    assert client.get(path).status_code == 403
    assert client.post(path, {"reason": "asked us to"}).status_code == 403
    assert Visitor.objects.filter(pk=visitor.pk).exists()


def test_forms_of_other_sites_are_refused(
    acme: Tenant, member_of: Callable[..., object], visitor: Visitor
) -> None:
    client = Client(enforce_csrf_checks=True, SERVER_NAME="acme.localhost")
    client.force_login(member_of(acme, Role.TENANT_ADMIN))  # type: ignore[arg-type]
    answer = client.post(f"/people/visitors/{visitor.pk}/forget/")
    assert answer.status_code == 403
    assert "This form has expired" in answer.content.decode()
    assert Visitor.objects.filter(pk=visitor.pk).exists()


def test_staff_show_the_pictures_in_use_and_where_they_were_seen(
    acme: Tenant, client_of: ClientOf, camera: Camera, employee: StaffMember, make_visit: MakeVisit
) -> None:
    client, path = client_of(acme), f"/people/staff/{employee.pk}/"
    assert "no camera recognises" in client.get(path).content.decode()
    picture = np.full((120, 120, 3), 127, dtype=np.uint8)
    face = add_face_image(member=employee, picture=clean_pixels(picture), by=None)
    assert "1 more being checked" in client.get(path).content.decode()
    accept_face(
        face_image=face,
        box=[1.0, 1.0, 90.0, 90.0],
        landmarks=[0.0] * 10,
        quality=0.9,
        embedding=np.ones(512, dtype=np.float32) / np.float32(np.sqrt(512)),
        pack="edgeface-xs",
    )
    make_visit(camera, SightingDecision.STAFF, person=employee)
    text = client.get(path).content.decode()
    assert "Picture 1 of Ada Lovelace" in text
    assert "Door" in text
    assert f"/admin/staff/staffmember/{employee.pk}/change/" in text
    assert (
        f"/admin/staff/staffmember/{employee.pk}/change/"
        not in client_of(acme, Role.VIEWER).get(path).content.decode()
    )


def test_a_person_with_many_visits_links_to_all_of_them(
    acme: Tenant, client_of: ClientOf, camera: Camera, employee: StaffMember, make_visit: MakeVisit
) -> None:
    for _ in range(21):
        make_visit(camera, SightingDecision.STAFF, person=employee)
    client = client_of(acme)
    text = client.get(f"/people/staff/{employee.pk}/").content.decode()
    assert f'/sightings/?person={employee.pk}">All 21' in text
    listed = client.get(f"/sightings/?person={employee.pk}").content.decode()
    assert "21 sightings" in listed
    assert "Only Ada Lovelace" in listed


POLLED = 'hx-trigger="every 3s"'


@pytest.fixture
def held(employee: StaffMember) -> FaceImage:
    """The same picture for Ada and for Bob: Bob's is held."""
    clean = clean_pixels(np.full((120, 120, 3), 127, dtype=np.uint8))
    add_face_image(member=employee, picture=clean, by=None)
    return add_face_image(member=StaffMember.objects.create(name="Bob Twin"), picture=clean, by=None)


def test_a_person_who_resembles_another_is_shown_with_both_names(
    acme: Tenant, client_of: ClientOf, held: FaceImage
) -> None:
    page = f"/people/staff/{held.staff_member_id}/"
    client = client_of(acme)
    text = client.get(page).content.decode()
    assert "The same picture is enrolled for Ada Lovelace" in text
    assert "If Bob Twin is another person" in text
    assert "Enrol all the same" in text
    assert POLLED not in text
    [other] = re.findall(r'name="other" value="([^"]+)"', text)
    answer = client.post(f"{page}pictures/{held.pk}/confirm/", {"other": other}, follow=True)
    assert "Your decision was recorded" in answer.content.decode()
    assert "1 more being checked" in answer.content.decode()
    assert POLLED in answer.content.decode(), "the outcome comes without a reload"
    held.refresh_from_db()
    assert held.confirmed_by is not None
    again = client.post(f"{page}pictures/{held.pk}/confirm/", {"other": other}, follow=True)
    assert "does not wait for a decision" in again.content.decode()


@pytest.mark.parametrize("sent", [[], ["no id"], [str(uuid4())]])
def test_a_page_that_showed_other_people_decides_nothing(
    acme: Tenant, client_of: ClientOf, held: FaceImage, sent: list[str]
) -> None:
    page = f"/people/staff/{held.staff_member_id}/"
    answer = client_of(acme).post(f"{page}pictures/{held.pk}/confirm/", {"other": sent}, follow=True)
    assert OTHERS_BY_NOW in answer.content.decode()
    held.refresh_from_db()
    assert held.status == FaceImage.Status.HELD


@pytest.mark.parametrize("role", [Role.VIEWER, Role.SITE_MANAGER])
def test_who_may_not_enrol_does_not_decide(
    acme: Tenant, client_of: ClientOf, held: FaceImage, role: Role
) -> None:
    page = f"/people/staff/{held.staff_member_id}/"
    client = client_of(acme, role)
    assert "Enrol all the same" not in client.get(page).content.decode()
    assert client.post(f"{page}pictures/{held.pk}/confirm/").status_code == 403
    held.refresh_from_db()
    assert held.status == FaceImage.Status.HELD
