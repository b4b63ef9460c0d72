"""Start, stop and restart: whoever presses the button learns what came of it, from page, API and command."""

from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django_tenants.utils import tenant_context
from rest_framework.test import APIClient

from cameras.actions import set_enabled
from cameras.models import Camera, Site
from tenants.models import Tenant
from tenants.rules import Role
from tests.api.answers import V1, problem
from tests.conftest import make_camera
from tests.workers.hand import Hand
from workers.control import camera_control
from workers.control.operations import Answer
from workers.fleet.leases import take
from workers.fleet.models import CameraLease
from workers.fleet.registration import Introduction, register

ClientOf = Callable[..., Client]


@pytest.fixture
def api(acme: Tenant, client_of: ClientOf) -> APIClient:
    client = client_of(acme, Role.TENANT_ADMIN, kind=APIClient)
    assert isinstance(client, APIClient)
    return client


@pytest.fixture(autouse=True)
def _committed(monkeypatch: pytest.MonkeyPatch) -> None:
    """What follows a commit follows at once: the test's own transaction is never committed."""
    monkeypatch.setattr("django.db.transaction.on_commit", lambda done, **_: done())


@pytest.fixture
def hand(db: None, monkeypatch: pytest.MonkeyPatch) -> Hand:
    hand = Hand(register(introduction=Introduction(name="w1", capacity=4, host="gate")))
    monkeypatch.setattr(camera_control, "time", hand)
    monkeypatch.setattr("facetrack.core.waiting.time", hand)
    return hand


def command(*words: str) -> str:
    said = StringIO()
    call_command("camera", *words, "--tenant", "acme", stdout=said)
    return said.getvalue()


def owner_of_usb(**values: object) -> Camera:
    return make_camera("Owner", kind="usb", location="0", enabled=True, **values)


def test_a_start_is_answered_when_the_camera_runs(api: APIClient, camera: Camera, hand: Hand) -> None:
    answer = api.post(f"{V1}/cameras/{camera.pk}/start/")
    body = answer.json()
    assert (answer.status_code, body["enabled"], body["status"], body["worker"]) == (
        200,
        True,
        "running",
        "w1",
    )
    assert body["state"] == "Running"
    assert hand.now < 1
    assert api.post(f"{V1}/cameras/{camera.pk}/start/").json()["state"] == "Running"


def test_a_stop_is_answered_when_nobody_runs_it(api: APIClient, camera: Camera, hand: Hand) -> None:
    api.post(f"{V1}/cameras/{camera.pk}/start/")
    answer = api.post(f"{V1}/cameras/{camera.pk}/stop/")
    assert (answer.status_code, answer.json()["enabled"], answer.json()["state"]) == (200, False, "Stopped")
    assert CameraLease.objects.get().worker is None
    assert api.post(f"{V1}/cameras/{camera.pk}/stop/").status_code == 200, "it is stopped already"


def test_a_source_that_fails_is_told_at_once(
    acme: Tenant, api: APIClient, client_of: ClientOf, camera: Camera, hand: Hand
) -> None:
    hand.fails = "USB camera 7 cannot be opened; plug it in"
    body = api.post(f"{V1}/cameras/{camera.pk}/start/").json()
    assert (body["status"], body["status_detail"]) == ("error", hand.fails)
    page = client_of(acme).post(f"/cameras/{camera.pk}/start/", headers={"HX-Request": "true"})
    assert f"Door (Head office) fails: {hand.fails}" in page.content.decode()
    with pytest.raises(CommandError, match="USB camera 7 cannot be opened"):
        command("start", "Door")


def test_a_worker_is_still_being_chosen(
    acme: Tenant, api: APIClient, client_of: ClientOf, camera: Camera, hand: Hand
) -> None:
    hand.idle = True
    answer = api.post(f"{V1}/cameras/{camera.pk}/start/")
    assert (answer.status_code, answer.json()["state"]) == (202, "Being assigned")
    assert hand.now >= camera_control.PATIENCE
    page = client_of(acme).post(f"/cameras/{camera.pk}/start/", headers={"HX-Request": "true"})
    assert "Being assigned" in page.content.decode()
    assert "being assigned to a worker" in command("start", "Door")


@pytest.mark.parametrize("host", ["", "yard"])
def test_nobody_is_there_to_run_it(acme: Tenant, api: APIClient, client_of: ClientOf, host: str) -> None:
    """On its machine: a worker of another machine is none for it."""
    if host:
        register(introduction=Introduction(name="w1", capacity=4, host="gate"))
    camera = make_camera(host=host)
    said = "Door (Head office) is enabled, but no worker is available for it"
    said += " on the machine yard: start one" if host else ": start one"
    assert said in problem(api.post(f"{V1}/cameras/{camera.pk}/start/"), 409)["detail"]
    page = client_of(acme).post(f"/cameras/{camera.pk}/start/", headers={"HX-Request": "true"})
    assert said in page.content.decode()
    with pytest.raises(CommandError, match="no worker is available"):
        command("start", "Door")
    camera.refresh_from_db()
    assert camera.enabled, "it starts as soon as somebody can run it"


def test_all_workers_are_full(
    acme: Tenant, other: Tenant, api: APIClient, camera: Camera, hand: Hand
) -> None:
    """Of another customer's cameras: their number counts, and nothing of them is told."""
    hand.idle = True
    hand.worker = register(introduction=Introduction(name="w1", capacity=1, host="gate"))
    with tenant_context(other):
        assert take(camera_id=make_camera("Theirs", enabled=True).pk, worker=hand.worker)
    detail = problem(api.post(f"{V1}/cameras/{camera.pk}/start/"), 409)["detail"]
    assert "Door (Head office) is enabled, but the workers that may run it are full" in detail
    assert "Theirs" not in detail


def test_a_worker_that_does_not_stop_is_named(
    acme: Tenant, api: APIClient, client_of: ClientOf, camera: Camera, hand: Hand
) -> None:
    api.post(f"{V1}/cameras/{camera.pk}/start/")
    hand.idle = True
    detail = problem(api.post(f"{V1}/cameras/{camera.pk}/stop/"), 409)["detail"]
    assert "Door (Head office) should stop, but its worker w1 has not confirmed it within 8 s" in detail
    page = client_of(acme).post(f"/cameras/{camera.pk}/stop/", headers={"HX-Request": "true"})
    assert "its worker w1 has not confirmed it" in page.content.decode()
    camera.refresh_from_db()
    assert not camera.enabled


@pytest.mark.parametrize("fails", ["", "The camera refuses the login: check it."])
def test_a_restart_is_answered_when_it_runs_again(
    api: APIClient, camera: Camera, hand: Hand, fails: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the broker only the far end is played: the worker has got the task and answered it."""
    api.post(f"{V1}/cameras/{camera.pk}/start/")
    before = CameraLease.objects.get().epoch

    def asked(*_: object, **__: object) -> Answer:
        hand.fails = fails
        hand.begin_anew(camera)
        return Answer(ok=True, worker="w1", detail="Restarting.")

    monkeypatch.setattr(camera_control, "ask", asked)
    body = api.post(f"{V1}/cameras/{camera.pk}/restart/").json()
    assert (body["ok"], body["worker"], body["detail"]) == (
        not fails,
        "w1",
        fails or "The camera runs again.",
    )
    assert CameraLease.objects.get().epoch == before + 1


def test_a_restart_of_what_does_not_run_says_so(api: APIClient, camera: Camera) -> None:
    detail = problem(api.post(f"{V1}/cameras/{camera.pk}/restart/"), 409)["detail"]
    assert "Door (Head office) is not running: start it" in detail


@pytest.mark.parametrize(
    "source", [{"kind": "usb", "location": "0"}, {"location": "rtsp://10.0.0.7/door", "exclusive": True}]
)
def test_a_source_with_an_owner_is_handed_over_on_request(
    acme: Tenant, api: APIClient, client_of: ClientOf, hand: Hand, source: dict[str, Any]
) -> None:
    owner, rival = make_camera("Owner", **source), make_camera("Rival", **source)
    assert api.post(f"{V1}/cameras/{owner.pk}/start/").json()["status"] == "running"
    path, named = f"{V1}/cameras/{rival.pk}/start/", "in use by the camera Owner (Head office) on worker w1"
    assert named in problem(api.post(path), 409)["detail"]
    page = client_of(acme)
    text = page.post(f"/cameras/{rival.pk}/start/", headers={"HX-Request": "true"}).content.decode()
    assert named in text
    assert "Stop that one and start Rival" in text
    with pytest.raises(CommandError, match="in use by the camera Owner"):
        command("start", "Rival")
    assert api.post(f"{path}?force=true").json()["status"] == "running"
    forced = page.post(
        f"/cameras/{owner.pk}/start/", {"force": "true"}, headers={"HX-Request": "true"}
    ).content.decode()
    assert "refusal" not in forced
    assert "runs on worker w1" in command("start", "Rival", "--force")
    running = Camera.objects.filter(enabled=True)
    assert [(camera.name, camera.status) for camera in running] == [("Rival", "running")]


def test_nobody_takes_a_source_from_another_customer_or_site(
    acme: Tenant, other: Tenant, api: APIClient, client_of: ClientOf, hand: Hand
) -> None:
    with tenant_context(other):
        theirs = owner_of_usb()
    mine = make_camera("Mine", kind="usb", location="0", host="gate")
    detail = problem(api.post(f"{V1}/cameras/{mine.pk}/start/?force=true"), 409)["detail"]
    assert "The USB device 0 of the machine gate is not assigned to your organisation" in detail
    assert "manage.py assign_device gate 0 --tenant acme" in detail
    assert "Owner" not in detail
    text = client_of(acme).post(
        f"/cameras/{mine.pk}/start/", {"force": "true"}, headers={"HX-Request": "true"}
    )
    assert "is not assigned to your organisation" in text.content.decode()
    assert "Stop that one" not in text.content.decode()
    with tenant_context(other):
        assert Camera.objects.get(pk=theirs.pk).enabled
    assert not Camera.objects.filter(enabled=True).exists()


def test_a_manager_of_another_site_takes_nothing(acme: Tenant, client_of: ClientOf, hand: Hand) -> None:
    owner = owner_of_usb()
    depot = Site.objects.create(name="Depot")
    rival = make_camera("Rival", kind="usb", location="0", site=depot)
    manager = client_of(acme, Role.SITE_MANAGER, sites=[depot])
    page = manager.post(f"/cameras/{rival.pk}/start/", {"force": "true"}, headers={"HX-Request": "true"})
    assert "A camera of another site uses this source" in page.content.decode()
    assert "Owner" not in page.content.decode()
    assert "Stop that one" not in page.content.decode()
    owner.refresh_from_db()
    assert owner.enabled


def test_of_two_who_start_at_once_one_gives_way(
    api: APIClient, hand: Hand, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both have seen the source free: the lease is the first one's, and the second learns whose it is."""
    first = make_camera("First", kind="usb", location="0")
    second = make_camera("Second", kind="usb", location="0")
    change = set_enabled

    def late(*, camera: Camera, **given: Any) -> Camera:
        with monkeypatch.context() as patched:
            patched.setattr("workers.fleet.leases.owner_of_source", lambda _: None)
            return change(camera=camera, **given)

    monkeypatch.setattr(camera_control, "set_enabled", late)
    Camera.objects.filter(pk=first.pk).update(enabled=True)
    CameraLease.objects.filter(pk=first.pk).update(desired=True)
    detail = problem(api.post(f"{V1}/cameras/{second.pk}/start/"), 409)["detail"]
    assert "in use by the camera First (Head office)" in detail
    second.refresh_from_db()
    assert not second.enabled
