"""A camera's login: encrypted, shown to nobody, and never sent to an address it was not entered for."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from cameras.models import Camera, CameraCredential, Site
from cameras.queries import stored_login
from cameras.rules import Login
from tenants.models import Tenant
from tenants.rules import Role
from tests.api.answers import V1, problem
from tests.conftest import make_camera

ClientOf = Callable[..., Client]
STORED = Login("operator7", "hunter2")


@pytest.fixture
def locked(acme: Tenant) -> Camera:
    return make_camera(location="rtsp://10.0.0.7/door", username=STORED.username, password=STORED.password)


@pytest.fixture
def api(acme: Tenant, client_of: ClientOf) -> Client:
    return client_of(acme, kind=APIClient)


def form_of(camera: Camera, **changed: str) -> dict[str, str]:
    row = {"site": str(camera.site_id), "name": camera.name, "kind": camera.kind, "location": camera.location}
    return row | {"turn": "0", "username": "", "password": ""} | changed


def test_the_database_sees_neither(locked: Camera) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT username || password FROM cameras_cameracredential")
        text = cursor.fetchone()[0]
    assert "operator7" not in text
    assert "hunter2" not in text


@pytest.mark.parametrize(
    "body",
    [
        {"location": "rtsp://203.0.114.9/door"},
        {"location": "rtsp://10.0.0.7:8554/door"},
        {"location": "rtsp://10.0.0.7/other"},
        {"kind": "http", "location": "http://10.0.0.7/door"},
        {"location": "rtsp://10.0.0.8/door", "username": "me"},
    ],
)
def test_another_address_needs_the_login_again(api: APIClient, locked: Camera, body: dict[str, str]) -> None:
    """Otherwise whoever may edit cameras reads the password at a host of their own."""
    path = f"{V1}/cameras/{locked.pk}/"
    refused = problem(api.patch(path, body), 400, field="password")
    assert "hunter2" not in str(refused)
    locked.refresh_from_db()
    assert locked.location == "rtsp://10.0.0.7/door"
    changed = api.patch(path, body | {"username": "new", "password": "other"})
    assert changed.status_code == 200, changed.content
    assert stored_login(locked.pk) == Login("new", "other")


def test_it_can_be_given_up_with_the_address(api: APIClient, locked: Camera) -> None:
    body = {"location": "rtsp://10.0.0.8/door", "username": "", "password": ""}
    assert api.patch(f"{V1}/cameras/{locked.pk}/", body).json()["has_login"] is False
    assert not CameraCredential.objects.exists()


def test_a_change_of_anything_else_keeps_it(api: APIClient, locked: Camera) -> None:
    assert api.patch(f"{V1}/cameras/{locked.pk}/", {"name": "Gate"}).json()["has_login"] is True
    assert stored_login(locked.pk) == STORED


def test_the_admin_asks_for_it_too(acme: Tenant, client_of: ClientOf, locked: Camera) -> None:
    client, url = client_of(acme), reverse("admin:cameras_camera_change", args=[locked.pk])
    page = client.get(url).content.decode()
    assert "operator7" not in page
    assert "hunter2" not in page
    refused = client.post(url, form_of(locked, location="rtsp://10.0.0.8/door")).content.decode()
    assert "Enter it again" in refused
    assert stored_login(locked.pk) == STORED
    given = form_of(locked, location="rtsp://10.0.0.8/door", username="a", password="b")
    assert client.post(url, given).status_code == 302
    assert stored_login(locked.pk) == Login("a", "b")
    assert client.post(url, given | {"username": "", "password": "", "forget_login": "on"}).status_code == 302
    assert stored_login(locked.pk) == Login("", "")


def test_a_login_typed_into_the_address_is_refused_and_not_repeated(
    acme: Tenant, client_of: ClientOf, api: APIClient, camera: Camera
) -> None:
    for location in ("rtsp://me:hunter2@10.0.0.8/", "rtsp://10.0.0.8/?user=me&pwd=hunter2"):
        form = form_of(camera, name="X", location=location)
        page = client_of(acme).post(reverse("admin:cameras_camera_add"), form)
        assert page.status_code == 200
        assert "hunter2" not in page.content.decode()
        answer = api.patch(f"{V1}/cameras/{camera.pk}/", {"location": location})
        assert "hunter2" not in str(problem(answer, 400, field="location"))
    body = {"location": "rtsp://10.0.0.8/?user={username}&pwd={password}", "username": "me", "password": "pw"}
    assert api.patch(f"{V1}/cameras/{camera.pk}/", body).status_code == 200


def test_where_private_cameras_may_be_is_the_administrators_affair(
    acme: Tenant, client_of: ClientOf, camera: Camera
) -> None:
    site, path = camera.site, f"{V1}/sites/{camera.site_id}/"
    manager = client_of(acme, Role.SITE_MANAGER, kind=APIClient)
    problem(manager.patch(path, {"networks": ["192.168.0.0/16"]}), 403)
    admin = client_of(acme, kind=APIClient)
    assert admin.patch(path, {"networks": ["10.0.0.7/24"]}).json()["networks"] == ["10.0.0.0/24"]
    problem(admin.patch(path, {"networks": ["8.8.8.8"]}), 400, field="networks")
    url = reverse("admin:cameras_site_change", args=[site.pk])
    form = {
        "name": site.name,
        "time_zone": "UTC",
        "reentry_seconds": "60",
        "networks": "10.0.0.0/24,10.9.0.0/16",
    }
    client_of(acme, Role.SITE_MANAGER).post(url, form)
    assert Site.objects.get().networks == ["10.0.0.0/24"]
    client_of(acme).post(url, form)
    assert Site.objects.get().networks == ["10.0.0.0/24", "10.9.0.0/16"]


def test_a_camera_elsewhere_in_the_private_network_is_refused(api: APIClient, camera: Camera) -> None:
    body: dict[str, Any] = {"site": str(camera.site_id), "name": "Y", "kind": "rtsp"}
    refused = problem(
        api.post(f"{V1}/cameras/", body | {"location": "rtsp://192.168.7.7/x"}), 400, field="location"
    )
    assert "not in a network of its site" in str(refused["errors"])
    made = api.post(f"{V1}/cameras/", body | {"location": "rtsp://10.7.7.7/x"})
    assert made.status_code == 201
    assert stored_login(UUID(made.json()["id"])) == Login("", "")
