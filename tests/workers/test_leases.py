"""Leases: one holder a camera, and an older holder's writes refused, whatever the broker said."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db.models import F
from django.db.models.functions import Now
from django_tenants.utils import tenant_context

from cameras.actions import SourceTaken, delete_camera, set_enabled
from cameras.models import Camera
from tenants.models import Tenant
from tests.conftest import make_camera
from workers.fleet.leases import TTL, Grant, StaleEpoch, keep_leases, release, renew, require_epoch, take
from workers.fleet.models import CameraLease, LeaseGrant, Worker
from workers.fleet.registration import Introduction, mark_seen, register, sign_off

Committed = Callable[..., AbstractContextManager[Any]]


@pytest.fixture
def w1(db: None) -> Worker:
    return register(introduction=Introduction(name="w1", capacity=4, host="gate"))


@pytest.fixture
def w2(db: None) -> Worker:
    return register(introduction=Introduction(name="w2", capacity=4, host="yard"))


@pytest.fixture
def wanted(camera: Camera) -> Camera:
    Camera.objects.update(enabled=True)
    CameraLease.objects.update(desired=True)
    return camera


def granted(camera: Camera, worker: Worker) -> Grant:
    grant = take(camera_id=camera.pk, worker=worker)
    assert grant is not None
    return grant


def run_out(camera: Camera) -> None:
    CameraLease.objects.filter(pk=camera.pk).update(expires_at=Now() - timedelta(seconds=1))


def test_one_holder_at_a_time_and_the_epoch_grows(wanted: Camera, w1: Worker, w2: Worker) -> None:
    first = granted(wanted, w1)
    assert take(camera_id=wanted.pk, worker=w2) is None
    run_out(wanted)
    second = granted(wanted, w2)
    assert second.epoch == first.epoch + 1
    assert renew(worker=w1, held=[(wanted.pk, first.epoch)]) == {}
    assert list(renew(worker=w2, held=[(wanted.pk, second.epoch)])) == [wanted.pk]
    assert list(LeaseGrant.objects.order_by("epoch").values_list("worker", flat=True)) == ["w1", "w2"]


def test_a_lease_lasts_for_its_time_from_the_last_renewal(wanted: Camera, w1: Worker) -> None:
    epoch = granted(wanted, w1).epoch
    run_out(wanted)
    assert renew(worker=w1, held=[(wanted.pk, epoch)]), "nobody has taken it meanwhile"
    lease = CameraLease.objects.annotate(now=Now()).get()
    assert lease.expires_at is not None
    assert lease.expires_at - lease.now > TTL - timedelta(seconds=2)


def test_what_nobody_wants_or_what_is_planned_for_another_is_not_taken(
    wanted: Camera, w1: Worker, w2: Worker
) -> None:
    CameraLease.objects.update(planned=w2)
    assert take(camera_id=wanted.pk, worker=w1) is None
    assert take(camera_id=wanted.pk, worker=w2)
    release(camera_id=wanted.pk, epoch=2)
    CameraLease.objects.update(desired=False)
    assert take(camera_id=wanted.pk, worker=w2) is None


def test_only_the_present_holder_can_release(wanted: Camera, w1: Worker, w2: Worker) -> None:
    old = granted(wanted, w1)
    run_out(wanted)
    granted(wanted, w2)
    assert not release(camera_id=wanted.pk, epoch=old.epoch)
    assert CameraLease.objects.get().worker == w2


def test_a_process_that_begins_under_a_name_replaces_the_older_one(wanted: Camera, w1: Worker) -> None:
    granted(wanted, w1)
    again = register(introduction=Introduction(name="w1", capacity=4))
    assert again.pk == w1.pk
    assert not mark_seen(worker_id=w1.pk, incarnation=w1.incarnation)
    assert mark_seen(worker_id=w1.pk, incarnation=again.incarnation)
    assert CameraLease.objects.get().worker is None
    granted(wanted, again)
    sign_off(worker=w1)
    assert CameraLease.objects.get().worker == again, "the older process gave up what is not its own"
    sign_off(worker=again)
    assert CameraLease.objects.get().worker is None


def test_records_of_an_older_epoch_are_refused(wanted: Camera, w1: Worker, w2: Worker) -> None:
    old = granted(wanted, w1)
    require_epoch(camera_id=wanted.pk, epoch=old.epoch)
    run_out(wanted)
    new = granted(wanted, w2)
    with pytest.raises(StaleEpoch):
        require_epoch(camera_id=wanted.pk, epoch=old.epoch)
    require_epoch(camera_id=wanted.pk, epoch=new.epoch)
    with pytest.raises(StaleEpoch):
        require_epoch(camera_id=wanted.pk, epoch=new.epoch + 1)


def test_a_record_that_waited_counts_if_it_was_known_before_the_next_grant(
    wanted: Camera, w1: Worker, w2: Worker
) -> None:
    old = granted(wanted, w1)
    run_out(wanted)
    successor: datetime = granted(wanted, w2).at
    moment = timedelta(milliseconds=1)
    require_epoch(camera_id=wanted.pk, epoch=old.epoch, known_at=successor - moment)
    with pytest.raises(StaleEpoch):
        require_epoch(camera_id=wanted.pk, epoch=old.epoch, known_at=successor + moment)
    run_out(wanted)
    CameraLease.objects.update(planned=None)
    granted(wanted, w1)
    with pytest.raises(StaleEpoch):  # judged by the first successor, not by the last
        require_epoch(camera_id=wanted.pk, epoch=old.epoch, known_at=successor + moment)


def test_leases_follow_cameras(
    acme: Tenant, camera: Camera, django_capture_on_commit_callbacks: Committed
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        set_enabled(camera=camera, enabled=True, by=None)
    lease = CameraLease.objects.get()
    assert (lease.desired, lease.tenant, lease.site_id) == (True, acme, camera.site_id)
    assert lease.label == "Door (Head office)"
    with django_capture_on_commit_callbacks(execute=True):
        set_enabled(camera=camera, enabled=False, by=None)
    assert not CameraLease.objects.get().desired
    with django_capture_on_commit_callbacks(execute=True):
        delete_camera(camera=camera)
    assert not CameraLease.objects.exists()


def test_what_events_missed_is_found(acme: Tenant, other: Tenant, camera: Camera) -> None:
    assert keep_leases() == 0
    Camera.objects.update(enabled=True)
    make_camera("New", enabled=True)
    CameraLease.objects.filter(label__startswith="New").delete()
    gone = make_camera("Gone", enabled=True)
    Camera.objects.filter(pk=gone.pk).delete()
    with tenant_context(other):
        make_camera("Theirs", enabled=True)
    assert keep_leases() == 3
    assert keep_leases() == 0
    assert sorted(CameraLease.objects.filter(tenant=acme, desired=True).values_list("label", flat=True)) == [
        "Door (Head office)",
        "New (Head office)",
    ]
    with tenant_context(other):
        assert CameraLease.objects.count() == 1


@pytest.mark.parametrize(
    ("source", "same", "another"),
    [
        ({"kind": "usb", "location": "0", "host": "Gate"}, {"host": "gate"}, {"host": "yard"}),
        ({"kind": "usb", "location": "0"}, {"location": "00"}, {"location": "1"}),
        (
            {"kind": "rtsp", "location": "rtsp://cam:554/a/", "exclusive": True},
            {"location": "rtsp://CAM/a"},
            {"exclusive": False},
        ),
    ],
)
def test_an_exclusive_source_has_one_owner(
    acme: Tenant, w1: Worker, source: dict[str, Any], same: dict[str, Any], another: dict[str, Any]
) -> None:
    owner = make_camera("Owner", enabled=True, **source)
    granted(owner, w1)
    rival = make_camera("Rival", **(source | same))
    with pytest.raises(SourceTaken, match=r"the camera Owner \(Head office\) on worker w1: stop that camera"):
        set_enabled(camera=rival, enabled=True, by=None)
    free = make_camera("Free", **(source | another))
    set_enabled(camera=free, enabled=True, by=None)


def test_the_same_address_is_each_tenants_own(
    acme: Tenant, other: Tenant, w1: Worker, w2: Worker, django_capture_on_commit_callbacks: Committed
) -> None:
    """Neither sees, refuses nor stops the other's camera, with force or without; both are run at once."""
    source: dict[str, object] = {"location": "rtsp://10.0.0.7/door", "exclusive": True}
    with tenant_context(other):
        theirs = make_camera("Secret lab", enabled=True, **source)
        assert take(camera_id=theirs.pk, worker=w1)
    mine = make_camera("Mine", **source)
    for force in (False, True):
        with django_capture_on_commit_callbacks(execute=True):
            set_enabled(camera=mine, enabled=True, by=None, force=force)
    assert take(camera_id=mine.pk, worker=w2)
    assert CameraLease.objects.get(pk=mine.pk).desired
    with tenant_context(other):
        assert keep_leases() == 0
        theirs.refresh_from_db()
        assert theirs.enabled
        assert CameraLease.objects.get().desired


def test_force_hands_a_source_over(
    acme: Tenant, w1: Worker, w2: Worker, django_capture_on_commit_callbacks: Committed
) -> None:
    source: dict[str, object] = {"location": "rtsp://10.0.0.7/door", "exclusive": True}
    owner = make_camera("Owner", enabled=True, **source)
    epoch = granted(owner, w1).epoch
    rival = make_camera("Rival", **source)
    with django_capture_on_commit_callbacks(execute=True):
        set_enabled(camera=rival, enabled=True, by=None, force=True)
    owner.refresh_from_db()
    assert not owner.enabled
    assert take(camera_id=rival.pk, worker=w2) is None, "the source is not given up yet"
    release(camera_id=owner.pk, epoch=epoch)
    assert take(camera_id=rival.pk, worker=w2)


def test_times_are_the_databases(wanted: Camera, w1: Worker) -> None:
    grant = granted(wanted, w1)
    lease = CameraLease.objects.annotate(age=Now() - F("granted_at")).get()
    assert timedelta(0) <= lease.age < timedelta(seconds=5)
    assert grant.at == lease.granted_at
