"""Sources that are none: the worker that looks says what is wrong and what to do, and takes nothing."""

from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from uuid import UUID

import cv2
import numpy as np
import pytest
from celery import current_app
from django.test import Client
from pytest_django import Settings
from rest_framework.test import APIClient

from tenants.models import Tenant
from tenants.queries import active_tenant
from tenants.rules import Role
from tests.api.answers import V1
from tests.conftest import make_camera
from tests.real_models import models_of_settings
from tests.stages.faces import backdrop, paste, portraits, sized
from tests.stages.odd_clips import bar, write
from workers.fleet.models import CameraLease, LeaseGrant
from workers.fleet.registration import Introduction, register
from workers.process.answering import carry_out
from workers.process.clients.direct_fleet_client import DirectFleetClient
from workers.process.sinks.answers import Operation, reply
from workers.process.sinks.spool import Spool
from workers.process.worker_process import WorkerProcess
from workers.recognition.orientation import QuarterTurn, turned

ClientOf = Callable[..., Client]


class Page(BaseHTTPRequestHandler):
    """A web page, whatever is asked for and in whatever language."""

    def handle_one_request(self) -> None:
        self.rfile.readline(4096)
        body = b"<html><body>The page of a camera, not its picture</body></html>"
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n")
        self.wfile.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self.close_connection = True


@pytest.fixture
def page() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{server.server_port}/stream"
    server.shutdown()
    server.server_close()


@pytest.fixture
def worker(db: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[WorkerProcess]:
    """A worker that gets its tasks without a broker in between; it answers through the real Redis."""
    spool = Spool(tmp_path / "spool", megabytes=10)
    worker_process = WorkerProcess(
        DirectFleetClient(register(introduction=Introduction(name="w1", capacity=4, host="gate"))), spool
    )

    def sent(name: str, words: list[str], **_: object) -> None:
        key, operation, camera, ticket = words
        reply(key, carry_out(worker_process, active_tenant(), Operation(operation), UUID(camera), ticket))

    monkeypatch.setattr(current_app, "send_task", sent)
    yield worker_process
    spool.close()


@pytest.mark.parametrize(
    ("kind", "location", "what", "fix_hint"),
    [
        ("usb", "87", "USB camera 87 cannot be opened", "camera device"),
        ("rtsp", "rtsp://{page}", "no video that can be decoded, perhaps a web page", "give the address"),
        ("http", "http://{page}", "no video that can be decoded, perhaps a web page", "give the address"),
    ],
)
def test_it_is_told_by_api_and_page_and_nothing_is_taken(
    acme: Tenant,
    client_of: ClientOf,
    worker: WorkerProcess,
    page: str,
    kind: str,
    location: str,
    what: str,
    fix_hint: str,
) -> None:
    camera = make_camera(kind=kind, location=location.format(page=page))
    api = client_of(acme, Role.TENANT_ADMIN, kind=APIClient)
    answer = api.post(f"{V1}/cameras/{camera.pk}/test/").json()
    assert (answer["ok"], answer["worker"], answer["picture"]) == (False, "w1", "")
    for words in (what, fix_hint):
        assert words in answer["detail"]
    shown = client_of(acme).post(f"/cameras/{camera.pk}/ask/test/").content.decode()
    assert what in shown
    lease = CameraLease.objects.get()
    assert (lease.worker, lease.epoch, lease.desired) == (None, 1, False)
    assert not LeaseGrant.objects.exists()
    camera.refresh_from_db()
    assert (camera.enabled, camera.status) == (False, "stopped")


@pytest.mark.parametrize("turn", list(QuarterTurn))
def test_a_test_says_how_to_turn_a_camera_whose_faces_are_turned(
    acme: Tenant,
    client_of: ClientOf,
    worker: WorkerProcess,
    tmp_path: Path,
    settings: Settings,
    turn: QuarterTurn,
) -> None:
    models_of_settings()
    settings.FACETRACK_CLIP_DIR = tmp_path
    (tmp_path / "acme").mkdir()
    scene = paste(backdrop(), sized(portraits()["tom"], 240), 120, 60)
    shown = turned(scene, turn)
    size = (shown.shape[1], shown.shape[0])
    clip = tmp_path / "acme" / "hall.mp4"
    writer = cv2.VideoWriter(str(clip), cv2.VideoWriter.fourcc(*"mp4v"), 10, size)
    for _ in range(5):
        writer.write(shown)
    writer.release()
    camera = make_camera(kind="file", location="acme/hall.mp4")
    answer = client_of(acme, Role.TENANT_ADMIN, kind=APIClient).post(f"{V1}/cameras/{camera.pk}/test/").json()
    needed = -turn % 360
    assert answer["ok"], answer["detail"]
    assert answer["facts"].get("turn", 0) == needed
    assert ("seem to be turned" in answer["detail"]) is bool(needed)
    type(camera).objects.filter(pk=camera.pk).update(turn=needed)
    told = carry_out(worker, acme, Operation.TEST, camera.pk)
    assert (told.ok, "turn" in told.facts) == (True, False), "with the setting it is upright"


@pytest.mark.parametrize(
    ("level", "ok", "words"),
    [(0, False, "but the picture is black"), (128, False, "but the picture has one colour everywhere")],
)
def test_a_test_says_that_a_source_delivers_and_shows_nothing(
    acme: Tenant,
    client_of: ClientOf,
    worker: WorkerProcess,
    tmp_path: Path,
    settings: Settings,
    level: int,
    ok: bool,
    words: str,
) -> None:
    settings.FACETRACK_CLIP_DIR = tmp_path
    (tmp_path / "acme").mkdir()
    write(tmp_path / "acme" / "hall.mp4", "libx264", [np.full_like(bar(0), level)] * 60)
    camera = make_camera(kind="file", location="acme/hall.mp4")
    answer = client_of(acme, Role.TENANT_ADMIN, kind=APIClient).post(f"{V1}/cameras/{camera.pk}/test/").json()
    assert (answer["ok"], words in answer["detail"]) == (ok, True), answer["detail"]
    assert answer["facts"]["picture_problem"] == ("uniform" if level else "black")
