"""A worker at the edge as an operator starts it: processes of a whole installation, and HTTP between them.

The worker's own process has the broker and the public host; at what else it might reach for nobody answers.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import cv2
import psycopg
import pytest
import redis
import requests

from facetrack.devservices import ports, running, stop
from facetrack.devservices.process_group import ProcessGroup, manage, process_group
from tests.backing import ROOT, VAR
from tests.chaos.people import HEIGHT, PACK, WIDTH, drawn
from tests.migrated_database import migrate_installation

PUBLIC, ACME, ADMIN = "localhost", "acme.localhost", "admin@acme.test"
WORKER = [sys.executable, "-m", "tests.chaos.worker", "--name", "gate", "--capacity", "2"]
URLS = ("DATABASE_URL", "DATABASE_OWNER_URL", "REDIS_URL", "MILVUS_URI")
NOBODY = {
    "DATABASE_URL": "postgres://nobody:nothing@127.0.0.1:1/nothing",
    "MILVUS_URI": "http://127.0.0.1:1",
    "S3_ENDPOINT_URL": "http://127.0.0.1:1",
    "S3_ACCESS_KEY": "nobody",
    "S3_SECRET_KEY": "nothing",
}
SERVERS_ALONE = ("DATABASE_OWNER_URL", "FACETRACK_ENCRYPTION_KEYS", "FACETRACK_SECRET_KEY")
ADA = 77
"""Of the made-up people, the one who is enrolled."""
PATIENCE = 180
"""Seconds until a test gives up, however busy the machine is."""


@dataclass
class Installation:
    environ: dict[str, str]
    port: int
    process_group: ProcessGroup
    key_file: Path
    log: Path
    machine: Path
    """Where the worker keeps what is its own: clips, spool, the key of the spool."""
    password: str = ""
    site: str = ""
    redis_url: str = ""
    """As the worker has it."""

    def command(self, *words: str) -> str:
        done = subprocess.run(
            manage(*words), env=self.environ, capture_output=True, text=True, timeout=200, check=False
        )
        assert done.returncode == 0, f"{words}: {done.stdout}\n{done.stderr}"
        return done.stdout.strip()

    def api(self, path: str, **body: Any) -> dict[str, Any]:
        """POST as the customer's administrator, or GET where there is nothing to say."""
        local, headers = f"http://127.0.0.1:{self.port}/api/v1/", {"Host": ACME}
        login = {"email": ADMIN, "password": self.password}
        answer = requests.post(local + "auth/token/", json=login, headers=headers, timeout=10)
        assert answer.ok, answer.text
        headers["Authorization"] = f"Bearer {answer.json()['access']}"
        method = "POST" if body or path.endswith(("start/", "test/")) else "GET"
        answer = requests.request(method, local + path, json=body or None, headers=headers, timeout=30)
        assert answer.ok, answer.text
        return dict(answer.json())

    def enrol(self, name: str, person: int) -> None:
        words = [sys.executable, "-m", "tests.workers.enrolled", "acme", name, str(person)]
        subprocess.run(words, cwd=ROOT, env=self.environ, timeout=200, check=True)

    def new_key(self) -> None:
        self.key_file.write_text(self.command("create_api_key", "--worker", "gate", "--sites", "Gate"))

    def start_web(self) -> None:
        self.process_group.add("web", manage("web", "--port", str(self.port)))

    def start_worker(self, *words: str, **more: str) -> subprocess.Popen[bytes]:
        given = [*WORKER, "--server", f"http://{PUBLIC}:{self.port}", *words]
        with self.log.open("wb") as log:
            return subprocess.Popen(
                given,
                cwd=ROOT,
                env=self.of_the_edge() | more,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
            )

    def tenant(self) -> str:
        return str(self.sql("SELECT id FROM tenants_tenant WHERE schema_name = 'acme'")[0][0])

    def admit_to_redis(self) -> None:
        """With the rights that the command prints, and no others."""
        rights, url = self.command("edge_redis_acl", "gate").splitlines()
        with closing(redis.Redis.from_url(self.environ["REDIS_URL"])) as root:
            cast(Any, root).execute_command(*rights.split())
        self.redis_url = url.removeprefix("REDIS_URL=")

    def refused_by_redis(self) -> list[dict[str, Any]]:
        """What users were not allowed to do, so far."""
        with closing(redis.Redis.from_url(self.environ["REDIS_URL"])) as root:
            return list(cast(Any, root).acl_log())

    def of_the_edge(self) -> dict[str, str]:
        kept = {name: value for name, value in self.environ.items() if name not in SERVERS_ALONE}
        own = {
            "FACETRACK_VAR_DIR": str(self.machine),
            "FACETRACK_CLIP_DIR": str(self.machine / "clips"),
            "FACETRACK_PACK": PACK,
            "REDIS_URL": self.redis_url,
        }
        return kept | NOBODY | own

    def sql(self, query: str) -> list[tuple[Any, ...]]:
        with closing(psycopg.connect(self.environ["DATABASE_OWNER_URL"], autocommit=True)) as owner:
            found = owner.execute(query.encode())
            return found.fetchall() if found.description else []

    def state(self) -> str:
        rows = self.sql("SELECT state FROM workers_worker WHERE name = 'gate'")
        return rows[0][0] if rows else ""

    def holds(self) -> bool:
        return bool(self.sql("SELECT 1 FROM workers_cameralease WHERE worker_id IS NOT NULL"))

    def records(self) -> bool:
        return bool(self.sql("SELECT 1 FROM acme.cameras_camera WHERE status = 'running'"))


@pytest.fixture(scope="module")
def installation() -> Iterator[Installation]:
    var = VAR / "edge"
    if var.exists():  # of an earlier run
        stop(var / "services", wipe=True)
        shutil.rmtree(var)
    for folder in ("clips", "machine/clips"):
        (var / folder).mkdir(parents=True)
    port = ports.pick(None)
    environ = {name: value for name, value in os.environ.items() if name not in URLS} | {
        "FACETRACK_VAR_DIR": str(var),
        "FACETRACK_CLIP_DIR": str(var / "clips"),
        "FACETRACK_LOG_LEVEL": "INFO",
        "FACETRACK_DEBUG": "1",  # or a worker would speak to no http
        "WORKER_HEARTBEAT_SECONDS": "1",
    }
    with ExitStack() as stack:
        stack.enter_context(running(var / "services", environ))
        members = stack.enter_context(process_group(logs=var / "log", environ=environ, say=print))
        whole = Installation(
            environ, port, members, var / "gate.key", var / "log" / "gate.log", var / "machine"
        )
        migrate_installation(environ)
        said = whole.command("create_tenant", "acme", "--domain", ACME, "--admin", ADMIN)
        whole.password = said.partition("with the password ")[2].partition(" ")[0]
        whole.start_web()
        wait_for(lambda: answers(port), "the web server to answer")
        whole.site = whole.api("sites/", name="Gate")["id"]
        whole.new_key()
        whole.admit_to_redis()
        yield whole


@pytest.fixture
def worker(installation: Installation) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Starts the worker and lets it register; it is gone when the test is over."""
    started: list[subprocess.Popen[bytes]] = []
    registered = "SELECT registered_at FROM workers_worker"

    def start(*words: str, **more: str) -> subprocess.Popen[bytes]:
        before = installation.sql(registered)
        started.append(installation.start_worker(*words, **more))
        wait_for(lambda: installation.sql(registered) != before, "the worker to register")
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()


def answers(port: int) -> bool:
    try:
        return requests.get(f"http://{PUBLIC}:{port}/.well-known/jwks.json", timeout=2).ok
    except requests.RequestException:
        return False


def wait_for(true: Callable[[], Any], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if true():
            return
        time.sleep(0.2)
    raise AssertionError(f"waited {PATIENCE} s in vain for {what}")


def clip_of(person: int, path: Path) -> None:
    """Ten frames a second: an empty room, and then four seconds of somebody."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 10, (WIDTH, HEIGHT))
    for step in range(70):
        writer.write(drawn(person if 10 <= step < 50 else None, step))
    writer.release()


def test_with_https_and_the_broker_alone_it_runs_a_camera_and_records_whom_it_knows(
    installation: Installation, worker: Callable[..., subprocess.Popen[bytes]]
) -> None:
    clip_of(ADA, installation.machine / "clips" / "door.mp4")
    installation.enrol("Ada", ADA)
    camera = {"site": installation.site, "name": "Door", "kind": "file", "location": "door.mp4", "loop": True}
    made = installation.api("cameras/", **camera)
    process = worker("--key-file", str(installation.key_file))
    wait_for(lambda: "ready." in installation.log.read_text(), "Celery")
    tested = installation.api(f"cameras/{made['id']}/test/")
    assert (tested["ok"], tested["facts"]["width"]) == (True, WIDTH), "a camera that it does not run yet"
    installation.api(f"cameras/{made['id']}/start/")
    installation.command("job", "supervise")
    wait_for(installation.records, "the camera to run")
    wait_for(lambda: installation.api("sightings/")["results"], "Ada to be seen")
    seen = installation.api("sightings/")["results"][0]
    assert (seen["decision"], seen["person"]["name"]) == ("staff", "Ada")
    assert seen["picture"].startswith(f"http://{ACME}")
    key = installation.sql("SELECT best_shot FROM acme.visits_sighting")[0][0]
    shot = Path(installation.environ["FACETRACK_VAR_DIR"]) / "objects" / "faces-derived" / key
    assert shot.read_bytes().startswith(b"\xff\xd8\xff"), "the server has the picture"
    assert not (installation.machine / "objects").exists()
    wait_for(lambda: installation.state() == "processing", "a beat that says so")
    assert installation.holds()
    with closing(redis.Redis.from_url(installation.environ["REDIS_URL"])) as root:
        shown = f"{installation.tenant()}.{made['id']}"
        root.set(f"watched.{shown}", 1, ex=PATIENCE)
        wait_for(lambda: root.exists(f"preview.{shown}"), "a live picture")
    process.send_signal(signal.SIGTERM)
    assert process.wait(PATIENCE) == 0
    assert installation.state() == "offline"
    assert not installation.holds()
    log = installation.log.read_text()
    assert installation.key_file.read_text() not in log
    assert "Traceback" not in log
    assert "the database" not in log, "nothing has asked for one"
    assert installation.refused_by_redis() == [], "the rights are all that it needs"


def test_without_the_server_it_records_into_its_spool_and_loses_nothing(
    installation: Installation, worker: Callable[..., subprocess.Popen[bytes]]
) -> None:
    worker("--key-file", str(installation.key_file))
    wait_for(installation.records, "the camera to run")
    spool = installation.machine / "spool" / "gate"
    web = installation.process_group.pid("web")
    assert web is not None
    os.kill(web, signal.SIGSTOP)
    try:
        wait_for(lambda: list(spool.glob("*.event")), "a record that waits")
        lost = [path.read_bytes() for path in spool.iterdir() if path.suffix in (".event", ".picture")]
        assert not any(b"staff" in data or b"JFIF" in data for data in lost), "it can be read by nobody"
        before = installation.sql("SELECT count(*) FROM acme.visits_sighting")
    finally:
        os.kill(web, signal.SIGCONT)
    wait_for(lambda: not list(spool.glob("*.event")), "it to be delivered")
    wait_for(lambda: installation.sql("SELECT count(*) FROM acme.visits_sighting") > before, "it to be there")
    assert not list(spool.glob("*.damaged"))
    key = installation.machine / "keys" / "encryption_key"
    assert key.stat().st_mode & 0o777 == 0o600


def test_without_the_server_it_goes_on_and_is_there_again(
    installation: Installation, worker: Callable[..., subprocess.Popen[bytes]]
) -> None:
    """The key comes from the environment this time."""
    process = worker(FACETRACK_WORKER_KEY=installation.key_file.read_text())
    web = installation.process_group.pid("web")
    assert web is not None
    os.kill(web, signal.SIGSTOP)
    try:
        wait_for(lambda: "the leases were not renewed" in installation.log.read_text(), "its complaint")
    finally:
        os.kill(web, signal.SIGCONT)
    before = installation.sql("SELECT seen_at FROM workers_worker")
    wait_for(lambda: installation.sql("SELECT seen_at FROM workers_worker") != before, "it to be back")
    assert process.poll() is None


def test_a_revoked_key_ends_it_with_a_sentence(
    installation: Installation, worker: Callable[..., subprocess.Popen[bytes]]
) -> None:
    process = worker("--key-file", str(installation.key_file))
    wait_for(lambda: "gate@" in (log := installation.log.read_text()) and "ready." in log, "Celery")
    wait_for(installation.records, "the camera to run")
    installation.sql("UPDATE tenants_apikey SET revoked_at = now()")
    assert process.wait(PATIENCE) == 1
    log = installation.log.read_text()
    assert "worker gate ends: " in log
    assert "does not accept this worker's key" in log
    assert "Traceback" not in log
    assert installation.start_worker("--key-file", str(installation.key_file)).wait(30) == 1
    assert "CommandError" in installation.log.read_text()
    installation.new_key()
