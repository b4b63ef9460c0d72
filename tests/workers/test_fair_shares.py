"""Workers that are full are shared: what the supervisor plans, takes away and tells, on real leases."""

from collections.abc import Callable
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.db.models.functions import Now
from django.test import Client
from django.utils import timezone
from django_tenants.utils import tenant_context
from rest_framework.test import APIClient

from cameras.actions import begin_run, save_camera
from cameras.models import Camera
from tenants.isolation.context import installation
from tenants.models import Tenant, TenantLimits
from tests.api.answers import V1
from tests.conftest import make_camera
from workers.fleet import scheduler
from workers.fleet.leases import release, take
from workers.fleet.models import CameraLease, Worker
from workers.fleet.queries import surplus_of
from workers.fleet.registration import Introduction, register
from workers.fleet.scheduler import Orders, tick
from workers.process.clients.direct_run_client import DIRECT_RUN_CLIENT
from workers.process.clients.run_client import RunReport

Waits = CameraLease.Waits


@pytest.fixture(autouse=True)
def _long_since_started(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests' database has only just been started."""
    monkeypatch.setattr(scheduler, "GRACE", timedelta(0))


@pytest.fixture
def w1(db: None) -> Worker:
    return register(introduction=Introduction(name="w1", capacity=4, host="gate"))


def ticked() -> Orders:
    orders = tick()
    assert orders is not None
    return orders


def cameras(tenant: Tenant, count: int) -> list[Camera]:
    with tenant_context(tenant):
        return [make_camera(f"{tenant} {n}", enabled=True) for n in range(count)]


def followed(worker: Worker) -> None:
    """One tick, and the worker does what it is told: gives cameras up, then takes those that are planned."""
    orders = ticked()
    for tenant, camera in orders.release[worker.name]:
        with tenant_context(tenant_of(tenant)):
            release(camera_id=camera, epoch=CameraLease.objects.get(pk=camera).epoch)
    for tenant, camera in orders.assign[worker.name]:
        with tenant_context(tenant_of(tenant)):
            take(camera_id=camera, worker=worker)


def tenant_of(pk: object) -> Tenant:
    with installation():
        found: Tenant = Tenant.objects.get(pk=pk)
    return found


def seats_of(tenant: Tenant) -> int:
    with installation():
        return CameraLease.objects.filter(tenant=tenant, worker__isnull=False, expires_at__gt=Now()).count()


def fails_since(camera: Camera, seconds: float) -> None:
    with installation():
        since = Now() - timedelta(seconds=seconds)
        CameraLease.objects.filter(pk=camera.pk).update(failing_since=since, granted_at=since)


def test_a_customer_who_had_all_seats_gives_a_newcomer_its_half(
    acme: Tenant, other: Tenant, w1: Worker
) -> None:
    cameras(acme, 6)
    followed(w1)
    assert seats_of(acme) == 4
    cameras(other, 3)
    for _ in range(3):
        followed(w1)
    assert (seats_of(acme), seats_of(other)) == (2, 2)
    orders = ticked()
    assert (orders.assign, orders.release, orders.changed) == ({}, {}, 0), "and nothing goes to and fro"


def test_a_seat_that_was_given_up_is_not_taken_back_while_it_moves(
    acme: Tenant, other: Tenant, w1: Worker
) -> None:
    """The worker has not answered yet: the same cameras are told with each tick, and no others."""
    cameras(acme, 6)
    followed(w1)
    cameras(other, 2)
    first, second = ticked(), ticked()
    assert len(first.release["w1"]) == 2
    assert sorted(first.release["w1"]) == sorted(second.release["w1"])
    assert sorted(first.assign["w1"]) == sorted(second.assign["w1"])
    assert second.changed == 0
    told = {camera for _, camera in first.release["w1"]}
    with installation():
        assert {lease.pk for lease in surplus_of(w1)} == told, "who is told nothing finds it with its renewal"
    for tenant, camera in first.release["w1"]:
        with tenant_context(tenant_of(tenant)):
            release(camera_id=camera, epoch=1)
            lease = CameraLease.objects.get(pk=camera)
            release(camera_id=camera, epoch=lease.epoch)
            assert take(camera_id=camera, worker=w1) is None, "an order of before does not bring it back"


def test_shares_go_by_how_many_cameras_each_may_have(acme: Tenant, other: Tenant, w1: Worker) -> None:
    with installation():
        TenantLimits.objects.create(tenant=acme, cameras=90)
        TenantLimits.objects.create(tenant=other, cameras=30)
    cameras(other, 6)
    followed(w1)
    cameras(acme, 6)
    for _ in range(3):
        followed(w1)
    assert (seats_of(acme), seats_of(other)) == (3, 1)


def test_cameras_that_cannot_be_opened_leave_their_seats_and_take_turns(
    acme: Tenant, other: Tenant, w1: Worker
) -> None:
    dead = cameras(acme, 4)
    followed(w1)
    for camera in dead[:3]:
        fails_since(camera, 31)
    ticked()
    assert seats_of(acme) == 4, "nobody else wants them"
    cameras(other, 3)
    for _ in range(3):
        followed(w1)
    assert (seats_of(acme), seats_of(other)) == (1, 3)
    with installation():
        assert CameraLease.objects.get(pk=dead[3].pk).worker_id, "the one that delivers stays"
        waiting = CameraLease.objects.filter(waits=Waits.CAPACITY)
        assert {lease.pk for lease in waiting} == {camera.pk for camera in dead[:3]}


def test_a_source_that_fails_is_noted_until_it_delivers_or_is_changed(
    acme: Tenant, w1: Worker, django_capture_on_commit_callbacks: Callable[..., Any]
) -> None:
    camera = make_camera(enabled=True)
    grant = take(camera_id=camera.pk, worker=w1)
    assert grant
    begin_run(camera_id=camera.pk, worker="w1", epoch=grant.epoch, now=timezone.now())

    def said(status: Camera.Status, detail: str = "") -> object:
        report = RunReport(camera.pk, grant.epoch, status.value, detail, None, None, news=True)
        assert DIRECT_RUN_CLIENT.report(acme, report)
        with tenant_context(acme):
            return CameraLease.objects.get().failing_since

    assert said(Camera.Status.STARTING) is None
    since = said(Camera.Status.ERROR, "It does not answer.")
    assert since is not None
    assert said(Camera.Status.STARTING) == since
    assert said(Camera.Status.ERROR, "It refuses the login.") == since
    assert said(Camera.Status.RUNNING) is None
    assert said(Camera.Status.ERROR, "It does not answer.") is not None
    with tenant_context(acme), django_capture_on_commit_callbacks(execute=True):
        save_camera(camera=Camera.objects.get(), by=None, only=["location"])
    with tenant_context(acme):
        assert CameraLease.objects.get().failing_since is None, "it is tried like a new one"


def test_whoever_waits_is_told_why_and_what_to_do(
    acme: Tenant, other: Tenant, w1: Worker, client_of: Callable[..., Any]
) -> None:
    cameras(other, 4)
    followed(w1)
    mine = cameras(acme, 6)
    for _ in range(3):
        followed(w1)
    with installation():
        waiting = CameraLease.objects.filter(tenant=acme, waits=Waits.CAPACITY)
        assert waiting.count() == 4
        one = waiting.first()
    assert one is not None
    api, page = client_of(acme, kind=APIClient), client_of(acme)
    assert isinstance(page, Client)
    assert api.get(f"{V1}/cameras/{one.pk}/").json()["state"] == "Waiting for capacity"
    for path in (f"/cameras/{one.pk}/", "/cameras/"):
        text = unescape(page.get(path).content.decode())
        assert "Waiting for capacity" in text
        assert "Stop a camera that you need less, or ask FaceTrack's operators" in text
    with installation():
        Worker.objects.all().delete()
    register(introduction=Introduction(name="w9", capacity=4, host="far", sites=["nowhere"]))
    ticked()
    with installation():
        assert set(CameraLease.objects.filter(tenant=acme).values_list("waits", flat=True)) == {Waits.WORKER}
    assert api.get(f"{V1}/cameras/{mine[0].pk}/").json()["state"] != "Waiting for capacity"
