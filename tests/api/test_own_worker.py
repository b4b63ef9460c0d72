"""Workers over the API of the public host: each about itself, with a token of its own key, and no further."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db.models.functions import Now
from django.utils import timezone
from django_tenants.utils import tenant_context
from rest_framework.test import APIClient

from cameras.models import Camera, Site
from tenants.audit.queries import lines_of
from tenants.credentials.actions import revoke_key
from tenants.isolation.context import installation
from tenants.models import Activity, ApiKey, Tenant, User, Verb
from tenants.queries import installation_tenant
from tests.api.answers import KEY_TOKEN, V1, problem
from tests.audit.conftest import seal
from tests.conftest import make_camera
from tests.edge import PUBLIC, Visitor, a_record, key_of, worker_client
from workers.fleet.leases import take
from workers.fleet.models import CameraLease, Worker
from workers.fleet.registration import Introduction, register
from workers.fleet.scheduler import tick

OWN = f"{V1}/workers/gate/"
INTRODUCTION = {"host": "Gate-PC", "capacity": 4, "packs": ["edgeface-xs"], "versions": {"av": "18.1"}}
SOMEBODY = {"pack": "edgeface-xs", "site": str(UUID(int=1)), "template": a_record()["template"]}
ADDRESSES: list[tuple[str, str, dict[str, Any]]] = [
    ("put", "", INTRODUCTION),
    ("get", "", {}),
    ("post", "beat/", {"state": "idle"}),
    ("post", "sign-off/", {}),
    ("get", "leases/", {}),
    ("post", "leases/renew/", {"held": []}),
    ("post", "leases/{camera}/acquire/", {}),
    ("post", "leases/{camera}/release/", {"epoch": 1}),
    ("post", "leases/{camera}/brief/", {}),
    ("post", "leases/{camera}/report/", {"epoch": 1, "status": "running"}),
    ("post", "leases/{camera}/end/", {"epoch": 1, "status": "stopped"}),
    ("post", "leases/{camera}/record/", a_record(1)),
    ("post", "leases/{camera}/picture/", {"epoch": 1, "picture": a_record(1)["picture"]}),
    ("post", "watched/", {}),
    ("post", "answer/", {"ticket": "x", "ok": True}),
    ("post", "tenants/{camera}/tuning/", {"pack": "edgeface-xs"}),
    ("post", "tenants/{camera}/known/", {"pack": "edgeface-xs"}),
    ("post", "tenants/{camera}/visitors/", SOMEBODY),
]
EVERYWHERE = pytest.mark.parametrize(("method", "address", "body"), ADDRESSES)


@pytest.fixture
def gate(acme: Tenant) -> APIClient:
    """The worker gate, with a token, before it has registered."""
    return worker_client(key_of("gate")[1])


def bearing(token: str) -> Visitor:
    return Visitor(SERVER_NAME=PUBLIC, HTTP_AUTHORIZATION=f"Bearer {token}")


def log() -> list[Activity]:
    """The lines of the installation's own log, oldest first."""
    seal()
    with installation():
        return list(lines_of(None).order_by("number"))


def registered(client: APIClient, path: str = OWN) -> dict[str, str]:
    """What names the process in all that it says."""
    answer = client.put(path, INTRODUCTION)
    assert answer.status_code == 200, answer.content
    return {"incarnation": answer.json()["incarnation"]}


def planned(name: str = "gate", **values: Any) -> Camera:
    """A camera that is wanted and planned for a worker that has registered."""
    camera = make_camera(enabled=True, **values)
    with installation():
        CameraLease.objects.filter(pk=camera.pk).update(planned=Worker.objects.get(name=name))
    return camera


def test_it_registers_and_is_known(acme: Tenant, gate: APIClient) -> None:
    problem(gate.get(OWN), 404)
    answer = gate.put(OWN, INTRODUCTION | {"sites": [str(uuid4())], "devices": ["/dev/video0"]})
    assert answer.status_code == 200
    assert set(answer.json()) == {"id", "name", "incarnation", "heartbeat_seconds"}
    worker = Worker.objects.get()
    assert (worker.name, worker.host, worker.capacity, worker.packs) == (
        "gate",
        "gate-pc",
        4,
        ["edgeface-xs"],
    )
    assert answer.json()["incarnation"] == str(worker.incarnation)
    known = gate.get(OWN).json()
    assert (known["state"], known["cameras"], known["versions"]) == ("idle", 0, {"av": "18.1"})


def test_it_beats_and_is_offline_after_three_that_it_missed(acme: Tenant, gate: APIClient) -> None:
    me = registered(gate)
    said = {"state": "processing", "fps": 12.5, "faces_per_second": 2.0, "load": 0.7, "queue_depth": 3}
    answer = gate.post(f"{OWN}beat/", me | said | {"memory_megabytes": 700, "last_error": ""})
    assert answer.status_code == 200
    assert answer.json() == {"take": [], "give_up": []}
    known = gate.get(OWN).json()
    assert (known["state"], known["fps"], known["queue_depth"]) == ("processing", 12.5, 3)
    with installation():
        Worker.objects.update(beat_at=Now() - timedelta(seconds=91))
    assert gate.get(OWN).json()["state"] == "offline"
    gate.post(f"{OWN}beat/", me | {"state": "online"})
    assert gate.get(OWN).json()["state"] == "online"


def test_it_signs_off_and_its_cameras_are_free(acme: Tenant, gate: APIClient) -> None:
    me = registered(gate)
    camera = planned()
    assert gate.post(f"{OWN}leases/{camera.pk}/acquire/", me).status_code == 200
    assert gate.post(f"{OWN}sign-off/", me).status_code == 204
    assert gate.get(OWN).json()["state"] == "offline"
    assert CameraLease.objects.get().worker is None


def test_a_camera_is_taken_renewed_and_given_up(acme: Tenant, gate: APIClient) -> None:
    me = registered(gate)
    camera = planned()
    pair = {"tenant": str(acme.pk), "camera": str(camera.pk)}
    assert gate.post(f"{OWN}beat/", me | {"state": "idle"}).json()["take"] == [pair]
    grant = gate.post(f"{OWN}leases/{camera.pk}/acquire/", me).json()
    assert (grant["camera"], grant["epoch"]) == (str(camera.pk), 2)
    camera.refresh_from_db()
    assert (camera.epoch, camera.worker, camera.status) == (2, "gate", "starting")
    lease = {"camera": str(camera.pk), "epoch": 2}
    assert gate.get(f"{OWN}leases/").json() == {"take": [], "give_up": [], "held": [lease]}
    answer = gate.post(f"{OWN}leases/renew/", me | {"held": [lease]}).json()
    assert [one["epoch"] for one in answer["renewed"]] == [2]
    assert answer["renewed"][0]["at"] > grant["at"]
    stale = {"camera": str(camera.pk), "epoch": 1}
    assert gate.post(f"{OWN}leases/renew/", me | {"held": [stale]}).json()["renewed"] == []
    problem(gate.post(f"{OWN}leases/{camera.pk}/release/", me | {"epoch": 1}), 409)
    assert gate.post(f"{OWN}leases/{camera.pk}/release/", me | {"epoch": 2}).status_code == 204
    assert CameraLease.objects.get().worker is None


def test_it_is_told_what_to_give_up(acme: Tenant, gate: APIClient) -> None:
    me = registered(gate)
    camera = planned()
    gate.post(f"{OWN}leases/{camera.pk}/acquire/", me)
    CameraLease.objects.update(desired=False)
    assert gate.post(f"{OWN}leases/renew/", me | {"held": []}).json()["give_up"] == [str(camera.pk)]
    other = register(introduction=Introduction(name="yard", capacity=4))
    CameraLease.objects.update(desired=True, planned=other)
    assert gate.get(f"{OWN}leases/").json()["give_up"] == [str(camera.pk)]


def test_a_camera_that_another_holds_is_not_had(acme: Tenant, gate: APIClient) -> None:
    me = registered(gate)
    camera = make_camera(enabled=True)
    yard = register(introduction=Introduction(name="yard", capacity=4))
    assert take(camera_id=camera.pk, worker=yard)
    own = Worker.objects.get(name="gate")
    CameraLease.objects.update(planned=own)
    problem(gate.post(f"{OWN}leases/{camera.pk}/acquire/", me), 409)
    problem(gate.post(f"{OWN}leases/{camera.pk}/release/", me | {"epoch": 2}), 409)
    assert CameraLease.objects.get().worker == yard


def test_cameras_of_other_workers_are_like_cameras_that_never_were(
    acme: Tenant, other: Tenant, gate: APIClient
) -> None:
    me = registered(gate)
    yard = register(introduction=Introduction(name="yard", capacity=4))
    with tenant_context(other):
        theirs = planned("yard")
        grant = take(camera_id=theirs.pk, worker=yard)
    assert grant
    for act, body in (("acquire", {}), ("release", {"epoch": grant.epoch})):
        foreign = gate.post(f"{OWN}leases/{theirs.pk}/{act}/", me | body)
        never = gate.post(f"{OWN}leases/{uuid4()}/{act}/", me | body)
        problem(foreign, 404)
        assert foreign.content == never.content
    renewed = gate.post(
        f"{OWN}leases/renew/", me | {"held": [{"camera": str(theirs.pk), "epoch": grant.epoch}]}
    )
    assert renewed.json() == {"renewed": [], "take": [], "give_up": []}
    with installation():
        assert CameraLease.objects.get(pk=theirs.pk).worker == yard


@EVERYWHERE
def test_another_workers_name_is_that_of_nobody(
    acme: Tenant, gate: APIClient, method: str, address: str, body: dict[str, Any]
) -> None:
    me = registered(gate)
    yard = register(introduction=Introduction(name="yard", capacity=4))
    path = address.format(camera=make_camera().pk)
    answers = [
        getattr(gate, method)(f"{V1}/workers/{name}/{path}", me | body if method == "post" else body)
        for name in ("yard", "nobody", "GATE")
    ]
    for answer in answers:
        problem(answer, 404)
        assert answer.content == answers[0].content
    before = yard.incarnation
    yard.refresh_from_db()
    assert (yard.incarnation, yard.state) == (before, Worker.State.IDLE)
    assert set(Worker.objects.values_list("name", flat=True)) == {"gate", "yard"}


@EVERYWHERE
def test_nobody_else_gets_in(
    acme: Tenant,
    gate: APIClient,
    tokens_of: Callable[..., dict[str, str]],
    method: str,
    address: str,
    body: dict[str, Any],
) -> None:
    """Members of customers by their tokens, whoever runs the installation by session, keys that are not
    exchanged, and strangers."""
    registered(gate)
    path = OWN + address.format(camera=uuid4())
    member = bearing(tokens_of(acme)["access"])
    problem(getattr(member, method)(path, body), 401)
    problem(getattr(Visitor(SERVER_NAME=PUBLIC), method)(path, body), 401)
    key = Visitor(SERVER_NAME=PUBLIC, HTTP_AUTHORIZATION=f"Api-Key {key_of('gate')[1]}")
    problem(getattr(key, method)(path, body), 401)
    root = Visitor(SERVER_NAME=PUBLIC)
    with installation():
        root.force_login(User.objects.create_superuser("root@installation.test"))
    problem(getattr(root, method)(path, body), 401)


def test_a_workers_token_opens_nothing_else(acme: Tenant, gate: APIClient, camera: Camera) -> None:
    token = gate.defaults["HTTP_AUTHORIZATION"]
    tenants = Visitor(SERVER_NAME="acme.localhost", HTTP_AUTHORIZATION=token)
    for path in ("workers/", "cameras/", f"cameras/{camera.pk}/", "keys/", "schema/", "workers/gate/"):
        assert tenants.get(f"{V1}/{path}").status_code in (401, 404)
    problem(tenants.get(f"{V1}/workers/"), 401)
    problem(gate.get(f"{V1}/cameras/"), 404)
    problem(gate.get(f"{V1}/workers/"), 404)
    assert gate.get("/admin/").status_code == 302
    assert gate.get("/admin/tenants/tenant/").status_code == 302


@pytest.mark.parametrize(
    "spoil",
    [
        lambda token: token[:-3] + ("aaa" if not token.endswith("aaa") else "bbb"),
        lambda token: token.replace(".", "", 1),
        lambda token: "nonsense",
    ],
)
def test_a_forged_token_is_refused_and_noted(
    acme: Tenant,
    gate: APIClient,
    spoil: Callable[[str], str],
) -> None:
    token = gate.defaults["HTTP_AUTHORIZATION"].removeprefix("Bearer ")
    problem(bearing(spoil(token)).get(OWN), 401)
    assert log()[-1].verb == Verb.CREDENTIAL_REFUSED


@pytest.mark.parametrize("end", ["revoked", "expired"])
def test_a_key_that_ended_ends_its_tokens_too_and_is_noted(acme: Tenant, end: str) -> None:
    key, text = key_of("gate")
    gate = worker_client(text)
    registered(gate)
    if end == "revoked":
        with installation():
            revoke_key(key=key, tenant=installation_tenant(), by=None)
    else:
        with installation():
            ApiKey.objects.update(expires_at=timezone.now())
    problem(gate.get(OWN), 401)
    line = log()[-1]
    assert (line.verb, line.object_label, line.reason) == (Verb.CREDENTIAL_REFUSED, key.prefix, end)
    problem(Visitor(SERVER_NAME=PUBLIC).post(KEY_TOKEN, {"key": text}), 401)
    assert text not in str([line.__dict__ for line in log()])


def test_an_older_process_finds_itself_replaced(acme: Tenant, gate: APIClient) -> None:
    older = registered(gate)
    camera = planned()
    newer = registered(gate)
    CameraLease.objects.update(planned=Worker.objects.get())
    for _, address, body in ADDRESSES[2:4] + ADDRESSES[5:]:
        problem(gate.post(OWN + address.format(camera=camera.pk), older | body), 410)
    assert gate.post(f"{OWN}beat/", newer | {"state": "idle"}).status_code == 200
    assert gate.post(f"{OWN}leases/{camera.pk}/acquire/", newer).status_code == 200


NONSENSE = [
    ("host", None),
    ("host", ""),
    ("host", "x" * 101),
    ("host", "a\x00b"),
    ("capacity", 0),
    ("capacity", 201),
    ("capacity", "many"),
    ("capacity", 10**17),
    ("sites", ["Head office"]),
    ("sites", [str(UUID(int=number)) for number in range(201)]),
    ("devices", "video0"),
    ("devices", ["x"] * 65),
    ("packs", [["x"]]),
    ("accelerators", ["x" * 51]),
    ("versions", {"av\x00": "1"}),
    ("versions", {"av": "x" * 51}),
    ("versions", {f"part {number}": "1" for number in range(41)}),
    ("pid", -1),
    ("colour", "blue"),
]


@pytest.mark.parametrize(("field", "value"), NONSENSE)
def test_nonsense_is_not_registered(acme: Tenant, gate: APIClient, field: str, value: Any) -> None:
    problem(gate.put(OWN, INTRODUCTION | {field: value}), 400, field=field)
    assert not Worker.objects.exists()


@pytest.mark.parametrize("body", [[], "x", {}, {"held": []}])
def test_what_is_no_introduction_is_not_registered(acme: Tenant, gate: APIClient, body: Any) -> None:
    problem(gate.put(OWN, body), 400)
    problem(gate.put(OWN, {"devices": ["x" * 100] * 1_500}), 413)


@pytest.mark.parametrize(
    ("field", "value"),
    [("state", "offline"), ("state", "busy"), ("fps", -1), ("load", 1e9), ("queue_depth", 2**31),
     ("last_error", "x" * 301), ("incarnation", "me"), ("incarnation", None)],
)  # fmt: skip
def test_a_beat_of_nonsense_is_refused(acme: Tenant, gate: APIClient, field: str, value: Any) -> None:
    me = registered(gate)
    problem(gate.post(f"{OWN}beat/", me | {"state": "idle", field: value}), 400, field=field)


@pytest.mark.parametrize(
    "held", [None, [1], [{}], [{"camera": "x", "epoch": 1}], [{"camera": str(UUID(int=1)), "epoch": -1}]]
)
def test_leases_of_nonsense_are_refused(acme: Tenant, gate: APIClient, held: Any) -> None:
    problem(gate.post(f"{OWN}leases/renew/", registered(gate) | {"held": held}), 400, field="held")


def test_a_key_for_named_sites_runs_cameras_of_those_alone(acme: Tenant) -> None:
    """Whoever has stolen it would else register for every site there is, and be given the cameras' logins."""
    camera = make_camera(enabled=True)
    elsewhere = make_camera("Elsewhere", site=Site.objects.create(name="Elsewhere"), enabled=True)
    gate = worker_client(key_of("gate", sites=[camera.site_id])[1])
    refused = gate.put(OWN, INTRODUCTION | {"sites": [str(elsewhere.site_id)]})
    problem(refused, 400, field="sites")
    me = registered(gate)
    assert Worker.objects.get().sites == [str(camera.site_id)]
    assert tick()
    assert gate.get(f"{OWN}leases/").json()["take"] == [{"tenant": str(acme.pk), "camera": str(camera.pk)}]
    with installation():
        CameraLease.objects.update(planned=Worker.objects.get())  # before the key was made, say
    problem(gate.post(f"{OWN}leases/{elsewhere.pk}/acquire/", me), 404)
    assert gate.post(f"{OWN}leases/{camera.pk}/acquire/", me).status_code == 200
