"""The cameras' page: what each is doing in one word, and the switch."""

from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from cameras.models import Camera
from tenants.models import Tenant
from tenants.rules import Role
from tests.api.answers import V1
from tests.conftest import make_camera

ClientOf = Callable[..., Client]


@pytest.mark.parametrize("role", [Role.TENANT_ADMIN, Role.SITE_MANAGER])
def test_who_may_switch(acme: Tenant, client_of: ClientOf, camera: Camera, role: Role) -> None:
    client = client_of(acme, role)
    started = client.post(f"/cameras/{camera.pk}/start/", follow=True).content.decode()
    assert "Door (Head office) is enabled, but no worker is available for it: start one" in started
    camera.refresh_from_db()
    assert camera.enabled
    assert camera.updated_by is not None
    stopped = client.post(f"/cameras/{camera.pk}/stop/", follow=True).content.decode()
    assert "Door (Head office) is stopped." in stopped
    camera.refresh_from_db()
    assert not camera.enabled


def test_a_viewer_may_not(acme: Tenant, client_of: ClientOf, camera: Camera) -> None:
    client = client_of(acme, Role.VIEWER)
    assert "/start/" not in client.get("/cameras/").content.decode()
    assert client.post(f"/cameras/{camera.pk}/start/").status_code == 403
    camera.refresh_from_db()
    assert not camera.enabled


def test_switching_is_a_post(acme: Tenant, client_of: ClientOf, camera: Camera) -> None:
    assert client_of(acme).get(f"/cameras/{camera.pk}/start/").status_code == 405


def test_htmx_gets_the_rows_back(acme: Tenant, client_of: ClientOf, camera: Camera) -> None:
    answer = client_of(acme).post(f"/cameras/{camera.pk}/start/", headers={"HX-Request": "true"})
    assert f"/cameras/{camera.pk}/stop/" in answer.content.decode()
    assert "Being assigned" in answer.content.decode()


def test_an_unknown_camera_is_not_found(acme: Tenant, client_of: ClientOf) -> None:
    assert client_of(acme).post(f"/cameras/{uuid4()}/start/").status_code == 404


@pytest.mark.parametrize(
    ("enabled", "status", "silent", "label"),
    [
        (False, Camera.Status.STOPPED, 0, "Stopped"),
        (False, Camera.Status.RUNNING, 1, "Stopping"),
        (False, Camera.Status.RUNNING, 60, "Stopped"),
        (False, Camera.Status.ENDED, 60, "Played to its end"),
        (True, Camera.Status.STOPPED, 1, "Being assigned"),
        (True, Camera.Status.STARTING, 1, "Starting"),
        (True, Camera.Status.RUNNING, 1, "Running"),
        (True, Camera.Status.RUNNING, 60, "Waiting for a worker"),
        (True, Camera.Status.ERROR, 1, "Error"),
    ],
)
def test_a_status_is_believed_only_while_somebody_confirms_it(
    acme: Tenant, client_of: ClientOf, enabled: bool, status: Camera.Status, silent: int, label: str
) -> None:
    camera, heard = make_camera(), timezone.now() - timedelta(seconds=silent)
    Camera.objects.filter(pk=camera.pk).update(
        enabled=enabled, status=status, reported_at=heard, last_frame_at=heard, updated_at=heard
    )
    state = client_of(acme).get("/cameras/").context["states"][0]
    assert state.label == label


def test_an_error_says_what_to_do(acme: Tenant, client_of: ClientOf) -> None:
    make_camera(
        enabled=True,
        status=Camera.Status.ERROR,
        reported_at=timezone.now(),
        status_detail="refused: check the password",
    )
    client = client_of(acme)
    assert "refused: check the password" in client.get("/cameras/").content.decode()
    assert "Error" in client.get("/", headers={"HX-Request": "true"}).content.decode()


def test_a_source_that_sends_nothing_is_no_running_camera(acme: Tenant, client_of: ClientOf) -> None:
    now = timezone.now()
    make_camera(
        enabled=True, status=Camera.Status.RUNNING, reported_at=now, last_frame_at=now - timedelta(minutes=3)
    )
    text = client_of(acme).get("/cameras/").content.decode()
    assert "No picture" in text
    assert "3 min ago" in text


def test_addresses_and_passwords_of_cameras_stay_inside(acme: Tenant, client_of: ClientOf) -> None:
    make_camera(username="root", password="hunter2")
    text = client_of(acme, Role.VIEWER).get("/cameras/").content.decode()
    assert "hunter2" not in text
    assert "127.0.0.1:1/door" not in text


@pytest.mark.parametrize(
    ("problem", "words"),
    [("black", "The picture is black."), ("uniform", "one colour"), ("frozen", "has stood still")],
)
def test_a_camera_that_shows_nothing_is_not_green(
    acme: Tenant, client_of: ClientOf, camera: Camera, problem: str, words: str
) -> None:
    now = timezone.now()
    values = {"status": Camera.Status.RUNNING, "reported_at": now, "last_frame_at": now, "lost_frames": 7}
    row = Camera.objects.filter(pk=camera.pk)
    row.update(enabled=True, picture_problem=problem, **values)
    client = client_of(acme)
    for page in ("/cameras/", f"/cameras/{camera.pk}/", "/cameras/wall/"):
        text = client.get(page).content.decode()
        assert "No picture" in text, page
        assert words in text, page
    api = client_of(acme, Role.VIEWER, kind=APIClient)
    told = api.get(f"{V1}/cameras/{camera.pk}/").json()
    assert (told["state"], told["picture_problem"], told["lost_frames"]) == ("No picture", problem, 7)
    row.update(reported_at=now - timedelta(minutes=5))
    assert api.get(f"{V1}/cameras/{camera.pk}/").json()["picture_problem"] == "", "no worker says so any more"
    row.update(reported_at=now, picture_problem="")
    assert "No picture" not in client.get("/cameras/").content.decode()
