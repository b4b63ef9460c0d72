"""A whole installation of processes, as an operator starts it: services, web, worker and beat of its own."""

import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from facetrack.demo.clip import make_clip
from facetrack.demo.enrolment import enrolment_pictures
from facetrack.demo.truth import DemoTruth
from facetrack.devservices import ports, running, stop
from facetrack.devservices.process_group import ProcessGroup, manage, process_group
from tests.backing import VAR
from tests.migrated_database import migrate_installation

CHROMIUM = Path("/usr/bin/chromium")
HOSTS = {"acme": "acme.localhost", "other": "other.localhost"}


@dataclass(frozen=True)
class Customer:
    """A tenant's host, its administrator, and the API as that administrator sees it."""

    name: str
    port: int
    email: str
    password: str

    @property
    def base(self) -> str:
        return f"http://{HOSTS[self.name]}:{self.port}"

    def api(self, method: str, path: str, **kwargs: Any) -> Any:
        """Call the API with a fresh token; the answer's JSON. Fails the test on an error status."""
        local, headers = f"http://127.0.0.1:{self.port}/api/v1/", {"Host": HOSTS[self.name]}
        login = {"email": self.email, "password": self.password}
        answer = requests.post(local + "auth/token/", json=login, headers=headers, timeout=10)
        assert answer.status_code == 200, answer.text
        headers["Authorization"] = f"Bearer {answer.json()['access']}"
        answer = requests.request(method, local + path, headers=headers, timeout=20, **kwargs)
        assert answer.status_code < 400, answer.text
        return answer.json() if answer.content else None


@dataclass(frozen=True)
class Installation:
    acme: Customer
    other: Customer
    process_group: ProcessGroup
    services: Path
    truth: DemoTruth
    clip: Path
    port: int
    environ: dict[str, str]

    def start_web(self) -> None:
        self.process_group.add("web", manage("web", "--port", str(self.port)))

    def command(self, *words: str) -> str:
        return run(words, self.environ)


@pytest.fixture(scope="package")  # its camera must not run beside the rest of the suite
def installation() -> Iterator[Installation]:
    var = VAR / "e2e"
    if var.exists():  # of an earlier run
        stop(var / "services", wipe=True)
        shutil.rmtree(var)
    port = ports.pick(None)
    environ = {**os.environ, "FACETRACK_VAR_DIR": str(var), "FACETRACK_LOG_LEVEL": "INFO"}
    environ["FACETRACK_CLIP_DIR"] = str(var / "clips")
    for url in ("DATABASE_URL", "DATABASE_OWNER_URL", "REDIS_URL", "MILVUS_URI"):
        environ.pop(url, None)
    (var / "clips").mkdir(parents=True, exist_ok=True)
    clip = var / "clips" / "entrance.mp4"
    truth = make_clip(clip)
    enrolment_pictures(var / "enrol")
    with ExitStack() as stack:
        stack.enter_context(running(var / "services", environ))
        migrate_installation(environ)
        acme, other = (_customer(name, port, environ) for name in HOSTS)
        run(["enrol", str(var / "enrol"), "--tenant", acme.name], environ)
        members = stack.enter_context(process_group(logs=var / "log", environ=environ, say=print))
        whole = Installation(acme, other, members, var / "services", truth, clip, port, environ)
        whole.start_web()
        members.add("worker", manage("worker"))
        members.add("beat", manage("beat"))
        wait_for(lambda: answers(whole), 180, "the web server to answer")
        yield whole


@pytest.fixture(scope="package")
def entrance(installation: Installation) -> dict[str, Any]:
    """The demo's camera, made through the API, not started."""
    site = installation.acme.api("POST", "sites/", json={"name": "Head office", "reentry_seconds": 5})
    body = {
        "site": site["id"],
        "name": "Entrance",
        "kind": "file",
        "location": str(installation.clip),
        "loop": True,
        "fps": 8,
    }
    camera: dict[str, Any] = installation.acme.api("POST", "cameras/", json=body)
    return camera


def run(words: Any, environ: dict[str, str]) -> str:
    done = subprocess.run(
        manage(*words), env=environ, capture_output=True, text=True, timeout=200, check=False
    )
    assert done.returncode == 0, f"{words}: {done.stdout}\n{done.stderr}"
    return done.stdout


def wait_for(true: Callable[[], Any], seconds: float, what: str) -> Any:
    """What `true` returns once it is truthy. Fails the test after `seconds`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if result := true():
            return result
        time.sleep(0.25)
    raise AssertionError(f"waited {seconds:g} s in vain for {what}")


def answers(installation: Installation) -> bool:
    try:
        url = f"http://127.0.0.1:{installation.port}/login/"
        return requests.get(url, headers={"Host": HOSTS["acme"]}, timeout=2).status_code == 200
    except requests.RequestException:
        return False


def _customer(name: str, port: int, environ: dict[str, str]) -> Customer:
    email = f"admin@{name}.test"
    said = run(["create_tenant", name, "--domain", HOSTS[name], "--admin", email], environ)
    password = re.search(r"password (\S+) \(shown once\)", said)
    assert password, said
    return Customer(name, port, email, password[1])


def visits(customer: Customer) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = customer.api("GET", "visits/?page_size=200")["results"]
    return rows
