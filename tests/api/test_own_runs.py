"""What the runs of a worker at the edge ask and tell: of their own cameras, and of nobody else's people."""

import time
from base64 import b64encode
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import numpy as np
import pytest
from django.core import signing
from django.db import OperationalError
from django.utils import timezone
from django_tenants.utils import tenant_context
from rest_framework.test import APIClient

from cameras.models import Camera, Site
from staff.models import MatchThresholds
from tenants.audit.queries import lines_of
from tenants.isolation.context import installation
from tenants.models import Tenant
from tests.api.answers import V1, problem
from tests.audit.conftest import seal
from tests.chaos.people import template_of
from tests.conftest import make_camera
from tests.edge import a_record, held_by, key_of, worker_client
from tests.workers.test_gallery import enrol
from visits.models import LiveEvent, Sighting, Visitor
from visits.track_codec import as_text
from workers.fleet.leases import GRANTS_KEPT, forget_old_grants
from workers.fleet.models import CameraLease, LeaseGrant
from workers.fleet.registration import Introduction, register
from workers.process.clients.ticket import SECONDS, Ticket
from workers.recognition.models.catalogue import PACKS

OWN = f"{V1}/workers/gate/"
PACK = "edgeface-xs"


class Gate:
    """The worker gate as it speaks from now on."""

    def __init__(self, sites: list[UUID] | None = None) -> None:
        self.client: APIClient = worker_client(key_of("gate", sites=sites)[1])
        answer = self.client.put(OWN, {"host": "gate", "capacity": 4})
        self.me = {"incarnation": answer.json()["incarnation"]}

    def camera(self, act: str, camera: UUID, body: dict[str, Any]) -> Any:
        return self.client.post(f"{OWN}leases/{camera}/{act}/", self.me | body)

    def people(self, act: str, tenant: UUID, **body: Any) -> Any:
        return self.client.post(f"{OWN}tenants/{tenant}/{act}/", self.me | {"pack": PACK} | body)

    def record(self, camera: Camera, **values: Any) -> Any:
        return self.camera("record", camera.pk, a_record(**values))


def measured(**limits: float) -> None:
    MatchThresholds.objects.create(pack=PACK, gallery=1, predicted_false_alarms=0.0, **limits)


@pytest.fixture
def gate(acme: Tenant) -> Gate:
    return Gate()


@pytest.fixture
def door(gate: Gate) -> Camera:
    """Run by gate since epoch 2."""
    camera = make_camera(username="me", password="geheim", zones=[[[0, 0], [1, 0], [1, 1]]])
    held_by("gate", camera)
    return camera


@pytest.fixture
def theirs(gate: Gate, other: Tenant) -> Iterator[Camera]:
    """Of another tenant, run by another worker."""
    register(introduction=Introduction(name="yard", capacity=4))
    with tenant_context(other):
        camera = make_camera("Theirs", username="them", password="verborgen")
        held_by("yard", camera)
        enrol("Eve", 9)
        yield camera


def test_the_holder_gets_what_it_needs_to_run_a_camera(acme: Tenant, gate: Gate, door: Camera) -> None:
    answer = gate.camera("brief", door.pk, {})
    assert answer.status_code == 200
    assert "no-store" in answer["Cache-Control"]
    brief = answer.json()
    assert (brief["kind"], brief["username"], brief["password"]) == ("rtsp", "me", "geheim")
    assert (brief["site"], brief["owner"], brief["wanted"]) == (str(door.site_id), "acme", True)
    assert (brief["networks"], brief["zones"]) == (["10.0.0.0/8"], [[[0, 0], [1, 0], [1, 1]]])


def test_a_camera_that_is_only_planned_shows_nothing_yet(gate: Gate, door: Camera) -> None:
    CameraLease.objects.update(worker=None)
    problem(gate.camera("brief", door.pk, {}), 404)


def asked_of(tenant: Tenant, camera: Camera | None, *, worker: str = "gate", operation: str = "test") -> str:
    """The ticket of a request that was just made."""
    return Ticket(uuid4(), worker, tenant.pk, camera.pk if camera else None, operation).signed


def test_whoever_asks_for_a_test_lets_the_worker_see_that_camera_once(acme: Tenant, gate: Gate) -> None:
    camera, elsewhere = make_camera(password="geheim"), make_camera("Elsewhere")
    ticket = asked_of(acme, camera)
    for camera_id, spoilt in (
        (elsewhere.pk, ticket),
        (camera.pk, asked_of(acme, camera, worker="yard")),
        (camera.pk, asked_of(acme, camera, operation="restart")),
        (camera.pk, asked_of(acme, None)),
        (camera.pk, ticket[:-1] + ("a" if ticket[-1] != "a" else "b")),
        (camera.pk, signing.dumps(signing.loads(ticket, salt="facetrack.ticket"), salt="another")),
        (camera.pk, signing.dumps("gate", salt="facetrack.ticket")),
        (camera.pk, signing.dumps([1, "gate", 2, 3, 4], salt="facetrack.ticket")),
        (camera.pk, "x" * 500),
    ):
        problem(gate.camera("brief", camera_id, {"ticket": spoilt}), 404)
    assert gate.camera("brief", camera.pk, {"ticket": ticket}).json()["password"] == "geheim"
    problem(gate.camera("brief", camera.pk, {"ticket": ticket}), 404)
    again = asked_of(acme, camera, operation="snapshot")
    assert gate.camera("brief", camera.pk, {"ticket": again}).status_code == 200


def test_a_ticket_ends(acme: Tenant, gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    camera = make_camera()
    ticket = asked_of(acme, camera)
    later = time.time() + SECONDS + 1
    monkeypatch.setattr("django.core.signing.time.time", lambda: later)
    problem(gate.camera("brief", camera.pk, {"ticket": ticket}), 404)
    problem(gate.client.post(f"{OWN}answer/", gate.me | {"ticket": ticket, "ok": True}), 404)


def test_a_ticket_opens_no_camera_of_a_site_that_the_key_is_not_for(acme: Tenant) -> None:
    ours, theirs = make_camera(), make_camera("Elsewhere", site=Site.objects.create(name="Elsewhere"))
    gate = Gate(sites=[ours.site_id])
    problem(gate.camera("brief", theirs.pk, {"ticket": asked_of(acme, theirs)}), 404)
    assert gate.camera("brief", ours.pk, {"ticket": asked_of(acme, ours)}).status_code == 200


def test_a_run_reports_and_learns_that_it_should_end(gate: Gate, door: Camera) -> None:
    now = timezone.now()
    said = {"epoch": 2, "status": "running", "last_frame_at": now.isoformat(), "news": True}
    assert gate.camera("report", door.pk, said).status_code == 204
    door.refresh_from_db()
    assert (door.status, door.last_frame_at) == ("running", now)
    assert LiveEvent.objects.filter(kind=LiveEvent.Kind.CAMERA_CHANGED).count() == 1
    problem(gate.camera("report", door.pk, said | {"epoch": 1}), 409)
    Camera.objects.update(enabled=False)
    problem(gate.camera("report", door.pk, said), 409)
    ended = {"epoch": 2, "status": "error", "detail": "It is broken."}
    assert gate.camera("end", door.pk, ended).status_code == 204
    door.refresh_from_db()
    assert (door.status, door.status_detail) == ("stopped", "")


def test_a_record_is_kept_once_with_its_picture(gate: Gate, door: Camera) -> None:
    for _ in range(2):
        assert gate.record(door).status_code == 204
    sighting = Sighting.objects.get()
    assert (sighting.decision, sighting.epoch, sighting.track) == ("new_visitor", 2, 1)
    assert sighting.best_shot
    assert Visitor.objects.count() == 1
    assert np.allclose(Visitor.objects.get().template, template_of(1))


def test_what_it_records_is_no_line_of_the_tenants_log(acme: Tenant, gate: Gate, door: Camera) -> None:
    """As with a worker on the installation's own machines."""
    seal()
    before = lines_of(acme).count()
    gate.record(door)
    gate.camera("report", door.pk, {"epoch": 2, "status": "running", "news": True})
    seal()
    assert lines_of(acme).count() == before


def test_a_worker_does_not_say_from_which_similarity_two_faces_are_one_person(
    gate: Gate, door: Camera
) -> None:
    """Else a stolen key could make one person of all."""
    problem(gate.camera("record", door.pk, a_record() | {"link": -1.0}), 400, field="link")
    nearly = template_of(1) + 0.9 * template_of(2)
    nearly /= np.linalg.norm(nearly)  # 0.74 with the first
    gate.record(door)
    measured(link=0.9, review=0.85, margin=0.0)
    assert gate.record(door, track=2, template=as_text(nearly)).status_code == 204
    assert Visitor.objects.count() == 2


def test_what_another_worker_had_by_then_does_not_count(gate: Gate, door: Camera) -> None:
    since = timezone.now()
    with installation():
        yard = register(introduction=Introduction(name="yard", capacity=4))
        CameraLease.objects.update(worker=yard, epoch=3)
        LeaseGrant.objects.create(
            tenant=CameraLease.objects.get().tenant,
            camera_id=door.pk,
            epoch=3,
            worker="yard",
            granted_at=since,
        )
    problem(gate.record(door), 409)
    later, before = since + timedelta(seconds=1), since - timedelta(milliseconds=1)
    problem(gate.record(door, known_at=later.isoformat()), 409)
    assert not Sighting.objects.exists()
    assert gate.record(door, known_at=before.isoformat()).status_code == 204
    problem(gate.record(door, epoch=3, track=2), 404)
    assert Sighting.objects.get().epoch == 2


def test_nothing_was_known_before_the_grant_or_seen_long_after_it_was_known(gate: Gate, door: Camera) -> None:
    """`known_at` is what a worker says: with a time long ago a stolen key would slip past every successor."""
    granted = timezone.now() - timedelta(hours=1)
    with installation():
        LeaseGrant.objects.update(granted_at=granted)
        CameraLease.objects.update(epoch=3)
        LeaseGrant.objects.create(
            tenant=CameraLease.objects.get().tenant,
            camera_id=door.pk,
            epoch=3,
            worker="yard",
            granted_at=granted,
        )
    problem(gate.record(door, known_at=(granted - timedelta(days=1)).isoformat()), 409)
    with installation():
        LeaseGrant.objects.filter(epoch=3).update(granted_at=granted + timedelta(minutes=10))
    assert gate.record(door, known_at=(granted + timedelta(minutes=1)).isoformat()).status_code == 204
    assert Sighting.objects.get().last_seen_at == granted + timedelta(minutes=6)


def test_a_grant_is_remembered_until_long_after_the_next(gate: Gate, door: Camera) -> None:
    """Of a run of months, what it spooled at its end must still arrive."""
    with installation():
        long_ago = timezone.now() - GRANTS_KEPT - timedelta(days=1)
        LeaseGrant.objects.update(granted_at=long_ago)
        assert forget_old_grants() == 0
        tenant = CameraLease.objects.get().tenant
        for epoch, at in ((3, long_ago), (4, timezone.now())):
            LeaseGrant.objects.create(
                tenant=tenant, camera_id=door.pk, epoch=epoch, worker="gate", granted_at=at
            )
        assert forget_old_grants() == 1
        assert set(LeaseGrant.objects.values_list("epoch", flat=True)) == {3, 4}
        CameraLease.objects.all().delete()
        assert forget_old_grants() == 1


def test_staff_are_told_once_and_again_when_they_change(acme: Tenant, gate: Gate, door: Camera) -> None:
    ada = enrol("Ada", 1, 2)
    known = gate.people("known", acme.pk).json()
    assert known["people"] == [str(ada.pk)]
    assert gate.people("known", acme.pk, version=known["version"]).status_code == 204
    grace = enrol("Grace", 3)
    known = gate.people("known", acme.pk, version=known["version"]).json()
    assert set(known["people"]) == {str(ada.pk), str(grace.pk)}
    assert gate.people("tuning", acme.pk).json() == {"own": None, "others": {}}
    measured(link=0.4, review=0.3, margin=0.1)
    assert gate.people("tuning", acme.pk).json()["own"] == {"link": 0.4, "review": 0.3, "margin": 0.1}


def test_visitors_are_found(acme: Tenant, gate: Gate, door: Camera) -> None:
    gate.record(door)
    said = {"site": str(door.site_id), "template": a_record()["template"]}
    found = gate.people("visitors", acme.pk, **said).json()["found"]
    assert [one["person"] for one in found] == [str(Visitor.objects.get().pk)]
    assert found[0]["score"] > 0.99
    problem(gate.people("visitors", acme.pk, **said | {"site": str(uuid4())}), 404)


def test_other_tenants_and_other_workers_cameras_are_like_none(
    acme: Tenant, other: Tenant, gate: Gate, door: Camera, theirs: Camera
) -> None:
    bodies: dict[str, dict[str, Any]] = {
        "brief": {},
        "report": {"epoch": 2, "status": "running"},
        "end": {"epoch": 2, "status": "stopped"},
        "record": a_record(),
    }
    for act, body in bodies.items():
        foreign, never = gate.camera(act, theirs.pk, body), gate.camera(act, uuid4(), body)
        problem(foreign, 404)
        assert foreign.content == never.content
    said = {"site": str(theirs.site_id), "template": a_record()["template"]}
    for act, more in (("tuning", {}), ("known", {}), ("visitors", said)):
        foreign, never = gate.people(act, other.pk, **more), gate.people(act, uuid4(), **more)
        problem(foreign, 404)
        assert foreign.content == never.content
    with tenant_context(other):
        assert not Sighting.objects.exists()
        theirs.refresh_from_db()
        assert theirs.status == "stopped"
    problem(gate.people("visitors", acme.pk, **said), 404)
    assert gate.people("known", acme.pk).json()["people"] == []


def test_a_worker_that_gave_its_cameras_up_learns_nothing_more(
    acme: Tenant, gate: Gate, door: Camera
) -> None:
    assert gate.people("known", acme.pk).status_code == 200
    gate.client.post(f"{OWN}sign-off/", gate.me)
    problem(gate.people("known", acme.pk), 404)
    problem(gate.camera("brief", door.pk, {}), 404)


@pytest.mark.parametrize("version", [1, 2])
def test_the_record_of_a_worker_of_before_counts_as_one_of_today(
    gate: Gate, door: Camera, version: int
) -> None:
    """A worker of the version before sends none, which the other tests do."""
    assert gate.record(door, version=version).status_code == 204
    assert Sighting.objects.get().reason == "made by a test"


NOT_RECORDS: list[tuple[str, Any]] = [
    ("version", 0),
    ("version", 3),
    ("version", "new"),
    ("epoch", "two"),
    ("track", -1),
    ("sequence", 2**31),
    ("decision", "pending"),
    ("person", "Ada"),
    ("score", 2.0),
    ("score", "nan"),
    ("quality", "nan"),
    ("reason", "x" * 301),
    ("reason", "a\x00b"),
    ("started_at", "yesterday"),
    ("started_at", "2026-11-28T01:02:03"),
    ("sequence", True),
    ("decision", "staff\n"),
    ("pack", "edgeface-xs\n"),
    ("last_seen_at", "0001-01-01T00:00:00Z"),
    ("last_seen_at", "9999-12-31T23:59:59-12:00"),
    ("quality", 1.5),
    ("pack", "../edgeface"),
    ("template", None),
    ("template", "x"),
    ("template", "é" * 40),
    ("template", b64encode(b"\x00" * 2048).decode()),
    ("template", b64encode(b"\xff" * 2048).decode()),
    ("template", b64encode(b"\x00" * 2052).decode()),
    ("picture", b64encode(b"<html>").decode()),
    ("picture", b64encode(b"\xff\xd8\xff\xe0 no more than that").decode()),
    ("picture", 7),
    ("known_at", "soon"),
    ("colour", "blue"),
]


@pytest.mark.parametrize(("field", "value"), NOT_RECORDS)
def test_nonsense_is_not_recorded(gate: Gate, door: Camera, field: str, value: Any) -> None:
    problem(gate.camera("record", door.pk, a_record() | {field: value}), 400, field=field)
    assert not Sighting.objects.exists()


def test_what_is_too_large_is_not_even_read(gate: Gate, door: Camera) -> None:
    problem(gate.record(door, picture="A" * 3_000_000), 413)
    problem(gate.camera("report", door.pk, {"epoch": 2, "status": "running", "detail": "x" * 100_000}), 413)


@pytest.mark.parametrize(
    ("error", "status"),
    [(OperationalError("of a person's name"), 503), (ValueError("of a person's name"), 422)],
)
def test_what_is_kept_later_and_what_never_is_told_apart(
    gate: Gate, door: Camera, monkeypatch: pytest.MonkeyPatch, error: Exception, status: int
) -> None:
    def fails(**_: object) -> None:
        raise error

    monkeypatch.setattr("workers.process.sinks.sighting_store.record_track", fails)
    assert "person" not in problem(gate.record(door), status)["detail"]


def test_packs_that_are_not_known_make_no_collection(acme: Tenant, gate: Gate, door: Camera) -> None:
    assert PACK in PACKS
    for act in ("tuning", "known"):
        problem(gate.people(act, acme.pk, pack="mine"), 400, field="pack")


def test_a_worker_tells_what_is_wrong_with_the_pictures(acme: Tenant, gate: Gate, door: Camera) -> None:
    Camera.objects.update(enabled=True, epoch=2)
    said = {"epoch": 2, "status": "running", "picture_problem": "black", "lost_frames": 12}
    assert gate.camera("report", door.pk, said).status_code == 204
    door.refresh_from_db()
    assert (door.picture_problem, door.lost_frames) == ("black", 12)
    for wrong in ({"picture_problem": "sepia"}, {"lost_frames": -1}, {"lost_frames": 3_000_000_000}):
        assert gate.camera("report", door.pk, said | wrong).status_code == 400
    ended = {"epoch": 2, "status": "stopped", "lost_frames": 15}
    assert gate.camera("end", door.pk, ended).status_code == 204
    door.refresh_from_db()
    assert (door.picture_problem, door.lost_frames) == ("", 15)
