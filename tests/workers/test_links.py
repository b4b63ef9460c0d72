"""A worker's way to the installation over HTTPS: what it says there, and what becomes of it when it fails."""

import signal
import ssl
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from io import BytesIO
from ipaddress import IPv4Address
from pathlib import Path
from types import SimpleNamespace

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from cameras.models import Camera
from tenants.credentials.actions import revoke_key
from tenants.isolation.context import installation
from tenants.models import ApiKey, Tenant, TokenFamily
from tenants.queries import installation_tenant
from tests.conftest import make_camera
from tests.edge import Wire, key_of, wired
from workers.fleet.models import CameraLease, Worker
from workers.fleet.registration import Beat, Introduction, register
from workers.process.clients import api_client
from workers.process.clients.api_client import ApiClient, checked_server
from workers.process.clients.fleet_client import NameTaken, Unavailable, WorkerRejected
from workers.process.clients.https_fleet_client import HttpsFleetClient
from workers.process.sinks import outage
from workers.process.sinks.spool import Spool
from workers.process.worker_process import WorkerProcess

SERVER, EXCHANGE = "https://faces.example.com", "POST /api/v1/auth/key-token/"
GATE = Introduction(name="gate", capacity=4, host="gate-pc", versions={"av": "18.1"})


class Edge(SimpleNamespace):
    """A worker's link, its key, and the wire between it and the application."""

    link: HttpsFleetClient
    api_client: ApiClient
    wire: Wire
    key: ApiKey
    text: str


@pytest.fixture
def edge(acme: Tenant) -> Edge:
    key, text = key_of("gate")
    session, wire = wired()
    way = ApiClient(SERVER, text, session=session)
    return Edge(link=HttpsFleetClient.registered(way, GATE), door=way, wire=wire, key=key, text=text)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Seconds that a worker believes to have passed beside those that did."""
    fake = SimpleNamespace(ahead=0.0)
    later = SimpleNamespace(
        monotonic=lambda: time.monotonic() + fake.ahead,
        clock_gettime=lambda clock: time.clock_gettime(clock) + fake.ahead,
        CLOCK_BOOTTIME=time.CLOCK_BOOTTIME,
    )
    for room in ("process.clients.api_client", "process.held_lease", "process.worker_process"):
        monkeypatch.setattr(f"workers.{room}.time", later)
    return fake


@pytest.fixture
def at_work(edge: Edge, tmp_path: Path) -> Iterator[WorkerProcess]:
    """A keeper whose threads have not begun."""
    spool = Spool(tmp_path / "spool", megabytes=10)
    yield WorkerProcess(edge.link, spool)
    spool.close()


def planned() -> Camera:
    camera = make_camera(enabled=True)
    CameraLease.objects.update(planned=Worker.objects.get(name="gate"))
    return camera


def revoke(key: ApiKey) -> None:
    with installation():
        revoke_key(key=key, tenant=installation_tenant(), by=None)


def test_the_whole_way(acme: Tenant, edge: Edge) -> None:
    link, camera = edge.link, planned()
    assert (link.name, link.capacity, link.heartbeat_seconds) == ("gate", 4, 30.0)
    assert Worker.objects.get().versions == {"av": "18.1"}
    assert link.keep([]).take == [(acme.pk, camera.pk)]
    grant = link.acquire(acme, camera.pk)
    assert grant
    lease = CameraLease.objects.get()
    assert (grant.camera_id, grant.epoch, grant.at) == (lease.pk, lease.epoch, lease.granted_at)
    assert link.acquire(acme, camera.pk) is None
    assert link.keep([(camera.pk, grant.epoch)]).renewed[camera.pk].at > grant.at
    assert link.keep([(camera.pk, 1)]).renewed == {}
    link.beat(Beat(Worker.State.PROCESSING, fps=4.5, memory_megabytes=300))
    assert Worker.objects.get().fps == 4.5
    assert not link.release(acme, camera.pk, 1)
    assert link.release(acme, camera.pk, grant.epoch)
    link.sign_off()
    assert Worker.objects.get().state == Worker.State.OFFLINE


def test_a_run_begins_with_a_lease_from_the_server(acme: Tenant, at_work: WorkerProcess) -> None:
    camera = planned()
    run = at_work.run_of(acme, camera.pk)
    assert run
    camera.refresh_from_db()
    assert (run.camera_id, camera.worker, run.held.epoch, run.held.sure) == (camera.pk, "gate", 2, True)


def test_a_token_is_renewed_before_it_ends(edge: Edge, clock: SimpleNamespace) -> None:
    edge.link.keep([])
    clock.ahead = 230.0
    edge.link.keep([])
    assert edge.wire.asked.count(EXCHANGE) == 1
    clock.ahead = 250.0
    edge.link.keep([])
    assert edge.wire.asked.count(EXCHANGE) == 2


def test_a_token_that_ended_before_its_time_is_replaced(edge: Edge) -> None:
    with installation():
        TokenFamily.objects.all().delete()
    edge.link.keep([])
    assert edge.wire.asked.count(EXCHANGE) == 2


def test_a_revoked_key_is_told_in_words_that_do_not_show_it(edge: Edge) -> None:
    revoke(edge.key)
    with pytest.raises(WorkerRejected, match="does not accept this worker's key") as refusal:
        edge.link.keep([])
    assert edge.text not in str(refusal.value)
    with pytest.raises(WorkerRejected):
        HttpsFleetClient.registered(edge.door, GATE)


def test_a_key_is_for_one_name(edge: Edge) -> None:
    with pytest.raises(WorkerRejected, match="does not belong to a worker named yard"):
        HttpsFleetClient.registered(edge.door, Introduction(name="yard", capacity=4))


def test_what_the_server_does_not_register_it_explains(edge: Edge) -> None:
    with pytest.raises(WorkerRejected, match="capacity: Ensure this value is less than or equal to 200"):
        HttpsFleetClient.registered(edge.door, Introduction(name="gate", capacity=1_000))


def test_a_process_that_was_replaced_learns_it(edge: Edge) -> None:
    register(introduction=GATE)
    with pytest.raises(NameTaken):
        edge.link.keep([])
    with pytest.raises(NameTaken):
        edge.link.beat(Beat(Worker.State.IDLE))


def test_a_keeper_whose_key_was_revoked_records_nothing_more_and_ends(
    acme: Tenant, edge: Edge, at_work: WorkerProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = at_work.run_of(acme, planned().pk)
    assert run
    at_work._runs[run.camera_id] = run, threading.Thread()
    signals: list[int] = []
    monkeypatch.setattr("workers.process.worker_process.os.kill", lambda pid, number: signals.append(number))
    revoke(edge.key)
    at_work._kept()
    assert "does not accept this worker's key" in at_work.refusal
    assert signals == [signal.SIGTERM]
    assert run.held.lost.is_set()
    assert not run.held.sure
    assert not at_work.start(acme, run.camera_id)


def test_without_the_server_a_keeper_is_soon_in_doubt_and_tries_again(
    acme: Tenant, edge: Edge, at_work: WorkerProcess, clock: SimpleNamespace
) -> None:
    run = at_work.run_of(acme, planned().pk)
    assert run
    at_work._runs[run.camera_id] = run, threading.Thread()
    edge.wire.down = True
    sure = []
    for clock.ahead in (6.0, 11.0):
        assert not at_work._kept()
        sure.append(run.held.sure)
    assert sure == [True, False], "whatever is recorded from then on goes to the spool"
    assert outage.on(), "the cameras need not find out for themselves"
    edge.wire.down = False
    assert at_work._kept()
    assert run.held.sure, "nobody else has taken it"
    assert not outage.on()


@pytest.mark.parametrize("status", [200, 301, 404, 401, 429, 500, 503])
def test_what_something_on_the_way_answers_ends_no_worker(
    edge: Edge, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    """A proxy's page about an installation that is being updated is no refusal."""
    sent: list[str] = []

    def send(wire: Wire, request: requests.PreparedRequest, *_: object, **__: object) -> requests.Response:
        sent.append(str(request.url))
        answer = requests.Response()
        answer.status_code, answer.raw, answer.request = status, BytesIO(b"<html>"), request
        answer.headers.update({"Content-Type": "text/html", "Location": "https://elsewhere.example.com/"})
        return answer

    monkeypatch.setattr(Wire, "send", send)
    with pytest.raises(Unavailable):
        edge.link.keep([])
    with pytest.raises(Unavailable):
        HttpsFleetClient.registered(ApiClient(SERVER, edge.text, session=wired()[0]), GATE)
    assert all(url.startswith(SERVER) for url in sent)


def test_an_answer_without_end_is_not_kept(edge: Edge, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of whoever stands between the worker and its server, or has taken that over."""
    monkeypatch.setattr(api_client, "MAX_ANSWER", 1_000_000)
    endless = SimpleNamespace(read=lambda size: b"x" * size, close=lambda: None)

    def send(wire: Wire, request: requests.PreparedRequest, *_: object, **__: object) -> requests.Response:
        answer = requests.Response()
        answer.status_code, answer.raw, answer.request = 200, endless, request
        return answer

    monkeypatch.setattr(Wire, "send", send)
    with pytest.raises(Unavailable, match="sends more than 1 MB"):
        edge.link.keep([])


@pytest.mark.parametrize(
    ("address", "origin"),
    [
        ("https://faces.example.com", "https://faces.example.com"),
        ("https://faces.example.com:8443/", "https://faces.example.com:8443"),
        ("http://localhost:8000", "http://localhost:8000"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("http://[::1]:8000", "http://[::1]:8000"),
    ],
)
def test_addresses_of_servers(address: str, origin: str) -> None:
    assert checked_server(address, plain=True) == origin


@pytest.mark.parametrize(
    "address",
    [
        "faces.example.com",
        "http://faces.example.com",
        "http://10.0.0.1",
        "http://localhost.example.com",
        "https://user:secret@faces.example.com",
        "https://faces.example.com/api/",
        "https://faces.example.com?x=1",
        "https://",
        "https://faces.example.com:port",
        "ftp://faces.example.com",
        "",
    ],
)
def test_what_is_no_address_of_a_server(address: str) -> None:
    with pytest.raises(ValueError, match="--server"):
        checked_server(address, plain=True)


def test_this_machine_in_the_open_is_for_development() -> None:
    with pytest.raises(ValueError, match="must begin with https"):
        checked_server("http://localhost:8000", plain=False)


@pytest.fixture
def impostor(tmp_path: Path) -> Iterator[str]:
    """A server of this machine with a certificate that it made itself."""
    private = ec.generate_private_key(ec.SECP256R1())
    name, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")]), datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False
        )
        .sign(private, hashes.SHA256())
    )
    encoding, none = serialization.Encoding.PEM, serialization.NoEncryption()
    pem = private.private_bytes(encoding, serialization.PrivateFormat.PKCS8, none)
    (tmp_path / "server.pem").write_bytes(made.public_bytes(encoding) + pem)
    server = HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.pem")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"https://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_server_that_nobody_vouches_for_gets_no_key(impostor: str) -> None:
    with pytest.raises(Unavailable, match=r"certificate of https://127\.0\.0\.1:"):
        ApiClient(impostor, "ft_secret").ask("GET", "/")


def test_nobody_there() -> None:
    with pytest.raises(Unavailable, match="cannot be reached"):
        ApiClient("http://127.0.0.1:1", "ft_secret").ask("GET", "/")
