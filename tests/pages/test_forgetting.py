"""Forgetting a person: it asks for a reason everywhere, and the activity log has one line for it."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from cameras.models import Camera
from staff.actions import accept_face
from staff.models import FaceImage, StaffMember
from tenants.audit.queries import lines_of
from tenants.models import Tenant
from tenants.rules import Role
from tests.api.answers import V1
from tests.audit.conftest import seal
from tests.conftest import template_of
from visits.merging.actions import not_this_person
from visits.models import IdentityRejection, Sighting, SightingDecision, Visit, Visitor

ClientOf = Callable[..., Client]
MakeVisit = Callable[..., Sighting]


@pytest.fixture
def seen(acme: Tenant, camera: Camera, employee: StaffMember, make_visit: MakeVisit) -> StaffMember:
    """With a picture, five sightings and a rejected match."""
    image = FaceImage.objects.create(staff_member=employee, picture=f"{acme.pk}/enrolment/1.jpg", digest="1")
    accept_face(
        face_image=image,
        box=[0, 0, 9, 9],
        landmarks=[1.0] * 10,
        quality=0.9,
        embedding=template_of(1),
        pack="edgeface-xs",
    )
    for _ in range(5):
        last = make_visit(camera, SightingDecision.STAFF, person=employee, face=1)
    not_this_person(sighting=make_visit(camera, SightingDecision.STAFF, person=employee, face=1), by=None)
    assert last.staff_member == employee
    return employee


def lines_since(tenant: Tenant, number: int) -> list[tuple[str, str, str]]:
    seal()
    rows = lines_of(tenant).filter(number__gt=number).order_by("number")
    return [(line.object_kind, line.verb, line.reason) for line in rows]


def last_number(tenant: Tenant) -> int:
    seal()
    return lines_of(tenant).order_by("-number").values_list("number", flat=True)[0] or 0


@pytest.mark.parametrize("door", ["page", "admin", "admin list", "api"])
def test_a_forgotten_employee_leaves_one_line_with_the_reason(
    acme: Tenant, client_of: ClientOf, seen: StaffMember, door: str
) -> None:
    client, why = client_of(acme, kind=APIClient if door == "api" else Client), "asked us to"
    client.get("/")
    before = last_number(acme)
    if door == "page":
        client.post(f"/people/staff/{seen.pk}/forget/", {"reason": why})
    elif door == "admin":
        page = reverse("admin:staff_staffmember_delete", args=[seen.pk])
        client.post(page, {"post": "yes", "reason": why})
    elif door == "admin list":
        chosen = {"action": "delete_selected", "_selected_action": [str(seen.pk)], "post": "yes"}
        client.post(reverse("admin:staff_staffmember_changelist"), chosen | {"reason": why})
    else:
        client.delete(f"{V1}/staff/{seen.pk}/", headers={"X-Reason": why})
    assert not StaffMember.objects.exists()
    assert not Visit.objects.exists()
    assert not FaceImage.objects.exists()
    assert not IdentityRejection.objects.exists()
    assert Sighting.objects.exclude(decision=SightingDecision.UNSURE).count() == 0
    assert lines_since(acme, before) == [("staff.staffmember", "deleted", why)]


def test_a_forgotten_visitor_leaves_one_line(
    acme: Tenant, client_of: ClientOf, camera: Camera, make_visit: MakeVisit
) -> None:
    known = make_visit(camera, face=1).visitor
    make_visit(camera, SightingDecision.VISITOR, person=known, face=1)
    assert known is not None
    client = client_of(acme)
    client.get("/")
    before = last_number(acme)
    client.post(f"/people/visitors/{known.pk}/forget/", {"reason": "asked us to"})
    assert not Visitor.objects.exists()
    assert lines_since(acme, before) == [("visits.visitor", "deleted", "asked us to")]


def test_what_is_deleted_without_its_person_has_its_own_line(acme: Tenant, seen: StaffMember) -> None:
    before = last_number(acme)
    Sighting.objects.filter(staff_member=seen)[0].delete()
    assert [line[:2] for line in lines_since(acme, before)] == [("visits.sighting", "deleted")]


def test_the_page_asks_first(acme: Tenant, client_of: ClientOf, seen: StaffMember) -> None:
    client, path = client_of(acme), f"/people/staff/{seen.pk}/forget/"
    assert path in client.get(f"/people/staff/{seen.pk}/").content.decode()
    assert "cannot undo" in client.get(path).content.decode()
    for reason in ("", "   ", "x" * 301):
        assert client.post(path, {"reason": reason}).status_code == 200
    assert StaffMember.objects.filter(pk=seen.pk).exists()
    for role in (Role.SITE_MANAGER, Role.VIEWER):
        other = client_of(acme, role)
        assert path not in other.get(f"/people/staff/{seen.pk}/").content.decode()
        assert other.post(path, {"reason": "no right"}).status_code == 403
    assert StaffMember.objects.filter(pk=seen.pk).exists()


DELETABLE = ["cameras.camera", "cameras.site", "staff.staffmember", "visits.visitor"]


@pytest.mark.parametrize("label", DELETABLE)
@pytest.mark.parametrize("listed", [False, True])
def test_the_admin_asks_for_a_reason(
    acme: Tenant,
    client_of: ClientOf,
    camera: Camera,
    employee: StaffMember,
    make_visit: MakeVisit,
    label: str,
    listed: bool,
) -> None:
    rows: dict[str, Any] = {
        "cameras.site": type(camera.site).objects.create(name="Spare"),
        "staff.staffmember": employee,
        "visits.visitor": make_visit(camera).visitor,
    }
    rows["cameras.camera"] = Camera.objects.create(
        site=rows["cameras.site"], name="Spare", kind="usb", location="0"
    )
    if label == "cameras.site":
        rows["cameras.camera"].delete()
    row, name, client = rows[label], label.replace(".", "_"), client_of(acme)
    assert row is not None
    if listed:
        page = reverse(f"admin:{name}_changelist")
        ask = {"action": "delete_selected", "_selected_action": [str(row.pk)]}
    else:
        page, ask = reverse(f"admin:{name}_delete", args=[row.pk]), {}
    shown = client.post(page, ask) if listed else client.get(page)
    assert 'name="reason"' in shown.content.decode()
    for reason in ("", "  ", "x" * 301):
        answer = client.post(page, ask | {"post": "yes", "reason": reason})
        assert answer.status_code == 200
        assert "say why" in answer.content.decode()
        assert 'name="reason"' in answer.content.decode()
        assert type(row)._default_manager.filter(pk=row.pk).exists()
    client.post(page, ask | {"post": "yes", "reason": "moved away"})
    assert not type(row)._default_manager.filter(pk=row.pk).exists()
    seal()
    last = lines_of(acme).filter(verb="deleted", object_kind=label).order_by("-number")[0]
    assert last.reason == "moved away"
