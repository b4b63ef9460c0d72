"""A lease that has ended opens nothing and takes nothing, whatever a worker at the edge asks or tells."""

from base64 import b64encode
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import numpy as np
import pytest
from django.db.models.functions import Now
from django.utils import timezone
from redis import Redis
from redis.exceptions import ConnectionError as RedisAway

from cameras.models import Camera, Site
from facetrack.core.images import jpeg
from tenants.models import Tenant
from tests.api.answers import problem
from tests.api.test_own_runs import OWN, PACK, Gate, asked_of
from tests.conftest import make_camera
from tests.edge import a_record, held_by
from tests.workers.test_gallery import enrol
from visits.models import Sighting
from workers.api.edge_urls import urlpatterns
from workers.control.operations import Answer
from workers.fleet.models import CameraLease, Worker
from workers.fleet.registration import Introduction, register
from workers.process.sinks import pictures

PICTURE = jpeg(np.full((40, 30, 3), 90, dtype=np.uint8))
SAID = b64encode(PICTURE).decode()
FACE = a_record()["template"]
BODIES: dict[str, dict[str, Any]] = {
    "own-run-brief": {},
    "own-run-report": {"epoch": 2, "status": "running"},
    "own-run-end": {"epoch": 2, "status": "stopped"},
    "own-run-record": a_record(),
    "own-run-picture": {"epoch": 2, "picture": SAID},
    "own-lease-release": {"epoch": 2},
    "own-people-tuning": {"pack": PACK},
    "own-people-known": {"pack": PACK},
    "own-people-visitors": {"pack": PACK, "template": FACE},
}
TAKES = "own-lease-acquire"
"""Where a worker may have the camera again, which begins a new lease."""


@pytest.fixture
def gate(acme: Tenant) -> Gate:
    return Gate()


@pytest.fixture
def door(gate: Gate) -> Camera:
    camera = make_camera(username="me", password="geheim")
    held_by("gate", camera)
    enrol("Ada", 1)
    return camera


def let_expire() -> None:
    CameraLease.objects.update(expires_at=Now() - timedelta(milliseconds=1))


def asked(gate: Gate, name: str, camera: Camera) -> Any:
    """What an address that is about a camera, or a tenant of which it holds one, answers the worker."""
    body = {"site": str(camera.site_id)} if name == "own-people-visitors" else {}
    act, tenant = name.rpartition("-")[2], CameraLease.objects.get(pk=camera.pk).tenant_id
    place = f"tenants/{tenant}" if name.startswith("own-people") else f"leases/{camera.pk}"
    return gate.client.post(f"{OWN}{place}/{act}/", gate.me | BODIES[name] | body)


def addresses() -> list[str]:
    """All that are about one camera or one tenant."""
    return sorted(str(one.name) for one in urlpatterns if "<uuid:" in str(one.pattern) and one.name != TAKES)


def test_every_address_is_asked() -> None:
    assert addresses() == sorted(BODIES)


@pytest.mark.parametrize("name", sorted(BODIES))
def test_a_lease_that_has_ended_opens_nothing(gate: Gate, door: Camera, name: str) -> None:
    assert asked(gate, name, door).status_code in (200, 204), "while it is held"
    Sighting.objects.all().delete()
    pictures.forget(CameraLease.objects.get().tenant_id, [door.pk])
    held_again(door)
    let_expire()
    answer = asked(gate, name, door)
    assert answer.status_code in (404, 409, 412), answer.content
    for secret in (b"geheim", b"templates", b"own"):
        assert secret not in answer.content.replace(b"Unknown", b"")
    door.refresh_from_db()
    assert (door.enabled, Sighting.objects.count()) == (True, 0)
    assert CameraLease.objects.get().worker == Worker.objects.get(), "nothing was given up either"
    assert pictures.newest(CameraLease.objects.get().tenant_id, door.pk) is None


def held_again(camera: Camera) -> None:
    """As before the first request, which may have ended the run."""
    CameraLease.objects.update(worker=Worker.objects.get(), expires_at=Now() + timedelta(hours=1))
    Camera.objects.filter(pk=camera.pk).update(enabled=True)


def test_what_waited_on_disk_arrives_all_the_same(gate: Gate, door: Camera) -> None:
    let_expire()
    problem(gate.record(door), 412)
    assert gate.record(door, known_at=timezone.now().isoformat()).status_code == 204
    assert Sighting.objects.count() == 1


def test_what_has_ended_goes_on_where_it_could_be_taken_again(gate: Gate, door: Camera) -> None:
    def renewed() -> int:
        held = {"held": [{"camera": str(door.pk), "epoch": 2}]}
        return len(gate.client.post(f"{OWN}leases/renew/", gate.me | held).json()["renewed"])

    let_expire()
    assert renewed() == 1
    assert asked(gate, "own-run-brief", door).status_code == 200
    CameraLease.objects.update(desired=False)
    assert renewed() == 1, "it is held: the worker ends it in order"
    let_expire()
    assert renewed() == 0, "the camera is not enabled"
    yard = register(introduction=Introduction(name="yard", capacity=4))
    CameraLease.objects.update(desired=True, planned=yard)
    assert renewed() == 0, "another worker should run it"


def test_a_camera_that_was_moved_to_another_site_is_lost(acme: Tenant) -> None:
    camera = make_camera()
    gate = Gate(sites=[camera.site_id])
    held_by("gate", camera)
    held = {"held": [{"camera": str(camera.pk), "epoch": 2}]}
    assert len(gate.client.post(f"{OWN}leases/renew/", gate.me | held).json()["renewed"]) == 1
    CameraLease.objects.update(site_id=Site.objects.create(name="Elsewhere").pk)
    assert gate.client.post(f"{OWN}leases/renew/", gate.me | held).json()["renewed"] == []


def test_live_pictures_are_those_of_held_cameras(acme: Tenant, gate: Gate, door: Camera) -> None:
    other = make_camera("Yard")
    pictures.watch(acme.pk, [door.pk, other.pk])
    assert gate.client.post(f"{OWN}watched/", gate.me).json() == {"cameras": [str(door.pk)]}
    assert asked(gate, "own-run-picture", door).status_code == 204
    assert pictures.live(acme.pk, door.pk) == PICTURE
    problem(gate.camera("picture", door.pk, {"epoch": 1, "picture": SAID}), 409)
    problem(gate.camera("picture", other.pk, {"epoch": 1, "picture": SAID}), 404)
    no_picture = {"epoch": 2, "picture": b64encode(b"<html>").decode()}
    problem(gate.camera("picture", door.pk, no_picture), 400, field="picture")
    problem(gate.camera("picture", door.pk, {"epoch": 2, "picture": "A" * 3_000_000}), 413)
    assert pictures.newest(acme.pk, other.pk) is None
    let_expire()
    assert gate.client.post(f"{OWN}watched/", gate.me).json() == {"cameras": []}


def answered(gate: Gate, ticket: str, **more: Any) -> Any:
    said = {"ok": True, "detail": "Connected.", "facts": {"width": 640, "fps": 5.0}, "picture": SAID}
    return gate.client.post(f"{OWN}answer/", gate.me | {"ticket": ticket} | said | more)


def waiting(ticket: str) -> Answer | None:
    """What the person who asked finds."""
    from workers.process.clients.ticket import ticket_of
    from workers.process.sinks.answers import key_of

    found = ticket_of(ticket, "gate") or ticket_of(ticket, "yard")
    data = pictures.store().lpop(key_of(found.request if found else uuid4()))
    return Answer.unpacked(data) if data else None  # type: ignore[arg-type]


def test_a_worker_answers_what_it_was_asked_and_once(acme: Tenant, gate: Gate, door: Camera) -> None:
    mine, theirs = asked_of(acme, door), asked_of(acme, door, worker="yard")
    for spoilt in (theirs, mine[:-2] + "xx", str(UUID(int=1)), "x" * 500):
        problem(answered(gate, spoilt), 404)
    assert waiting(mine) is None
    assert waiting(theirs) is None
    assert answered(gate, mine).status_code == 204
    problem(answered(gate, mine, detail="It is broken."), 404)
    told = waiting(mine)
    assert told is not None
    assert (told.ok, told.worker, told.detail) == (True, "gate", "Connected."), "whose it is, its key says"
    assert (told.facts, told.picture) == ({"width": 640, "fps": 5.0}, PICTURE)
    assert waiting(mine) is None
    of_the_machine = asked_of(acme, None, operation="devices")
    assert answered(gate, of_the_machine, facts={"devices": ["/dev/video0"]}, picture=None).status_code == 204
    found = waiting(of_the_machine)
    assert found is not None
    assert found.facts == {"devices": ["/dev/video0"]}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("ok", "perhaps"),
        ("detail", "x" * 1_001),
        ("detail", "a\x00b"),
        ("facts", {"width": -1}),
        ("facts", {"fps": "nan"}),
        ("facts", {"measured_fps": "inf"}),
        ("facts", {"colour": "blue"}),
        ("facts", {"lost_frames": -1}),
        ("facts", {"picture_problem": "dull"}),
        ("facts", {"devices": ["x"] * 65}),
        ("picture", "PGh0bWw+"),
        ("worker", "w1"),
    ],
)
def test_nonsense_is_no_answer(acme: Tenant, gate: Gate, door: Camera, field: str, value: Any) -> None:
    ticket = asked_of(acme, door)
    problem(answered(gate, ticket, **{field: value}), 400)
    assert waiting(ticket) is None


def test_while_redis_is_away_nothing_is_shown_and_the_worker_hears_it(
    acme: Tenant, gate: Gate, door: Camera, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = Redis.from_url("redis://127.0.0.1:1/0", socket_connect_timeout=0.2)
    for module in ("workers.process.sinks.pictures", "workers.process.clients.ticket"):
        monkeypatch.setattr(f"{module}.store", lambda: away)
    with pytest.raises(RedisAway):
        away.ping()
    assert "Redis is unavailable" in problem(asked(gate, "own-run-picture", door), 503)["detail"]
    problem(answered(gate, asked_of(acme, door)), 503)
    problem(gate.client.post(f"{OWN}watched/", gate.me), 503)
