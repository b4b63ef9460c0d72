"""Every admin page opens, shows only what the role may do, and writes through the actions."""

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from django.contrib.admin.sites import AdminSite
from django.test import Client
from django.urls import reverse
from PIL import Image

from cameras.models import Camera, Site
from cameras.queries import stored_login
from cameras.rules import Login
from staff.models import FaceImage, StaffMember
from tenants.admin import installation_admin, tenant_admin
from tenants.audit.queries import lines_of
from tenants.credentials.actions import create_key
from tenants.isolation.context import installation
from tenants.models import Tenant, User
from tenants.rules import MEMBER_ROLES, Role
from tests.audit.conftest import seal
from visits.merging.actions import merge_visitors
from visits.models import IdentityRejection, Merge, MergeProposal, Sighting, SightingDecision, Visitor
from workers.fleet.models import DeviceAssignment
from workers.fleet.registration import Introduction, register

OF_ALL_SITES = {"visits.mergeproposal", "visits.merge"}
"""What concerns people of all sites."""


def registered(site: AdminSite) -> list[str]:
    return sorted(model._meta.label_lower for model in site._registry)


@pytest.fixture
def everything(
    acme: Tenant, camera: Camera, employee: StaffMember, make_visit: Callable[..., Sighting]
) -> dict[str, Any]:
    """One row of each model that the admin shows."""
    FaceImage.objects.create(
        staff_member=employee, picture=f"{acme.pk}/enrolment/1.jpg", digest="0", status="refused", reason="no"
    )
    sighting = make_visit(camera, SightingDecision.NEW_VISITOR)
    first, second, gone = (make_visit(camera, face=face).visitor for face in (21, 22, 23))
    assert first is not None
    assert second is not None
    assert gone is not None
    low, high = sorted((first, second), key=lambda visitor: visitor.pk)
    return {
        "visits.mergeproposal": MergeProposal.objects.create(first=low, second=high, score=0.5),
        "visits.merge": merge_visitors(kept=first, gone=gone, by=None),
        "cameras.camera": camera,
        "cameras.site": camera.site,
        "staff.staffmember": employee,
        "visits.sighting": sighting,
        "visits.identityrejection": IdentityRejection.objects.create(
            person=first.pk, template=first.template, pack=first.pack, sighting=sighting
        ),
        "visits.visit": sighting.visit,
        "visits.visitor": sighting.visitor,
    }


def picture_file() -> io.BytesIO:
    file = io.BytesIO()
    noise = np.random.default_rng(1).integers(0, 255, (200, 200, 3), dtype=np.uint8)
    Image.fromarray(noise).save(file, "PNG")
    file.name = "portrait.png"
    file.seek(0)
    return file


@pytest.mark.parametrize("label", registered(tenant_admin))
@pytest.mark.parametrize("role", MEMBER_ROLES)
def test_list_and_detail_open_for_each_role(
    everything: dict[str, Any], acme: Tenant, client_of: Callable[..., Client], label: str, role: Role
) -> None:
    client, name = client_of(acme, role), label.replace(".", "_")
    expected = 403 if role is Role.SITE_MANAGER and label in OF_ALL_SITES else 200
    assert client.get(reverse(f"admin:{name}_changelist"), {"q": "a"}).status_code == expected
    detail = client.get(reverse(f"admin:{name}_change", args=[everything[label].pk]))
    assert detail.status_code == expected


def test_a_pair_is_merged_and_parted_again_by_hand(
    everything: dict[str, Any], acme: Tenant, client_of: Callable[..., Client]
) -> None:
    client, pair = client_of(acme), everything["visits.mergeproposal"]
    page = reverse("admin:visits_mergeproposal_changelist")
    kept, gone = sorted((pair.first, pair.second), key=lambda visitor: visitor.number)
    client.post(page, {"action": "merge", "_selected_action": [str(pair.pk)]})
    assert not Visitor.objects.filter(pk=gone.pk).exists()
    merge = Merge.objects.get(kept=kept.pk, gone__id=str(gone.pk))
    client.post(
        reverse("admin:visits_merge_changelist"), {"action": "undo", "_selected_action": [str(merge.pk)]}
    )
    assert Visitor.objects.filter(pk=gone.pk).exists()


def test_a_sighting_is_taken_from_a_person_by_hand(
    everything: dict[str, Any], acme: Tenant, client_of: Callable[..., Client]
) -> None:
    sighting = everything["visits.sighting"]
    asked = {"action": "not_them", "_selected_action": [str(sighting.pk)], "confirmed": "yes"}
    client_of(acme, Role.VIEWER).post(reverse("admin:visits_sighting_changelist"), asked)
    sighting.refresh_from_db()
    assert sighting.decision == SightingDecision.NEW_VISITOR
    client_of(acme).post(reverse("admin:visits_sighting_changelist"), asked)
    sighting.refresh_from_db()
    assert (sighting.decision, sighting.visitor) == (SightingDecision.UNSURE, None)


def test_a_viewer_may_not_write(
    everything: dict[str, Any], acme: Tenant, client_of: Callable[..., Client]
) -> None:
    client = client_of(acme, Role.VIEWER)
    for name in ("cameras_camera", "staff_staffmember"):
        assert client.get(reverse(f"admin:{name}_add")).status_code == 403


def test_a_camera_is_added_and_its_password_never_shown(
    camera: Camera, acme: Tenant, client_of: Callable[..., Client]
) -> None:
    client = client_of(acme)
    form = {
        "site": str(camera.site.pk),
        "name": "Back door",
        "kind": "rtsp",
        "location": "rtsp://127.0.0.1:9/back",
        "turn": "0",
        "username": "viewer",
        "password": "very secret",
    }
    assert client.post(reverse("admin:cameras_camera_add"), form).status_code == 302
    added = Camera.objects.get(name="Back door")
    assert stored_login(added.pk) == Login("viewer", "very secret")
    assert added.created_by is not None
    url = reverse("admin:cameras_camera_change", args=[added.pk])
    assert b"very secret" not in client.get(url).content
    assert client.post(url, form | {"username": "", "password": "", "name": "Rear door"}).status_code == 302
    added.refresh_from_db()
    assert added.name == "Rear door"
    assert stored_login(added.pk).password == "very secret"


def test_a_wrong_address_is_explained(camera: Camera, acme: Tenant, client_of: Callable[..., Client]) -> None:
    form = {"site": str(camera.site.pk), "name": "X", "kind": "rtsp", "location": "rtsp://me:pw@127.0.0.1/"}
    answer = client_of(acme).post(reverse("admin:cameras_camera_add"), form)
    assert answer.status_code == 200
    assert "Remove user and password from the address" in answer.content.decode()
    assert not Camera.objects.filter(name="X").exists()


def faces(**files: Any) -> dict[str, Any]:
    prefix = "face_images"
    return {
        "name": "Ada Lovelace",
        "active": "on",
        f"{prefix}-TOTAL_FORMS": "1",
        f"{prefix}-INITIAL_FORMS": "0",
        **{f"{prefix}-0-{key}": value for key, value in files.items()},
    }


def upload_field(client: Client, url: str) -> str:
    """The name of the inline's file field, as a browser finds it."""
    page = client.get(url).content.decode()
    start = page.index('type="file" name="face_images-0-') + len('type="file" name="face_images-0-')
    return page[start : page.index('"', start)]


def test_pictures_of_staff_are_uploaded_or_refused(
    employee: StaffMember, acme: Tenant, client_of: Callable[..., Client]
) -> None:
    client = client_of(acme)
    url = reverse("admin:staff_staffmember_change", args=[employee.pk])
    field = upload_field(client, url)
    broken = io.BytesIO(b"GIF89a no picture at all")
    broken.name = "broken.jpg"
    answer = client.post(url, faces(**{field: broken}))
    assert answer.status_code == 200
    assert "broken.jpg: This file is a GIF, which is not supported" in answer.content.decode()
    assert not employee.face_images.exists()
    assert client.post(url, faces(**{field: picture_file()})).status_code == 302
    assert employee.face_images.get().status == FaceImage.Status.PENDING


def test_a_picture_that_is_enrolled_already_is_told_at_once(
    employee: StaffMember, acme: Tenant, client_of: Callable[..., Client]
) -> None:
    client = client_of(acme)
    url = reverse("admin:staff_staffmember_change", args=[employee.pk])
    field = upload_field(client, url)
    client.post(url, faces(**{field: picture_file()}))
    again = client.post(url, faces(**{field: picture_file()}), follow=True).content.decode()
    assert "portrait.png: Ada Lovelace has this picture already. Nothing was stored." in again
    twin = StaffMember.objects.create(name="Bob Twin")
    url = reverse("admin:staff_staffmember_change", args=[twin.pk])
    form = faces(**{field: picture_file()}) | {"name": "Bob Twin"}
    told = client.post(url, form, follow=True).content.decode()
    assert "portrait.png: The same picture is enrolled for Ada Lovelace" in told
    assert "1: resembles another person" in told
    assert f"/people/staff/{twin.pk}/" in told
    assert twin.face_images.get().status == FaceImage.Status.HELD
    row = client.get(url).content.decode()
    assert "The same picture is enrolled for Ada Lovelace" in row


@pytest.mark.parametrize("label", registered(installation_admin))
def test_the_installation_has_an_admin_of_its_own(acme: Tenant, label: str) -> None:
    client = Client(SERVER_NAME="localhost")
    with installation():
        user = User.objects.create_superuser("root@installation.test", "x")
        client.force_login(user)
        public = Tenant.objects.get(schema_name="public")
        key, _ = create_key(
            tenant=public, name="w1", role=Role.WORKER, scopes=["worker"], worker="w1", by=None
        )
        device = DeviceAssignment.objects.create(host="gate", device=0, tenant=acme)
        worker = register(introduction=Introduction(name="w1", capacity=8, host="gate"))
    name = label.replace(".", "_")
    urls = "facetrack.urls_public"
    assert client.get(reverse(f"installation_admin:{name}_changelist", urlconf=urls)).status_code == 200
    seal()
    row: Any = {
        "tenants.activity": lines_of(None).first(),
        "tenants.apikey": key,
        "tenants.tenant": acme,
        "tenants.user": user,
        "workers.deviceassignment": device,
        "workers.worker": worker,
    }[label]
    detail = reverse(f"installation_admin:{name}_change", urlconf=urls, args=[row.pk])
    assert client.get(detail).status_code == 200


def test_it_is_closed_to_members_of_customers(
    acme: Tenant, client_of: Callable[..., Client], member_of: Any
) -> None:
    client = Client(SERVER_NAME="localhost")
    with installation():
        client.force_login(member_of(acme, Role.TENANT_ADMIN))
    answer = client.get("/admin/tenants/tenant/")
    assert answer.status_code == 302
    assert "login" in answer.headers["Location"]


def test_a_site_has_a_real_time_zone(acme: Tenant, client_of: Callable[..., Client]) -> None:
    form = {"name": "Moon base", "time_zone": "Moon/Tranquility", "reentry_seconds": "60"}
    answer = client_of(acme).post(reverse("admin:cameras_site_add"), form)
    assert "This is not a time zone" in answer.content.decode()
    assert not Site.objects.filter(name="Moon base").exists()


def test_who_runs_the_installation_cannot_become_a_member(acme: Tenant, member_of: Any) -> None:
    victim = member_of(acme, Role.TENANT_ADMIN)
    client = Client(SERVER_NAME="localhost")
    with installation():
        root = User.objects.create_superuser("root@installation.test", "x")
        client.force_login(root)
    before = victim.password
    with installation():
        nobody = User.objects.create_user("prepared@acme.test", "before before")
    answer = client.post(
        f"/admin/tenants/user/{nobody.pk}/password/", {"password1": "known by me", "password2": "known by me"}
    )
    assert answer.status_code == 403, "an account that may become a member"
    page = f"/admin/tenants/user/{victim.pk}"
    answer = client.post(f"{page}/password/", {"password1": "mine now mine", "password2": "mine now mine"})
    assert answer.status_code == 403
    client.post(f"{page}/change/", {"email": "root2@installation.test", "name": "X", "is_active": "on"})
    rows = {
        "memberships-TOTAL_FORMS": "1",
        "memberships-INITIAL_FORMS": "0",
        "memberships-0-user": str(root.pk),
    }
    rows |= {"memberships-0-role": "tenant_admin", "domains-TOTAL_FORMS": "0", "domains-INITIAL_FORMS": "0"}
    client.post(f"/admin/tenants/tenant/{acme.pk}/change/", {"name": "acme"} | rows)
    client.post("/admin/tenants/user/", {"action": "delete_selected", "_selected_action": str(victim.pk)})
    with installation():
        victim.refresh_from_db()
        assert (victim.email, victim.password) == ("tenant_admin@acme.test", before)
        nobody.refresh_from_db()
        assert nobody.check_password("before before")
        assert victim.name == "X"
        assert not root.memberships.exists()


def test_what_a_customer_decides_the_installation_only_sees(acme: Tenant) -> None:
    client = Client(SERVER_NAME="localhost")
    with installation():
        client.force_login(User.objects.create_superuser("root@installation.test", "x"))
        Tenant.objects.filter(pk=acme.pk).update(second_factor_required=True, visitors_shared=False)
    page = f"/admin/tenants/tenant/{acme.pk}/change/"
    text = client.get(page).content.decode()
    assert 'name="second_factor_required"' not in text
    assert 'name="visitors_shared"' not in text
    form = {"name": "Acme", "visitors_shared": "on", "schema_name": "other"}
    for prefix in ("limits", "memberships", "domains"):
        form |= {f"{prefix}-TOTAL_FORMS": "0", f"{prefix}-INITIAL_FORMS": "0"}
    assert client.post(page, form).status_code == 302
    acme.refresh_from_db()
    assert (acme.name, acme.second_factor_required, acme.visitors_shared) == ("Acme", True, False)
    assert acme.schema_name == "acme"
