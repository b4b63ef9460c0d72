"""The worker monitor, a camera's page, the wall, and what is asked of a camera's worker from them."""

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db.models.functions import Now
from django.test import Client
from django_tenants.utils import tenant_context

from cameras.models import Camera, Site
from staff.actions import delete_staff_member
from staff.models import StaffMember
from tenants.isolation.context import installation
from tenants.models import Tenant
from tenants.rules import Role
from tests.conftest import make_camera
from visits.actions import delete_visitor
from visits.models import Sighting
from workers.control import operations
from workers.control.operations import Answer, ask
from workers.fleet.leases import take
from workers.fleet.models import CameraLease, DeviceAssignment, Worker
from workers.fleet.registration import Beat, Introduction, beat, register
from workers.process.sinks import pictures
from workers.process.sinks.answers import Operation

ClientOf = Callable[..., Client]
PICTURE = b"\xff\xd8 a picture"


def worker(name: str = "w1", state: Worker.State = Worker.State.PROCESSING, error: str = "") -> Worker:
    one = register(introduction=Introduction(name=name, capacity=8, host="gate"))
    with installation():
        for tenant in Tenant.objects.exclude(schema_name="public"):  # both have a device on its machine
            device = {"acme": 98}.get(tenant.schema_name, 99)
            DeviceAssignment.objects.get_or_create(host="gate", device=device, defaults={"tenant": tenant})
    said = Beat(state=state, fps=12.5, memory_megabytes=700, last_error=error)
    beat(worker_id=one.pk, incarnation=one.incarnation, beat=said)
    return one


def test_workers_are_shown_with_their_state(acme: Tenant, client_of: ClientOf, camera: Camera) -> None:
    one = worker()
    CameraLease.objects.update(desired=True)
    assert take(camera_id=camera.pk, worker=one)
    worker("w2", Worker.State.ERROR, error="1 of 2 cameras fail; their own pages say why")
    text = client_of(acme).get("/workers/").content.decode()
    for words in ("w1", "Processing", "1 camera here", "w2", "Idle", "0 cameras here"):
        assert words in text


@pytest.mark.parametrize("role", [Role.SITE_MANAGER, Role.VIEWER])
def test_who_sees_only_part_sees_no_workers(acme: Tenant, client_of: ClientOf, role: Role) -> None:
    worker("w1")
    client = client_of(acme, role)
    assert client.get("/workers/").status_code == 403
    assert client.get("/api/v1/workers/").status_code == 403
    assert 'href="/workers/"' not in client.get("/").content.decode()


def test_a_worker_that_is_silent_is_offline(acme: Tenant, client_of: ClientOf) -> None:
    worker()
    with installation():
        Worker.objects.update(beat_at=Now() - timedelta(seconds=91))
    assert "Offline" in client_of(acme).get("/workers/").content.decode()


def test_the_monitor_is_searched_and_says_when_it_is_empty(acme: Tenant, client_of: ClientOf) -> None:
    client = client_of(acme)
    assert "No workers</strong>" in client.get("/workers/").content.decode()
    worker("alpha")
    worker("beta")
    found = client.get("/workers/?q=alp", headers={"HX-Request": "true"}).content.decode()
    assert "alpha" in found
    assert "beta" not in found


def test_cameras_of_others_are_not_counted(acme: Tenant, other: Tenant, client_of: ClientOf) -> None:
    one = worker()
    with tenant_context(other):
        theirs = make_camera("Theirs", enabled=True)
        assert take(camera_id=theirs.pk, worker=one)
    assert "0 cameras here" in client_of(acme).get("/workers/").content.decode()


def test_a_cameras_page_offers_what_the_role_may(acme: Tenant, client_of: ClientOf) -> None:
    camera = make_camera(enabled=True)
    page = client_of(acme).get(f"/cameras/{camera.pk}/").content.decode()
    for words in ("/ask/restart/", "/ask/test/", "/ask/snapshot/", "live.mjpg"):
        assert words in page
    looked = client_of(acme, Role.VIEWER)
    page = looked.get(f"/cameras/{camera.pk}/").content.decode()
    assert "/ask/" not in page
    assert "live.mjpg" in page
    assert looked.post(f"/cameras/{camera.pk}/ask/restart/").status_code == 403


def test_what_is_not_there_is_not_found(
    acme: Tenant, other: Tenant, client_of: ClientOf, camera: Camera
) -> None:
    client = client_of(acme)
    assert client.get(f"/cameras/{uuid4()}/").status_code == 404
    assert client.post(f"/cameras/{camera.pk}/ask/selfdestruct/").status_code == 404
    with tenant_context(other):
        theirs = make_camera("Theirs")
    for path in ("", "still.jpg"):
        assert client.get(f"/cameras/{theirs.pk}/{path}").status_code == 404
    assert client.post(f"/cameras/{theirs.pk}/ask/test/").status_code == 404


def test_a_refusal_names_the_owner_of_the_device(acme: Tenant, client_of: ClientOf) -> None:
    make_camera("Owner", enabled=True, kind="usb", location="0")
    rival = make_camera("Rival", kind="usb", location="0")
    text = client_of(acme).post(f"/cameras/{rival.pk}/start/", follow=True).content.decode()
    assert "does not start. The source is in use by the camera Owner (Head office)" in text


def test_nobody_there_is_said_at_once(acme: Tenant, client_of: ClientOf, camera: Camera) -> None:
    text = client_of(acme).post(f"/cameras/{camera.pk}/ask/test/").content.decode()
    assert "No worker is available for Door (Head office): start one" in text
    text = client_of(acme).post(f"/cameras/{camera.pk}/ask/restart/").content.decode()
    assert "is not running: start it" in text


def test_a_worker_that_does_not_answer_is_given_up(
    acme: Tenant, camera: Camera, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker()
    with pytest.raises(operations.NoAnswer, match="The worker w1 did not answer within 1 s"):
        ask(Operation.TEST, camera, seconds=1.0)


def test_an_answer_travels_whole() -> None:
    answer = Answer(True, "w1", "Connected.", {"codec": "h264", "width": 640}, b"\xff\xd8\n\n\x00")
    assert Answer.unpacked(answer.packed()) == answer


def test_the_wall_shows_live_pictures_of_what_runs(acme: Tenant, client_of: ClientOf) -> None:
    camera = make_camera(enabled=True)
    off = make_camera("Off")
    client = client_of(acme, Role.VIEWER)
    text = client.get("/cameras/wall/").content.decode()
    assert f"/cameras/{camera.pk}/still.jpg" in text
    assert "Waiting for the first picture" in text
    assert f"/cameras/{off.pk}/still.jpg" not in text
    assert text.index("Off") > text.index(camera.name), "what should run comes first"
    assert '<span class="no-shot">Stopped</span>' in text
    assert pictures.is_watched(acme.pk, camera.pk), "the page itself asks for the first picture"
    assert not pictures.is_watched(acme.pk, off.pk)
    path = f"/cameras/{camera.pk}/still.jpg"
    assert client.get(path).status_code == 204
    pictures.keep(acme.pk, camera.pk, PICTURE)
    answer = client.get(path)
    assert (answer.content, answer["Content-Type"], answer["Age"]) == (PICTURE, "image/jpeg", "0")


def test_the_newest_picture_is_there_for_minutes_and_says_its_age(acme: Tenant, client_of: ClientOf) -> None:
    camera = make_camera(enabled=True)
    client, path = client_of(acme, Role.VIEWER), f"/cameras/{camera.pk}/still.jpg"
    pictures.keep(acme.pk, camera.pk, PICTURE)
    key = f"preview.{acme.pk}.{camera.pk}"
    assert 0 < pictures.store().pttl(key) <= 300_000
    pictures.store().expire(key, 60)
    assert 240 <= int(client.get(path)["Age"]) < 300  # Redis counts on while the page is made
    assert pictures.live(acme.pk, camera.pk) is None, "a moving picture does not begin with an old one"
    pictures.store().pexpire(key, 1)
    time.sleep(0.01)
    assert client.get(path).status_code == 204


def test_what_a_stopped_camera_saw_is_shown_to_nobody(
    acme: Tenant, client_of: ClientOf, django_capture_on_commit_callbacks: Callable[..., Any]
) -> None:
    camera = make_camera(enabled=True)
    client, path = client_of(acme), f"/cameras/{camera.pk}/still.jpg"
    pictures.keep(acme.pk, camera.pk, PICTURE)
    with django_capture_on_commit_callbacks(execute=True):
        client.post(f"/cameras/{camera.pk}/stop/")
    assert pictures.newest(acme.pk, camera.pk) is None
    pictures.keep(acme.pk, camera.pk, PICTURE)  # a frame that was under way
    assert client.get(path).status_code == 204


@pytest.mark.parametrize("who", ["staff", "visitor"])
def test_whoever_is_forgotten_is_in_no_picture_of_the_last_minutes(
    acme: Tenant,
    other: Tenant,
    camera: Camera,
    make_visit: Callable[..., Sighting],
    who: str,
    django_capture_on_commit_callbacks: Callable[..., Any],
) -> None:
    hall = make_camera("Hall", enabled=True)  # they may have passed there, recognised by nobody
    for tenant, one in ((acme, camera), (acme, hall), (other, camera)):
        pictures.keep(tenant.pk, one.pk, PICTURE)
    visitor = make_visit(camera).visitor
    assert visitor
    with django_capture_on_commit_callbacks(execute=True):
        if who == "staff":
            delete_staff_member(member=StaffMember.objects.create(name="Ada"))
        else:
            delete_visitor(visitor=visitor)
        assert pictures.newest(acme.pk, camera.pk), "not before it is certain"
    assert pictures.newest(acme.pk, camera.pk) is None
    assert pictures.newest(acme.pk, hall.pk) is None
    assert pictures.newest(other.pk, camera.pk), "another customer's pictures stay"


def test_pictures_are_for_those_who_see_the_camera(
    acme: Tenant, other: Tenant, client_of: ClientOf, camera: Camera
) -> None:
    Camera.objects.update(enabled=True)
    pictures.keep(acme.pk, camera.pk, PICTURE)
    depot = Site.objects.create(name="Depot")
    path = f"/cameras/{camera.pk}/still.jpg"
    assert client_of(acme, Role.SITE_MANAGER, sites=[depot]).get(path).status_code == 404
    assert client_of(other).get(path).status_code == 404
    assert client_of(acme, Role.SITE_MANAGER, sites=[camera.site]).get(path).content == PICTURE
    with tenant_context(other):
        theirs = make_camera("Theirs", enabled=True)
        Camera.objects.filter(pk=theirs.pk).update(id=camera.pk)
    assert client_of(other, Role.VIEWER).get(path).status_code == 204, "the same id there is another camera"
