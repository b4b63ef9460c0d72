"""A refused request tells all its faults at once, each with a place and a code; conflicts are told apart."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from cameras.actions import end_run, set_enabled
from cameras.models import Camera
from staff.models import FaceImage, StaffMember
from tenants.credentials.actions import create_key
from tenants.models import Tenant
from tenants.rules import Role
from tests.api.answers import TOKEN, V1, problem, results
from tests.api.test_uploads import upload
from tests.conftest import make_camera
from tests.hostile_pictures import saved


def places(answer: Any, status: int = 400) -> dict[str, str]:
    """Pointer to code of each fault."""
    return {fault["pointer"]: fault["code"] for fault in problem(answer, status)["faults"]}


def test_a_body_is_refused_for_all_its_faults(api: APIClient, camera: Camera) -> None:
    body = {
        "site": str(camera.site_id),
        "name": "",
        "kind": "http",
        "location": "not an address",
        "fps": 1000,
        "zones": "everywhere",
        "detector": "yolo",
        "status": "running",
        "naem": "Door",
    }
    found = places(api.post(f"{V1}/cameras/", body))
    assert found["/name"] == "blank"
    assert found["/fps"] == "max_value"
    assert found["/status"] == "read_only"
    assert found["/naem"] == "unknown"
    assert {"/location", "/zones", "/detector"} <= set(found)
    assert Camera.objects.count() == 1


def test_a_pointer_leads_into_the_body(acme: Tenant, api: APIClient) -> None:
    body = {"name": "Door", "role": "viewer", "scopes": ["read", "x" * 61], "sites": ["y"]}
    assert set(places(api.post(f"{V1}/keys/", body))) == {"/scopes/1", "/sites/0"}
    assert places(api.post(f"{V1}/sites/", {"name": "A", "a/b~c": 1})) == {"/a~1b~0c": "unknown"}
    assert set(places(api.post(f"{V1}/sites/", []))) == {""}


@pytest.mark.parametrize("path", [TOKEN, f"{V1}/auth/logout/", f"{V1}/auth/key-token/"])
def test_bodies_without_rows_are_as_strict(nobody: APIClient, path: str) -> None:
    assert places(nobody.post(path, {"naem": 1}))["/naem"] == "unknown"


def test_a_taken_name_is_a_conflict(api: APIClient, camera: Camera) -> None:
    again = {"name": camera.site.name}
    assert places(api.post(f"{V1}/sites/", again), 409) == {"/name": "unique"}
    assert set(places(api.post(f"{V1}/sites/", again | {"time_zone": "Mars"}))) == {"/name", "/time_zone"}


def test_the_last_administrator_is_kept_by_a_conflict_whatever_the_method(api: APIClient) -> None:
    (row,) = results(api.get(f"{V1}/members/"))
    path = f"{V1}/members/{row['id']}/"
    for answer in (api.delete(path), api.patch(path, {"role": "viewer"})):
        assert problem(answer, 409)["code"] == "conflict"


@pytest.mark.parametrize("scope", ["cameras.view_nonsense", "staff.fly_staffmember"])
def test_a_scope_that_opens_nothing_is_refused(api: APIClient, scope: str) -> None:
    body = {"name": "Door", "role": "viewer", "scopes": [scope]}
    assert set(places(api.post(f"{V1}/keys/", body))) == {"/scopes"}


def keyed(tenant: Tenant, *scopes: str, role: Role = Role.TENANT_ADMIN) -> APIClient:
    _, text = create_key(tenant=tenant, name="door", role=role, scopes=scopes, by=None)
    return APIClient(SERVER_NAME="acme.localhost", HTTP_AUTHORIZATION=f"Api-Key {text}")


def test_a_key_is_told_which_scope_it_lacks(acme: Tenant, camera: Camera) -> None:
    refused = problem(keyed(acme, "read").post(f"{V1}/sites/", {"name": "New"}), 403)
    assert refused["code"] == "scope_missing"
    assert "write or cameras.add_site" in refused["detail"]
    refused = problem(keyed(acme, "write", role=Role.VIEWER).post(f"{V1}/sites/", {"name": "New"}), 403)
    assert "role of this key, viewer" in refused["detail"]


def test_an_enrol_key_reads_what_became_of_its_own_uploads(acme: Tenant, employee: StaffMember) -> None:
    client, faces = keyed(acme, "enrol"), f"{V1}/staff/{employee.pk}/faces/"
    FaceImage.objects.all().delete()
    other = FaceImage.objects.create(staff_member=employee, picture="none.jpg", digest="d")
    sent = client.post(faces, {"picture": upload(saved("JPEG"))}, format="multipart")
    assert sent.status_code == 201, sent.content
    mine = sent.json()["id"]
    assert client.get(f"{faces}{mine}/").json()["status"] == "pending"
    assert [row["id"] for row in results(client.get(faces))] == [mine]
    problem(client.get(f"{faces}{other.pk}/"), 404)
    problem(keyed(acme, "enrol").get(f"{faces}{mine}/"), 404)
    problem(client.get(f"{V1}/staff/"), 403)
    problem(client.delete(f"{faces}{mine}/"), 403)


def failed(**values: Any) -> Camera:
    return make_camera("Failed", status=Camera.Status.ERROR, status_detail="No route.", **values)


def test_a_stopped_camera_has_no_error(acme: Tenant, api: APIClient) -> None:
    stopped = set_enabled(camera=failed(enabled=True), enabled=False, by=None)
    assert (stopped.status, stopped.status_detail) == ("stopped", "")
    Camera.objects.update(enabled=True, status="error", status_detail="No route.")
    answer = api.patch(f"{V1}/cameras/{stopped.pk}/", {"enabled": False}).json()
    assert (answer["status"], answer["status_detail"]) == ("stopped", "")


def test_a_run_that_ends_after_its_camera_was_stopped_leaves_no_error(acme: Tenant) -> None:
    camera = make_camera("Slow", epoch=3, status=Camera.Status.RUNNING)
    end_run(camera_id=camera.pk, epoch=3, status=Camera.Status.ERROR, now=camera.created_at, detail="Away.")
    camera.refresh_from_db()
    assert (camera.status, camera.status_detail) == ("stopped", "")


def test_a_snapshot_of_a_stopped_camera_says_so(api: APIClient, camera: Camera) -> None:
    refused = problem(api.get(f"{V1}/cameras/{camera.pk}/snapshot/"), 409)
    assert "is stopped" in refused["detail"]
