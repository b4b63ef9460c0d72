"""What the log says: who did what, also where it was raw SQL, and never a secret."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone

from cameras.actions import save_camera
from cameras.models import Camera
from cameras.rules import Login
from staff.actions import accept_face
from staff.models import FaceImage, StaffMember
from tenants.access.actor import because
from tenants.actions import add_member
from tenants.audit import descriptions
from tenants.isolation.context import installation
from tenants.models import Activity, Membership, Tenant, User
from tenants.rules import Role
from tests.audit.conftest import Session
from tests.conftest import make_camera, template_of
from visits.models import Sighting, Visit, Visitor

Log = Callable[..., list[Activity]]


def said(lines: list[Activity]) -> list[str]:
    """The lines in words, without who said them."""
    return [descriptions.sentence(line).removeprefix(descriptions.who(line)).strip() for line in lines]


def sql(statement: str, *values: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


def test_a_row_is_followed_from_its_making_to_its_end(acme: Tenant, log: Log) -> None:
    person = StaffMember.objects.create(name="Ada", email="ada@acme.test")
    person.name, person.email = "Ada L.", "other@acme.test"
    person.save()
    person.save()  # changes nothing but updated_at
    person.delete()
    lines = log(acme, object_kind="staff.staffmember")
    assert said(lines) == [
        "created staff member Ada",
        "changed staff member Ada L.",
        "deleted staff member Ada L.",
    ]
    assert lines[1].changes == {"name": {"old": "Ada", "new": "Ada L."}, "email": {"changed": True}}
    assert "acme.test" not in json.dumps([line.changes for line in lines])


def test_raw_sql_is_seen_as_well(acme: Tenant, employee: StaffMember, log: Log) -> None:
    sql("UPDATE staff_staffmember SET active = false")
    sql("DELETE FROM staff_staffmember WHERE id = %s", employee.pk)
    update, deletion = log(acme, object_id=str(employee.pk))[1:]
    assert update.changes == {"active": {"old": True, "new": False}}
    assert deletion.verb == "deleted"


def test_whoever_types_sql_is_named_by_login(acme: Tenant, owner: Session) -> None:
    owner.execute("UPDATE public.tenants_tenant SET name = 'renamed' WHERE schema_name = 'acme'")
    owner.execute("DELETE FROM acme.visits_visitor")
    owner.execute("TRUNCATE acme.visits_visitor CASCADE")
    owner.execute("SET CONSTRAINTS ALL IMMEDIATE")
    lines = owner.execute(
        "SELECT actor_kind, actor_id, verb, object_label, database_role = session_user"
        " FROM tenants_activity WHERE tenant_id = %s ORDER BY number DESC LIMIT 20",
        [acme.pk],
    ).fetchall()
    login = owner.info.user
    assert ("database", login, "updated", "renamed", True) in lines
    assert ("database", login, "truncated", "", True) in lines


def test_a_rollback_leaves_no_line_and_no_gap(acme: Tenant, employee: StaffMember, log: Log) -> None:
    before = log(acme)[-1].number or 0
    with transaction.atomic():
        StaffMember.objects.create(name="Never")
        transaction.set_rollback(True)
    StaffMember.objects.create(name="Really")
    assert [(line.number, line.object_label) for line in log(acme, number__gt=before)] == [
        (before + 1, "Really")
    ]


def test_roles_are_followed_in_the_tenant_they_are_in(acme: Tenant, other: Tenant, log: Log) -> None:
    before = len(log(other))
    add_member(tenant=acme, email="grace@acme.test", role=Role.VIEWER)
    add_member(tenant=acme, email="grace@acme.test", role=Role.TENANT_ADMIN)
    line = log(acme)[-1]
    assert said([line]) == ["changed the role of grace@acme.test"]
    assert line.changes == {"role": {"old": "viewer", "new": "tenant_admin"}}
    with installation():
        Membership.objects.update(tenant=other)
    assert (
        log(acme)[-1].changes
        == log(other)[-1].changes
        == {"tenant_id": {"old": str(acme.pk), "new": str(other.pk)}}
    )
    assert len(log(other)) == before + 1


def test_what_workers_record_is_no_news_but_its_rewriting_is(
    acme: Tenant, camera: Camera, employee: StaffMember, make_visit: Callable[..., Sighting], log: Log
) -> None:
    start = log(acme)[-1].number
    sighting = make_visit(camera)
    Camera.objects.update(status="running", reported_at=timezone.now(), epoch=2)
    Visit.objects.update(last_seen_at=timezone.now(), sighting_count=3)
    Visitor.objects.update(last_seen_at=timezone.now(), template=template_of(1))
    assert log(acme, number__gt=start) == []
    sql("UPDATE visits_sighting SET decision = 'unsure', visitor_id = NULL")
    sql("DELETE FROM visits_sighting")
    rewritten, deleted = log(acme, number__gt=start)
    assert rewritten.changes == {
        "decision": {"old": "new_visitor", "new": "unsure"},
        "visitor_id": {"old": str(sighting.visitor_id)},
    }
    assert (deleted.verb, deleted.object_id) == ("deleted", str(sighting.pk))


def test_no_secret_and_no_face_is_ever_in_it(
    acme: Tenant, employee: StaffMember, make_visit: Callable[..., Sighting], log: Log
) -> None:
    camera = make_camera(
        location="rtsp://camera.acme.test/1", username="viewer-account", password="hunter2-pw"
    )
    camera.location = "rtsp://camera.acme.test/2"
    save_camera(camera=camera, by=None, login=Login("viewer-account", "hunter3-pw"))
    picture = FaceImage.objects.create(
        staff_member=employee, picture="key-of-picture", digest="digest-of-pixels"
    )
    accept_face(
        face_image=picture,
        box=[0.123] * 4,
        landmarks=[0.456] * 10,
        quality=0.9,
        embedding=template_of(1),
        pack="p",
    )
    with installation():
        user = User.objects.create_user("grace@acme.test", "first-password")
        user.set_password("second-password")
        user.save()
    visitor = make_visit(camera).visitor
    assert visitor is not None
    visitor.name, visitor.note = "Grace Hopper", "owes us money"
    visitor.save()
    visitor.delete()
    lines = [*log(acme), *log(None)]
    everything = json.dumps(
        [[line.changes, line.object_label, line.actor_label, line.reason] for line in lines]
    )
    with connection.cursor() as cursor:
        cursor.execute("SELECT password FROM cameras_cameracredential")
        stored = [user.password, *(row[0] for row in cursor.fetchall())]
    for secret in (
        *stored,
        "hunter",
        "viewer-account",
        "camera.acme.test",
        "first-password",
        "key-of-picture",
    ):
        assert secret not in everything
    for secret in ("digest-of", "0.123", "0.456", "\\\\x", "gAAAA", "Hopper", "owes us"):
        assert secret not in everything
    kinds = {line.object_kind: line for line in lines if line.verb == "updated"}
    assert kinds["cameras.cameracredential"].changes["password"] == {"changed": True}
    assert kinds["staff.faceimage"].changes["embedding"] == {"changed": True}
    assert kinds["tenants.user"].changes == {"password": {"changed": True}}
    assert kinds["visits.visitor"].changes == {"name": {"changed": True}, "note": {"changed": True}}


def test_forgetting_a_visitor_takes_a_reason_that_the_log_keeps(
    acme: Tenant,
    camera: Camera,
    client_of: Callable[..., Client],
    make_visit: Callable[..., Sighting],
    log: Log,
) -> None:
    visitor, client = make_visit(camera).visitor, client_of(acme)
    assert visitor is not None
    path = f"/people/visitors/{visitor.pk}/forget/"
    answer = client.post(path, {"reason": " "})
    assert "This field is required" in answer.content.decode()
    assert Visitor.objects.exists()
    client.post(path, {"reason": "erasure request"})
    (line,) = log(acme, verb="deleted", object_kind="visits.visitor")
    assert descriptions.sentence(line) == f"tenant_admin@acme.test deleted visitor {visitor.number}"
    assert line.reason == "erasure request"


def test_a_reason_is_one_of_a_certain_length(db: None) -> None:
    for reason in ("", "   ", "x" * 301):
        with pytest.raises(ValueError, match="1 to 300 characters"), because(reason):
            pass


def test_an_object_that_belongs_to_another_is_named_by_it(
    acme: Tenant, employee: StaffMember, camera: Camera, log: Log
) -> None:
    FaceImage.objects.create(staff_member=employee, picture="a", digest="b").delete()
    assert said(log(acme, object_kind="staff.faceimage"))[-1] == "deleted face picture Ada Lovelace"
    assert said(log(acme, object_kind="cameras.camera"))[-1] == "created camera Door Head office"
