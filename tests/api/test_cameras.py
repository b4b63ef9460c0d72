"""Sites and cameras over the API."""

from typing import Any
from uuid import UUID

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from cameras.actions import begin_run
from cameras.models import Camera, Site
from cameras.queries import stored_login
from cameras.rules import Login
from tests.api.answers import V1, problem, results
from tests.conftest import make_camera

DOOR = {"name": "Yard", "kind": "rtsp", "location": "rtsp://10.0.0.7/stream"}


def test_a_site_is_made_changed_and_removed(api: APIClient) -> None:
    made = api.post(f"{V1}/sites/", {"name": "Lisbon", "time_zone": "Europe/Lisbon"})
    assert made.status_code == 201
    site = made.json()
    assert site["reentry_seconds"] == 900
    changed = api.patch(f"{V1}/sites/{site['id']}/", {"reentry_seconds": 60}).json()
    assert (changed["name"], changed["reentry_seconds"]) == ("Lisbon", 60)
    assert Site.objects.get().updated_by.email == "tenant_admin@acme.test"  # type: ignore[union-attr]
    assert (
        api.delete(f"{V1}/sites/{site['id']}/", headers={"X-Reason": "no longer needed"}).status_code == 204
    )
    assert not Site.objects.exists()


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"),
        ({"name": " "}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"name": "A", "time_zone": "Mars/Olympus"}, "time_zone"),
        ({"name": "A", "reentry_seconds": 0}, "reentry_seconds"),
        ({"name": "A", "reentry_seconds": 86_401}, "reentry_seconds"),
        ({"name": "A", "reentry_seconds": 10**17}, "reentry_seconds"),
        ({"name": "A", "naem": "B"}, "naem"),
        ({"name": "A\x00"}, "name"),
        ({"name": {"a": 1}}, "name"),
    ],
)
def test_a_bad_site_is_refused(api: APIClient, camera: Camera, body: dict[str, Any], field: str) -> None:
    problem(api.post(f"{V1}/sites/", body), 400, field=field)
    assert Site.objects.count() == 1


def test_a_site_in_use_stays(api: APIClient, camera: Camera) -> None:
    assert (
        "cameras"
        in problem(
            api.delete(f"{V1}/sites/{camera.site_id}/", headers={"X-Reason": "no longer needed"}), 409
        )["detail"]
    )
    assert Site.objects.exists()


def test_a_camera_keeps_its_password_to_itself(api: APIClient, camera: Camera) -> None:
    body = DOOR | {"site": str(camera.site_id), "username": "view", "password": " s3cret "}
    made = api.post(f"{V1}/cameras/", body)
    assert made.status_code == 201, made.content
    path = f"{V1}/cameras/{made.json()['id']}/"
    answers = [made, api.get(path), api.get(f"{V1}/cameras/"), api.patch(path, {"fps": 2.5})]
    assert not any(b"s3cret" in answer.content for answer in answers)
    assert made.json()["has_login"] is True
    assert stored_login(UUID(made.json()["id"])) == Login("view", " s3cret ")
    assert not any(b"view" in answer.content for answer in answers)
    assert api.patch(path, {"password": ""}).json()["has_login"] is True
    assert api.patch(path, {"username": ""}).json()["has_login"] is False


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"site": None}, "site"),
        ({"site": "door"}, "site"),
        ({"site": "6f1b4a52-0d55-4c5c-8a3c-1a2b3c4d5e6f"}, "site"),
        ({"kind": "telepathy"}, "kind"),
        ({"location": "10.0.0.7"}, "location"),
        ({"location": "rtsp://user:pw@10.0.0.7/"}, "location"),
        ({"location": "rtsp://[::1/"}, "location"),
        ({"location": "rtsp://h:99999/"}, "location"),
        ({"location": "rtsp://" + "h" * 500}, "location"),
        ({"kind": "usb", "location": "-1"}, "location"),
        ({"kind": "file", "location": "/srv/../etc/passwd"}, "location"),
        ({"fps": 0.1}, "fps"),
        ({"fps": 31}, "fps"),
        ({"fps": "fast"}, "fps"),
        ({"turn": 45}, "turn"),
        ({"turn": -90}, "turn"),
        ({"turn": "left"}, "turn"),
        ({"mirrored": 7}, "mirrored"),
        ({"pixel_aspect": 0.2}, "pixel_aspect"),
        ({"pixel_aspect": 4.1}, "pixel_aspect"),
        ({"pixel_aspect": "wide"}, "pixel_aspect"),
        ({"password": "x" * 201}, "password"),
        ({"epoch": 7}, "epoch"),
    ],
)
def test_a_bad_camera_is_refused(api: APIClient, camera: Camera, body: dict[str, Any], field: str) -> None:
    given = DOOR | {"site": str(camera.site_id)} | body
    problem(api.post(f"{V1}/cameras/", given), 400, field=field)
    yard = make_camera("Yard")
    problem(api.patch(f"{V1}/cameras/{yard.pk}/", body), 400, field=field)
    assert Camera.objects.get(pk=yard.pk).updated_at == yard.updated_at


def test_a_name_that_is_taken_is_a_conflict(api: APIClient, camera: Camera) -> None:
    problem(api.post(f"{V1}/sites/", {"name": camera.site.name}), 409, field="name")
    name = {"name": camera.name}
    problem(api.post(f"{V1}/cameras/", DOOR | name | {"site": str(camera.site_id)}), 409, field="name")
    problem(api.patch(f"{V1}/cameras/{make_camera('Yard').pk}/", name), 409, field="name")
    assert Camera.objects.filter(**name).count() == Site.objects.count() == 1


def test_a_camera_is_started_and_stopped(api: APIClient, camera: Camera) -> None:
    """Without a worker the wish is kept; what a worker does about it is told in tests/workers."""
    problem(api.post(f"{V1}/cameras/{camera.pk}/start/"), 409)
    assert api.get(f"{V1}/cameras/{camera.pk}/").json()["enabled"] is True
    assert api.post(f"{V1}/cameras/{camera.pk}/stop/").json()["enabled"] is False
    camera.refresh_from_db()
    assert (camera.enabled, str(camera.updated_by)) == (False, "tenant_admin@acme.test")


def test_a_change_does_not_undo_what_a_worker_wrote_meanwhile(
    api: APIClient, camera: Camera, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The row is read, then a run begins, then the change is saved."""
    Camera.objects.update(enabled=True)
    clean = Camera.full_clean

    def clean_late(self: Camera, *args: Any, **kwargs: Any) -> None:
        begin_run(camera_id=camera.pk, worker="w1", epoch=2, now=timezone.now())
        clean(self, *args, **kwargs)

    monkeypatch.setattr(Camera, "full_clean", clean_late)
    assert api.patch(f"{V1}/cameras/{camera.pk}/", {"name": "Gate"}).status_code == 200
    camera.refresh_from_db()
    assert (camera.name, camera.epoch, camera.worker, camera.status) == ("Gate", 2, "w1", "starting")


def test_what_two_people_make_at_once_is_a_conflict(api: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    Site.objects.create(name="Lisbon")
    monkeypatch.setattr(Site, "full_clean", lambda *_, **__: None)
    monkeypatch.setattr(
        "cameras.api.serializers.SiteSerializer.get_extra_kwargs", lambda _: {"name": {"validators": []}}
    )
    problem(api.post(f"{V1}/sites/", {"name": "Lisbon"}), 409)


def test_cameras_are_filtered(api: APIClient, camera: Camera) -> None:
    gate = Camera.objects.create(
        site=Site.objects.create(name="Depot"),
        name="Gate",
        kind="usb",
        location="0",
        enabled=True,
        status="running",
    )
    for query, found in {
        f"site={camera.site_id}": [camera],
        "enabled=true": [gate],
        "enabled=false": [camera],
        "status=running": [gate],
        "search=GAT": [gate],
        "search=depot": [gate],
        "search=100%25": [],
        "": [gate, camera],
    }.items():
        rows = results(api.get(f"{V1}/cameras/?{query}"))
        assert [row["id"] for row in rows] == [str(row.pk) for row in found], query


def test_a_camera_is_deleted_unless_something_tells_of_it(
    api: APIClient, camera: Camera, make_visit: Any
) -> None:
    spare = make_camera("Spare")
    assert (
        api.delete(f"{V1}/cameras/{spare.pk}/", headers={"X-Reason": "no longer needed"}).status_code == 204
    )
    make_visit(camera)
    detail = problem(api.delete(f"{V1}/cameras/{camera.pk}/", headers={"X-Reason": "no longer needed"}), 409)[
        "detail"
    ]
    assert "sightings" in detail
    assert list(Camera.objects.all()) == [camera]
