"""The supervisor: who is told what, and that a tick costs the same queries for one tenant as for many."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext
from django_tenants.utils import tenant_context

from cameras.models import Camera
from tenants.isolation.context import installation
from tenants.models import Tenant
from tests.conftest import make_camera
from workers.fleet import scheduler
from workers.fleet.leases import renew, take
from workers.fleet.models import CameraLease, Worker
from workers.fleet.registration import Introduction, register
from workers.fleet.scheduler import Orders, tick


def worker(name: str, sites: list[str] | None = None) -> Worker:
    return register(introduction=Introduction(name=name, capacity=8, host=name, sites=sites or []))


def ticked() -> Orders:
    orders = tick()
    assert orders is not None
    return orders


def die(worker: Worker) -> None:
    """Time passes without a sign of it."""
    gone = Now() - timedelta(seconds=16)
    with installation():
        Worker.objects.filter(pk=worker.pk).update(seen_at=gone)
    CameraLease.objects.filter(worker=worker).update(expires_at=gone)


@pytest.fixture(autouse=True)
def _long_since_started(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests' database has only just been started."""
    monkeypatch.setattr(scheduler, "GRACE", timedelta(0))


@pytest.fixture
def wanted(acme: Tenant) -> Camera:
    return make_camera(enabled=True)


def test_a_wanted_camera_is_assigned_until_it_is_taken(acme: Tenant, wanted: Camera) -> None:
    w1 = worker("w1")
    for _ in range(2):
        assert ticked().assign == {"w1": [(acme.pk, wanted.pk)]}
    assert take(camera_id=wanted.pk, worker=w1)
    orders = ticked()
    assert (orders.assign, orders.release, orders.changed) == ({}, {}, 0)


def test_the_cameras_of_a_worker_that_died_go_to_another(acme: Tenant, wanted: Camera) -> None:
    w1, w2 = worker("w1"), worker("w2")
    first = next(iter(ticked().assign))
    dead, alive = (w1, w2) if first == "w1" else (w2, w1)
    assert take(camera_id=wanted.pk, worker=dead)
    assert ticked().assign == {}
    die(dead)
    assert ticked().assign == {alive.name: [(acme.pk, wanted.pk)]}
    assert take(camera_id=wanted.pk, worker=alive)


def test_a_move_is_a_release_then_an_assignment(acme: Tenant, wanted: Camera) -> None:
    w1 = worker("w1")
    ticked()
    epoch = take(camera_id=wanted.pk, worker=w1).epoch  # type: ignore[union-attr]
    worker("w2")
    CameraLease.objects.update(host="w2")
    orders = ticked()
    assert (orders.release, orders.assign) == ({"w1": [(acme.pk, wanted.pk)]}, {})
    assert renew(worker=w1, held=[(wanted.pk, epoch)]), "it is w1's until w1 gives it up"
    CameraLease.objects.update(worker=None)
    assert ticked().assign == {"w2": [(acme.pk, wanted.pk)]}


def test_a_camera_that_was_stopped_is_released(acme: Tenant, wanted: Camera) -> None:
    w1 = worker("w1")
    ticked()
    take(camera_id=wanted.pk, worker=w1)
    CameraLease.objects.update(desired=False)
    assert ticked().release == {"w1": [(acme.pk, wanted.pk)]}


def test_nobody_there_changes_nothing(acme: Tenant, wanted: Camera) -> None:
    """After an outage of the database nobody has been seen for a while."""
    w1 = worker("w1")
    ticked()
    epoch = take(camera_id=wanted.pk, worker=w1).epoch  # type: ignore[union-attr]
    die(w1)
    orders = ticked()
    assert (orders.unplaced, orders.changed) == (1, 0)
    assert renew(worker=w1, held=[(wanted.pk, epoch)])


def test_a_database_that_has_just_come_back_takes_nobodys_camera(
    acme: Tenant, wanted: Camera, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another worker was quicker to say that it lives; the holder is about to."""
    w1 = worker("w1")
    ticked()
    assert take(camera_id=wanted.pk, worker=w1)
    die(w1)
    worker("w2")
    monkeypatch.setattr(scheduler, "GRACE", timedelta(days=1))
    orders = ticked()
    assert (orders.assign, orders.release, orders.changed) == ({}, {}, 0)
    monkeypatch.setattr(scheduler, "GRACE", timedelta(0))
    assert ticked().assign == {"w2": [(acme.pk, wanted.pk)]}


def test_devices_and_sites_bind(acme: Tenant) -> None:
    site = make_camera("Any", enabled=True).site_id
    make_camera("Usb", kind="usb", location="0", host="edge", enabled=True)
    CameraLease.objects.filter(label__startswith="Usb").update(host="edge")
    worker("edge", sites=[str(uuid4())])
    orders = ticked()
    assert (orders.unplaced, orders.assign) == (2, {})
    worker("edge", sites=[str(site)])
    assert len(ticked().assign["edge"]) == 2


@pytest.mark.parametrize("count", [1, 20])
def test_the_cost_of_a_tick_does_not_grow(
    acme: Tenant, other: Tenant, count: int, django_assert_num_queries: Callable[..., Any]
) -> None:
    for n in range(count):
        make_camera(f"Door {n}", enabled=True)
        with tenant_context(other):
            make_camera(f"Door {n}", enabled=True)
    for n in range(count):
        worker(f"w{n}")
    with CaptureQueriesContext(connection) as queries:
        orders = ticked()
    assert orders.cameras == 2 * count
    own = [one["sql"] for one in queries if "SAVEPOINT" not in one["sql"] and "set_config" not in one["sql"]]
    assert len(own) == 5, own
