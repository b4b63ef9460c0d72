"""What a customer may have is limited in every way in; what is there stays; two never share a last place."""

import io
import threading
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.db import ProgrammingError, connections, transaction
from django.test import Client
from django_tenants.utils import tenant_context
from PIL import Image
from pytest_django.plugin import DjangoDbBlocker
from rest_framework.test import APIClient

from cameras.actions import save_site
from cameras.models import Camera, Site
from facetrack.core import objects
from facetrack.core.images import clean_pixels
from staff.actions import add_face_image, add_face_images, save_staff_member
from staff.models import FaceImage, StaffMember
from tenants.actions import add_member, create_tenant
from tenants.isolation.context import inside, installation
from tenants.isolation.owner import as_owner
from tenants.isolation.quotas import QuotaExceeded, Resource, quotas, require_room
from tenants.models import Membership, Tenant, TenantLimits, TenantUsage, User
from tenants.rules import Role
from tests.api.answers import V1, problem
from tests.conftest import drop_further_tenants, make_camera

SAID = "or ask FaceTrack's operators to raise the limit"


@pytest.fixture
def api(acme: Tenant, client_of: Callable[..., APIClient]) -> APIClient:
    return client_of(acme, kind=APIClient)


def limited(tenant: Tenant, **limits: int) -> None:
    with installation():
        TenantLimits.objects.update_or_create(tenant=tenant, defaults=limits)


def picture(shade: int = 120) -> bytes:
    data = io.BytesIO()
    Image.new("RGB", (64, 64), (shade, shade, shade)).save(data, "PNG")
    return data.getvalue()


def bodies(acme: Tenant) -> dict[Resource, tuple[str, dict[str, Any]]]:
    """What makes one more of each, over the API."""
    site = Site.objects.first() or Site.objects.create(name="Head office")
    ada = StaffMember.objects.first() or StaffMember.objects.create(name="Ada")
    return {
        Resource.CAMERAS: ("cameras/", {"site": str(site.pk), "name": "One", "kind": "usb", "location": "0"}),
        Resource.SITES: ("sites/", {"name": "One"}),
        Resource.STAFF: ("staff/", {"name": "One"}),
        Resource.MEMBERS: ("members/", {"email": "one@acme.test", "role": "viewer"}),
        Resource.API_KEYS: ("keys/", {"name": "One", "role": "viewer", "scopes": ["read"]}),
        Resource.PICTURES: (f"staff/{ada.pk}/faces/", {}),
        Resource.STORAGE: (f"staff/{ada.pk}/faces/", {}),
    }


@pytest.mark.parametrize("resource", list(Resource))
def test_one_more_than_the_limit_is_refused_and_one_less_is_not(
    acme: Tenant, api: APIClient, resource: Resource
) -> None:
    path, body = bodies(acme)[resource]
    used = next(quota.used for quota in quotas(acme) if quota.resource is resource)

    def asked() -> Any:
        if resource in (Resource.PICTURES, Resource.STORAGE):
            upload = {"picture": SimpleUploadedFile("a.png", picture(), "image/png")}
            return api.post(f"{V1}/{path}", upload, format="multipart")
        return api.post(f"{V1}/{path}", body)

    limited(acme, **{resource.value: used})
    refusal = problem(asked(), 409)
    assert refusal["code"] == "quota_exceeded"
    assert f"Your organisation has {used} of {used} " in refusal["detail"]
    assert SAID in refusal["detail"]
    limited(acme, **{resource.value: used + 1})
    assert asked().status_code == 201


def test_a_lowered_limit_breaks_nothing_that_is_there(acme: Tenant, api: APIClient) -> None:
    camera, ada = make_camera(), StaffMember.objects.create(name="Ada")
    limited(acme, **{resource.value: 0 for resource in Resource})
    assert api.patch(f"{V1}/cameras/{camera.pk}/", {"name": "Gate"}).status_code == 200
    assert api.patch(f"{V1}/sites/{camera.site_id}/", {"name": "Branch"}).status_code == 200
    assert api.patch(f"{V1}/staff/{ada.pk}/", {"name": "Ada B."}).status_code == 200
    assert (
        api.delete(f"{V1}/cameras/{camera.pk}/", headers={"X-Reason": "no longer needed"}).status_code == 204
    )


def test_the_settings_hold_for_whoever_has_no_limit_of_its_own(
    acme: Tenant, other: Tenant, settings: Any
) -> None:
    settings.FACETRACK_MAX_SITES = 0
    limited(acme, sites=1)
    save_site(site=Site(name="One"), by=None)
    with tenant_context(other), pytest.raises(QuotaExceeded, match="0 of 0 sites"):
        save_site(site=Site(name="One"), by=None)


def test_a_customer_cannot_raise_its_own_limit(acme: Tenant, other: Tenant) -> None:
    limited(acme, sites=1)
    limited(other, sites=1)
    with tenant_context(acme):
        assert TenantLimits.objects.count() == 1
        with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
            TenantLimits.objects.update(sites=99)


def test_the_admin_refuses_with_what_was_typed_still_there(
    acme: Tenant, client_of: Callable[..., Client]
) -> None:
    limited(acme, sites=0, staff=0, cameras=0)
    client = client_of(acme)
    answer = client.post(
        "/admin/cameras/site/add/", {"name": "Typed", "time_zone": "UTC", "reentry_seconds": 9}
    )
    assert answer.status_code == 200
    text = answer.content.decode()
    assert "0 of 0 sites" in text
    assert 'value="Typed"' in text
    inline = {f"face_images-{name}": "0" for name in ("TOTAL_FORMS", "INITIAL_FORMS")}
    text = client.post("/admin/staff/staffmember/add/", {"name": "Typed", **inline}).content.decode()
    assert "0 of 0 staff members" in text
    text = client.post("/admin/cameras/camera/add/", {"name": "Typed"}).content.decode()
    assert "0 of 0 cameras" in text
    assert not Site.objects.exists()


def test_pictures_of_a_form_are_all_kept_or_none(
    acme: Tenant, client_of: Callable[..., Client], employee: StaffMember
) -> None:
    """Nothing is left of the one that fitted: no row, no file, no byte counted."""
    limited(acme, pictures=1)
    before = objects.total(acme.pk)
    form = {
        "name": "Renamed", "active": "on",
        "face_images-TOTAL_FORMS": "2", "face_images-INITIAL_FORMS": "0",
        "face_images-0-upload": SimpleUploadedFile("a.png", picture(10), "image/png"),
        "face_images-1-upload": SimpleUploadedFile("b.png", picture(200), "image/png"),
    }  # fmt: skip
    path = f"/admin/staff/staffmember/{employee.pk}/change/"
    answer = client_of(acme).post(path, form, follow=True)
    assert "1 of 1 staff pictures" in answer.content.decode()
    with tenant_context(acme):
        assert not FaceImage.objects.exists()
        employee.refresh_from_db()
        assert employee.name == "Ada Lovelace"
        assert objects.total(acme.pk) == before
        assert not TenantUsage.objects.filter(stored_bytes__gt=0).exists()


def test_a_command_says_so_too(acme: Tenant, tmp_path: Path, employee: StaffMember) -> None:
    limited(acme, staff=1, members=0)
    (tmp_path / "Grace Hopper").mkdir()
    said = StringIO()
    with pytest.raises(CommandError, match=r"1 folder\(s\)"):
        call_command("enrol", str(tmp_path), "--tenant", "acme", stderr=said)
    assert "1 of 1 staff members" in said.getvalue()
    with pytest.raises(QuotaExceeded, match="members"):
        add_member(tenant=acme, email="new@acme.test", role=Role.VIEWER)


def test_the_members_page_says_so(acme: Tenant, client_of: Callable[..., Client]) -> None:
    client = client_of(acme)
    limited(acme, members=1)
    text = client.post("/members/", {"email": "new@acme.test", "role": "viewer"}).content.decode()
    assert "has 1 of 1 members" in text
    with installation():
        assert Membership.objects.filter(tenant=acme).count() == 1


def test_who_is_a_member_already_is_no_growth(
    acme: Tenant, member_of: Callable[..., User], client_of: Callable[..., Client]
) -> None:
    member_of(acme, Role.VIEWER)
    limited(acme, members=1)
    again = add_member(tenant=acme, email="viewer@acme.test", role=Role.SITE_MANAGER)
    assert again.email == "viewer@acme.test"


def test_what_is_used_is_shown(
    acme: Tenant, api: APIClient, client_of: Callable[..., Client], camera: Camera
) -> None:
    limited(acme, cameras=2)
    body = api.get(f"{V1}/usage/").json()
    shown = {one["resource"]: (one["used"], one["limit"]) for one in body["quotas"]}
    assert shown["cameras"] == (1, 2)
    assert set(shown) == {resource.value for resource in Resource}
    assert (body["pictures_left_out"], body["storage_full_since"]) == (0, None)
    page = client_of(acme).get("/settings/").content.decode()
    assert "1 of 2" in page
    assert "<meter" in page


@pytest.mark.parametrize("role", [Role.SITE_MANAGER, Role.VIEWER])
def test_what_is_used_is_for_administrators(
    acme: Tenant, client_of: Callable[..., APIClient], role: Role
) -> None:
    assert client_of(acme, role, kind=APIClient).get(f"{V1}/usage/").status_code == 403


def test_the_operator_sets_limits_and_sees_what_is_used(
    acme: Tenant, camera: Camera, django_user_model: Any
) -> None:
    with installation():
        user = django_user_model.objects.create_user("root@installation.test", is_staff=True)
        client = Client(SERVER_NAME="localhost")
        client.force_login(user)
    path = f"/admin/tenants/tenant/{acme.pk}/change/"
    with installation():
        domain = acme.domains.get()
    form = {
        "name": "acme", "limits-TOTAL_FORMS": "1", "limits-INITIAL_FORMS": "0",
        "limits-0-tenant": str(acme.pk), "limits-0-cameras": "7",
        "domains-TOTAL_FORMS": "1", "domains-INITIAL_FORMS": "1", "domains-0-id": str(domain.pk),
        "domains-0-tenant": str(acme.pk), "domains-0-domain": domain.domain, "domains-0-is_primary": "on",
        "memberships-TOTAL_FORMS": "0", "memberships-INITIAL_FORMS": "0",
        "visitors_shared": "on",
    }  # fmt: skip
    assert client.post(path, form).status_code == 302
    with installation():
        assert TenantLimits.objects.get(tenant=acme).cameras == 7
    assert "1/7 cameras" in client.get("/admin/tenants/tenant/").content.decode()


def test_a_quota_outside_of_a_transaction_is_a_fault_of_ours(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker
) -> None:
    with django_db_blocker.unblock(), installation():
        acme = Tenant.objects.get(schema_name="acme")
        with pytest.raises(transaction.TransactionManagementError):
            require_room(acme, Resource.MEMBERS)


@pytest.fixture
def committed(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Tenant]:
    """A tenant of its own, whose rows every connection sees: the activity log of one keeps what was done."""
    with django_db_blocker.unblock():
        try:
            with as_owner():
                made = create_tenant(name="Globex", host="globex.localhost")
            yield made
        finally:
            drop_further_tenants()


def at_once(work: Callable[[int], object], count: int) -> list[object]:
    """What came of the same work in several threads, all begun together; exceptions as they are."""
    ready, found = threading.Barrier(count, timeout=30), list[object]()

    def run(number: int) -> None:
        try:
            ready.wait()
            found.append(work(number))
        except QuotaExceeded as refusal:
            found.append(refusal)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def test_of_many_at_the_last_places_only_as_many_as_fit_get_in(committed: Tenant) -> None:
    limited(committed, staff=2)

    def hire(number: int) -> object:
        with inside(committed):
            return save_staff_member(member=StaffMember(name=f"Number {number}"), by=None)

    came = at_once(hire, 5)
    assert sum(isinstance(one, QuotaExceeded) for one in came) == 3
    with inside(committed):
        assert StaffMember.objects.count() == 2


def test_of_many_pictures_at_once_no_more_bytes_are_kept_than_fit(committed: Tenant) -> None:
    """Noise that weighs about 0.4 MB each; there is room for two."""
    limited(committed, storage_megabytes=1)
    dice = np.random.default_rng(1)
    pictures = [dice.integers(0, 255, (600, 600, 3), dtype=np.uint8) for _ in range(4)]
    with inside(committed):
        ada = StaffMember.objects.create(name="Ada")

    def enrol(number: int) -> object:
        with inside(committed):
            return add_face_image(member=ada, picture=clean_pixels(pictures[number]), by=None)

    came = at_once(enrol, 4)
    kept = [one for one in came if isinstance(one, FaceImage)]
    assert kept
    assert len(kept) < 4
    with inside(committed):
        stored = TenantUsage.objects.get(tenant=committed).stored_bytes
        assert stored == sum(objects.size(committed.pk, one.picture, bucket=objects.RAW) for one in kept)
        assert stored <= 1_000_000
        for one in kept:
            objects.delete(committed.pk, one.picture, bucket=objects.RAW)


def test_all_or_none_of_several_pictures(acme: Tenant, employee: StaffMember) -> None:
    limited(acme, pictures=2)
    dice = np.random.default_rng(2)
    pictures = [clean_pixels(dice.integers(0, 255, (32, 32, 3), dtype=np.uint8)) for _ in range(3)]
    before = objects.total(acme.pk)
    with pytest.raises(QuotaExceeded):
        add_face_images(member=employee, pictures=pictures, by=None)
    assert (FaceImage.objects.count(), objects.total(acme.pk)) == (0, before)
    add_face_images(member=employee, pictures=pictures[:2], by=None)
    assert FaceImage.objects.count() == 2
