"""Stored pictures are counted: kept, replaced, deleted, and put right where a crash left the sum wrong."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from cameras.models import Camera
from facetrack.core import objects
from facetrack.core.images import clean_pixels
from staff.actions import add_face_image, delete_face_image, delete_staff_member
from staff.models import StaffMember
from tenants.isolation import storage
from tenants.isolation.context import installation
from tenants.isolation.quotas import MEGABYTE
from tenants.models import Tenant, TenantLimits, TenantUsage
from tenants.rules import Role
from tests.api.answers import V1
from visits.actions import delete_visitor, record_track
from visits.models import Sighting, SightingDecision
from visits.track_facts import TrackFacts
from workers.fleet.leases import lease_guard
from workers.tasks import reconcile_tenant

Committed = Callable[..., Any]
MakeVisit = Callable[..., Sighting]
SHOT = b"\xff\xd8\xff\xe0" + bytes(9_996)


def stored() -> int:
    return TenantUsage.objects.values_list("stored_bytes", flat=True).first() or 0


def full(tenant: Tenant, room: int = 0) -> None:
    """There are `room` bytes left."""
    with installation():
        TenantLimits.objects.update_or_create(tenant=tenant, defaults={"storage_megabytes": 1})
        TenantUsage.objects.update_or_create(tenant=tenant, defaults={"stored_bytes": MEGABYTE - room})


def test_a_picture_is_counted_for_as_long_as_it_is_there(
    acme: Tenant, camera: Camera, make_visit: MakeVisit, django_capture_on_commit_callbacks: Committed
) -> None:
    sighting = make_visit(camera, shot=SHOT)
    assert stored() == len(SHOT)
    facts: dict[str, object] = {
        name: getattr(sighting, name)
        for name in (
            *("epoch", "track", "decision", "score", "reason", "faces", "pack", "template"),
            *("started_at", "last_seen_at"),
        )
    }
    better = facts | {"camera": camera.pk, "sequence": 1, "ended": True, "person": None}

    def report(quality: float, shot: bytes, sequence: int) -> None:
        given: Any = better | {"quality": quality, "shot": shot, "sequence": sequence}
        with django_capture_on_commit_callbacks(execute=True):
            facts = TrackFacts(**given)
            record_track(facts=facts, match=0.36, guard=lease_guard(facts))

    report(0.9, SHOT * 2, 1)
    assert stored() == 2 * len(SHOT), "the better one replaces the other"
    report(0.2, SHOT * 3, 2)
    assert stored() == 2 * len(SHOT), "a worse one is not kept"
    report(0.9, SHOT * 3, 2)
    assert stored() == 2 * len(SHOT), "the same report twice changes nothing"
    assert sighting.visitor
    with django_capture_on_commit_callbacks(execute=True):
        delete_visitor(visitor=sighting.visitor)
    assert stored() == 0


def test_pictures_of_staff_are_counted_too(
    acme: Tenant, employee: StaffMember, django_capture_on_commit_callbacks: Committed
) -> None:
    import numpy as np

    first, second = (
        add_face_image(member=employee, picture=clean_pixels(np.full((32, 32, 3), shade, np.uint8)), by=None)
        for shade in (10, 200)
    )
    sizes = [objects.size(acme.pk, one.picture, bucket=objects.RAW) for one in (first, second)]
    assert stored() == sum(sizes)
    with django_capture_on_commit_callbacks(execute=True):
        delete_face_image(face_image=first)
    assert stored() == sizes[1]
    with django_capture_on_commit_callbacks(execute=True):
        delete_staff_member(member=employee)
    assert stored() == 0


def test_at_a_full_storage_the_fact_is_kept_and_the_picture_left_out(
    acme: Tenant, camera: Camera, make_visit: MakeVisit, client_of: Callable[..., Client], caplog: Any
) -> None:
    full(acme, room=len(SHOT) - 1)
    on_disk = objects.total(acme.pk)
    for _ in range(2):
        sighting = make_visit(camera, shot=SHOT)
        assert sighting.best_shot == ""
        assert sighting.visit is not None
        assert sighting.decision == SightingDecision.NEW_VISITOR
    assert objects.total(acme.pk) == on_disk
    assert [line.levelname for line in caplog.records if "the storage of acme is full" in line.message] == [
        "ERROR"
    ]
    client = client_of(acme)
    for path in ("/", "/settings/"):
        assert "storage" in client.get(path).content.decode()
    said = " ".join(client.get("/settings/").content.decode().split())
    assert "2 sightings were recorded without a picture" in said
    usage = client.get(f"{V1}/usage/").json()
    assert usage["pictures_left_out"] == 2
    assert usage["storage_full_since"]
    assert "storage is full" not in client_of(acme, Role.VIEWER).get("/").content.decode()


def test_where_there_is_room_again_pictures_are_kept_again(
    acme: Tenant, camera: Camera, make_visit: MakeVisit
) -> None:
    full(acme)
    make_visit(camera, shot=SHOT)
    with installation():
        TenantLimits.objects.update(storage_megabytes=2)
    assert make_visit(camera, shot=SHOT).best_shot
    usage = TenantUsage.objects.get()
    assert (usage.full_since, usage.left_out) == (None, 0)


def test_a_record_that_fails_counts_nothing(
    acme: Tenant, camera: Camera, make_visit: MakeVisit, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_disk = objects.total(acme.pk)
    with monkeypatch.context() as broken:
        broken.setattr("visits.actions.open_visit", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            make_visit(camera, shot=SHOT)
    assert (stored(), objects.total(acme.pk)) == (0, on_disk)


def test_what_is_wrong_is_put_right_within_a_day(acme: Tenant, camera: Camera, make_visit: MakeVisit) -> None:
    objects.save(acme.pk, "shots", SHOT)  # of the time before anything was counted
    make_visit(camera, shot=SHOT)
    truth, now = objects.total(acme.pk), timezone.now()
    assert truth >= 2 * len(SHOT)
    assert storage.is_due(now)
    assert storage.count(now=now) == truth
    assert stored() == truth
    assert not storage.is_due(now)
    assert storage.is_due(now + timedelta(days=1, seconds=1))
    TenantUsage.objects.update(stored_bytes=0)
    assert storage.count(now=now + timedelta(days=2)) == truth
    assert stored() == truth


def test_the_periodic_job_has_it_counted(acme: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the broker only the far end is played."""
    asked: list[str] = []
    monkeypatch.setattr("workers.tasks.count_storage.apply_async", lambda **_: asked.append("count"))
    reconcile_tenant()
    assert asked == ["count"]
    storage.count(now=timezone.now())
    reconcile_tenant()
    assert asked == ["count"]


def test_a_count_that_breaks_off_is_due_again(acme: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(objects, "total", lambda _: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        storage.count(now=timezone.now())
    assert storage.is_due(timezone.now())
