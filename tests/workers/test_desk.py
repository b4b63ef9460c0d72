"""The desk of a run at the edge: what it asks of a real server, and what becomes of records on a bad line."""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import requests
from django.db import connections
from msgspec.structs import replace as facts_with

from cameras.models import Camera
from tenants.credentials.actions import revoke_key
from tenants.isolation.backend.base import DatabaseWrapper, NoDatabase
from tenants.isolation.context import installation
from tenants.models import ApiKey, Tenant
from tenants.queries import installation_tenant
from tests.chaos.people import PACK, template_of
from tests.conftest import make_camera
from tests.edge import Wire, held_by, key_of, wired
from tests.workers.test_gallery import enrol
from tests.workers.test_links import GATE, SERVER
from visits.models import IdentityRejection, Sighting
from workers.api.run_bodies import CameraSettingsBody
from workers.fleet.leases import Grant, StaleEpoch
from workers.fleet.models import CameraLease
from workers.fleet.registration import register
from workers.process import galleries
from workers.process.clients.api_client import ApiClient
from workers.process.clients.direct_run_client import DIRECT_RUN_CLIENT
from workers.process.clients.fleet_client import Unavailable
from workers.process.clients.https_fleet_client import HttpsFleetClient
from workers.process.clients.run_client import RunClient, RunReport
from workers.process.galleries import TenantGallery, gallery_of, tuned
from workers.process.held_lease import HeldLease, instant
from workers.process.sinks import outage
from workers.process.sinks.delivery import deliver
from workers.process.sinks.recorder import Recorder
from workers.process.sinks.spool import Spool
from workers.process.worker_process import WorkerProcess
from workers.recognition.types import Decision, Shot, TrackReport, Verdict


class Edge(SimpleNamespace):
    """A worker that runs a camera of acme, and the wire between it and the application."""

    run_client: RunClient
    link: HttpsFleetClient
    wire: Wire
    key: ApiKey
    camera: Camera
    held: HeldLease
    spool: Spool
    recorder: Recorder

    def asked(self, what: str) -> int:
        """How often, so far."""
        return sum(line.endswith(f"/{what}/") for line in self.wire.asked)


@pytest.fixture
def edge(acme: Tenant, tmp_path: Path) -> Iterator[Edge]:
    key, text = key_of("gate")
    session, wire = wired()
    link = HttpsFleetClient.registered(ApiClient(SERVER, text, session=session), GATE)
    camera = make_camera(
        password="geheim",
        zones=[[[0, 0], [1, 0], [1, 1]]],
        min_face=40,
        turn=90,
        mirrored=True,
        pixel_aspect=2.0,
    )
    held_by("gate", camera)
    lease = CameraLease.objects.get()
    held = HeldLease(Grant(camera.pk, lease.epoch, lease.expires_at), asked=instant())  # type: ignore[arg-type]
    spool = Spool(tmp_path / "spool", megabytes=10)
    recorder = Recorder(acme, camera.pk, held, spool, pack=PACK, link=0.36, sighting_store=link.run_client)
    yield Edge(
        run_client=link.run_client,
        link=link,
        wire=wire,
        key=key,
        camera=camera,
        held=held,
        spool=spool,
        recorder=recorder,
    )
    spool.close()


def report_of(track: int = 1, **verdict: Any) -> TrackReport:
    """Of a stranger, unless the verdict says more."""
    now = time.time()
    found = {
        "decision": Decision.NEW_VISITOR,
        "identity": None,
        "score": 0.1,
        "reason": "nobody is like them",
    }
    return TrackReport(
        track,
        0,
        True,
        Verdict(**(found | verdict)),
        0,
        9,
        now - 2,
        now,
        9,
        9,
        template=template_of(track),
        shot=Shot(np.full((40, 30, 3), 90, dtype=np.uint8), np.zeros(4, dtype=np.float32), 0.7, now),
    )


def test_a_server_of_the_version_before_knows_no_way_that_a_camera_hangs(
    acme: Tenant, edge: Edge, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = CameraSettingsBody.to_representation

    def before(body: CameraSettingsBody, found: Any) -> dict[str, Any]:
        sent = real(body, found)
        return {name: sent[name] for name in sent if name not in ("turn", "mirrored", "pixel_aspect")}

    monkeypatch.setattr(CameraSettingsBody, "to_representation", before)
    found = edge.run_client.camera_settings(acme, edge.camera.pk)
    assert found is not None
    assert (found.turn, found.mirrored, found.pixel_aspect) == (0, False, None)


def test_it_is_told_what_a_worker_of_the_installation_reads(acme: Tenant, edge: Edge) -> None:
    ada = enrol("Ada", 1, 2)
    enrol("Grace", 3)
    IdentityRejection.objects.create(person=ada.pk, template=template_of(4), pack=PACK)
    edge.recorder.record(report_of(7))
    site, pk = edge.camera.site_id, edge.camera.pk
    assert edge.run_client.camera_settings(acme, pk) == DIRECT_RUN_CLIENT.camera_settings(acme, pk)
    assert "geheim" not in repr(edge.run_client.camera_settings(acme, pk))
    assert edge.run_client.tuning(acme, PACK) == DIRECT_RUN_CLIENT.tuning(acme, PACK)
    theirs, ours = edge.run_client.known(acme, PACK, -1), DIRECT_RUN_CLIENT.known(acme, PACK, -1)
    assert theirs
    assert ours
    assert (theirs.version, theirs.people) == (ours.version, ours.people)
    assert np.array_equal(theirs.templates, ours.templates)
    assert np.array_equal(theirs.denied[str(ada.pk)], ours.denied[str(ada.pk)])
    found = [
        run_client.visitors(acme, template_of(7), PACK, site)
        for run_client in (edge.run_client, DIRECT_RUN_CLIENT)
    ]
    assert found[0] == found[1]
    assert len(found[0]) == 1


def test_whoever_is_enrolled_is_known_within_two_seconds(acme: Tenant, edge: Edge) -> None:
    known = gallery_of(acme, PACK, edge.camera.site_id, edge.run_client)
    assert known.staff(template_of(1)) == []
    ada = enrol("Ada", 1)
    enrolled = time.monotonic()
    while not (found := known.staff(template_of(1))):
        assert time.monotonic() - enrolled < 2.0
        time.sleep(0.05)
    assert found[0].identity == str(ada.pk)
    assert edge.asked("known") == 2, "one question a second, whoever looks"


def test_cameras_of_a_tenant_share_the_question(acme: Tenant, edge: Edge) -> None:
    first, second = (gallery_of(acme, PACK, edge.camera.site_id, edge.run_client) for _ in range(2))
    for known in (first, second, first):
        known.staff(template_of(1))
    assert edge.asked("known") == 1


def test_while_the_server_is_away_it_knows_the_staff_it_knew_and_no_visitors(
    acme: Tenant, edge: Edge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(galleries, "FRESH_SECONDS", -1.0)
    enrol("Ada", 1)
    known = TenantGallery(acme, PACK, edge.run_client)
    edge.recorder.record(report_of(7))
    assert known.visitors(template_of(7), edge.camera.site_id)
    assert known.staff(template_of(1))
    edge.wire.down = True
    assert known.staff(template_of(1))
    assert known.visitors(template_of(7), edge.camera.site_id) == []
    assert outage.on()
    asked = len(edge.wire.asked)
    known.staff(template_of(1))
    assert len(edge.wire.asked) == asked, "nobody waits for it twice"
    with pytest.raises(Unavailable):
        tuned(acme, SimpleNamespace(embedder=SimpleNamespace(pack=PACK)), edge.run_client)  # type: ignore[arg-type]


def test_what_cannot_be_recorded_waits_and_arrives_once(acme: Tenant, edge: Edge) -> None:
    edge.recorder.record(report_of(1))
    edge.wire.down = True
    edge.recorder.record(report_of(2))
    edge.recorder.record(report_of(3))
    assert (edge.spool.depth, edge.asked("record")) == (2, 2), "the third need not find out for itself"
    assert deliver(edge.spool, edge.run_client) == 0
    edge.wire.down = False
    outage.over()
    edge.recorder.record(report_of(4))
    assert edge.spool.depth == 3, "behind those that wait"
    assert deliver(edge.spool, edge.run_client) == 3
    assert edge.spool.depth == 0
    tracks = Sighting.objects.order_by("track")
    assert list(tracks.values_list("track", flat=True)) == [1, 2, 3, 4]
    assert all(tracks.values_list("best_shot", flat=True))


def test_a_record_whose_answer_was_lost_counts_once(edge: Edge, monkeypatch: pytest.MonkeyPatch) -> None:
    really = Wire.send

    def lost(wire: Wire, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        answer = really(wire, request, *args, **kwargs)
        if request.path_url.endswith("/record/"):
            raise requests.ConnectionError("the line broke after the server had it")
        return answer

    with monkeypatch.context() as patched:
        patched.setattr(Wire, "send", lost)
        edge.recorder.record(report_of(1))
    assert (Sighting.objects.count(), edge.spool.depth) == (1, 1)
    outage.over()
    assert deliver(edge.spool, edge.run_client) == 1
    assert Sighting.objects.count() == 1


def test_a_run_that_lost_its_camera_is_refused(acme: Tenant, edge: Edge) -> None:
    with installation():
        register(introduction=GATE)  # would replace it; its grant is remembered
        CameraLease.objects.update(epoch=3)
    link = HttpsFleetClient.registered(edge.link._api_client, GATE)
    late = Recorder(
        acme, edge.camera.pk, edge.held, edge.spool, pack=PACK, link=0.36, sighting_store=link.run_client
    )
    with pytest.raises(StaleEpoch):
        late.record(report_of())
    said = RunReport(edge.camera.pk, 2, Camera.Status.RUNNING, news=True)
    assert not link.run_client.report(acme, said)
    assert not Sighting.objects.exists()


@pytest.mark.parametrize("why", ["its key is revoked", "another process has its name"])
def test_what_it_finds_out_after_it_was_shut_out_waits_for_its_successor(
    acme: Tenant, edge: Edge, why: str
) -> None:
    if "key" in why:
        with installation():
            revoke_key(key=edge.key, tenant=installation_tenant(), by=None)
    else:
        register(introduction=GATE)
    edge.recorder.record(report_of())
    assert (edge.spool.depth, Sighting.objects.count()) == (1, 0)
    assert deliver(edge.spool, edge.run_client) == 0
    outage.over()
    session, _ = wired()
    successor = HttpsFleetClient.registered(ApiClient(SERVER, key_of("gate")[1], session=session), GATE)
    assert deliver(edge.spool, successor.run_client) == 1
    assert Sighting.objects.get().epoch == 2


def test_what_the_server_can_never_keep_is_set_aside_and_holds_nothing_up(
    edge: Edge, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    edge.recorder.record(report_of(1, score=3.0))
    edge.recorder.record(report_of(2, score=float("nan")))
    edge.recorder.record(report_of(3))
    whole = [record for _, record in edge.spool.track_records()]
    assert [record.facts.track for record in whole] == [3]
    edge.spool.put(replace(whole[0], facts=facts_with(whole[0].facts, track=4, shot=b"no picture")))
    edge.recorder.record(report_of(5))
    assert deliver(edge.spool, edge.run_client) == 2
    assert edge.spool.depth == 0
    assert set(Sighting.objects.values_list("track", flat=True)) == {3, 5}
    assert len(list((tmp_path / "spool").glob("*.damaged"))) == 3
    assert "score: Expected `float` <= 1.01" in caplog.text
    assert "the server refused it" in caplog.text
    assert "picture: " in caplog.text


class FormerServer:
    """The server of the version before: it knows no `version`, and says so as its `StrictBody` does."""

    def __init__(self, wire: Wire) -> None:
        self.send_on, self.refused = wire.send, 0

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        said = json.loads(request.body or b"{}")
        if "version" not in said:
            return self.send_on(request, *args, **kwargs)
        self.refused += 1
        problem = {"detail": "Some values were refused.", "errors": {"version": ["There is no such field."]}}
        answer = requests.Response()
        answer.status_code, answer.raw = 400, BytesIO(json.dumps(problem).encode())
        answer.headers["Content-Type"] = "application/problem+json"
        return answer


def test_a_server_of_the_version_before_gets_records_in_its_form(
    edge: Edge, monkeypatch: pytest.MonkeyPatch
) -> None:
    former = FormerServer(edge.wire)
    monkeypatch.setattr(edge.wire, "send", former.send)
    edge.recorder.record(report_of(1))
    edge.recorder.record(report_of(2))
    assert (Sighting.objects.count(), edge.spool.depth) == (2, 0)
    assert former.refused == 1, "it is asked once"


def test_a_picture_that_is_too_large_does_not_take_the_record_with_it(
    edge: Edge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.process.clients.https_run_client.MAX_PICTURE", 100)
    edge.recorder.record(report_of())
    assert Sighting.objects.get().best_shot == ""


def test_a_run_without_news_reports_now_and_then(
    acme: Tenant, edge: Edge, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr(
        "workers.process.clients.https_run_client.time", SimpleNamespace(monotonic=lambda: clock.now)
    )

    def report(status: Camera.Status, *, news: bool = False) -> bool:
        return edge.run_client.report(acme, RunReport(edge.camera.pk, 2, status, news=news))

    assert report(Camera.Status.RUNNING, news=True)
    for clock.now in (1.0, 2.0):
        assert report(Camera.Status.RUNNING)
    assert edge.asked("report") == 1
    assert report(Camera.Status.ERROR, news=True)
    Camera.objects.update(enabled=False)
    clock.now = 6.0
    assert not report(Camera.Status.ERROR)
    assert edge.asked("report") == 3


def test_a_keeper_at_the_edge_begins_anew_where_settings_changed(acme: Tenant, edge: Edge) -> None:
    CameraLease.objects.update(worker=None, expires_at=None)
    worker_process = WorkerProcess(edge.link, edge.spool)
    run = worker_process.run_of(acme, edge.camera.pk)
    assert run
    worker_process._runs[run.camera_id] = run, None  # type: ignore[assignment]
    assert not worker_process.reload(edge.camera.pk)
    Camera.objects.update(name="Back door")
    assert not worker_process.reload(edge.camera.pk), "of no importance to the run"
    Camera.objects.update(min_face=50)
    assert worker_process.reload(edge.camera.pk)
    assert run.again
    Camera.objects.update(enabled=False)
    assert not worker_process.reload(edge.camera.pk)
    assert not run.again


@pytest.mark.parametrize(
    "spoil",
    [
        lambda body: body | {"people": ["x"]},
        lambda body: body | {"templates": "x"},
        lambda body: {},
        lambda body: body | {"denied": 7},
    ],
)
def test_answers_of_another_version_change_nothing(
    acme: Tenant, edge: Edge, monkeypatch: pytest.MonkeyPatch, spoil: Callable[[Any], Any]
) -> None:
    enrol("Ada", 1)
    known = TenantGallery(acme, PACK, edge.run_client)
    assert known.staff(template_of(1))
    monkeypatch.setattr(galleries, "FRESH_SECONDS", -1.0)
    really = requests.Response.json
    monkeypatch.setattr(requests.Response, "json", lambda answer: spoil(really(answer)))
    enrol("Grace", 2)
    assert known.staff(template_of(1)), "those who were known before"


def test_a_process_without_a_database_says_so_instead_of_waiting_for_one(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(DatabaseWrapper, "shut", True)
    own = connections.create_connection("default")
    with pytest.raises(NoDatabase):
        own.ensure_connection()
    assert not issubclass(NoDatabase, outage.DATABASE_ERRORS), "or it would be taken for an outage"
