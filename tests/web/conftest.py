"""A web server as an operator starts it, with two connections to the database, and two customers on it."""

import os
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

import psycopg
import pytest
import redis
import requests

from facetrack.devservices import ports, running, stop
from facetrack.devservices.process_group import ProcessGroup, manage, process_group
from tests.backing import VAR
from tests.migrated_database import migrate_installation

HOSTS = {"acme": "acme.localhost", "other": "other.localhost"}
PASSWORD = "correct horse battery"
URLS = ("DATABASE_URL", "DATABASE_OWNER_URL", "REDIS_URL", "MILVUS_URI")
MEMBERS = ["viewer", "tenant_admin", "site_manager", "leaver", "browser"]
"""E-mail addresses begin with these; who is called like no role is a viewer."""
PREPARED = f"""
from cameras.models import Camera, Site
from tenants.actions import add_member
from tenants.isolation.context import inside
from tenants.queries import customer
from tenants.rules import Role
from workers.fleet.registration import Introduction, register
register(introduction=Introduction(name="silent", capacity=4))
for name in {list(HOSTS)}:
    with inside(tenant := customer(name)):
        site = Site.objects.create(name="Gate")
        source = {{"kind": "rtsp", "location": "rtsp://127.0.0.1:1/door"}}
        camera = Camera.objects.create(site=site, name="Door", enabled=True, **source)
        print(name, tenant.pk, camera.pk)
        for who in {MEMBERS}:
            role = Role(who) if who in list(Role) else Role.VIEWER
            sites = [site.pk] if role is Role.SITE_MANAGER else ()
            email = f"{{who}}@{{name}}.test"
            add_member(tenant=tenant, email=email, role=role, password={PASSWORD!r}, sites=sites)
"""


@dataclass
class Caller:
    """Somebody on a customer's host, by whatever they show there."""

    port: int
    customer: str
    headers: dict[str, str]
    refresh: str = ""

    def ask(self, method: str, path: str, **given: Any) -> requests.Response:
        """Raises requests.RequestException."""
        headers = {"Host": HOSTS[self.customer]} | self.headers | given.pop("headers", {})
        address, seconds = f"http://127.0.0.1:{self.port}{path}", given.pop("timeout", 60)
        return requests.request(method, address, headers=headers, timeout=seconds, **given)


@dataclass
class Web:
    environ: dict[str, str]
    process_group: ProcessGroup
    ports: list[int]
    cameras: dict[str, UUID]
    tenants: dict[str, UUID]

    def command(self, *words: str) -> str:
        done = subprocess.run(
            manage(*words), env=self.environ, capture_output=True, text=True, timeout=200, check=False
        )
        assert done.returncode == 0, f"{words}: {done.stdout}\n{done.stderr}"
        return done.stdout.strip()

    def sql(self, query: str, *values: str) -> list[tuple[Any, ...]]:
        with closing(psycopg.connect(self.environ["DATABASE_OWNER_URL"], autocommit=True)) as owner:
            found = owner.execute(query.encode(), values)
            return found.fetchall() if found.description else []

    def redis(self) -> "redis.Redis":
        return redis.Redis.from_url(self.environ["REDIS_URL"])

    def stranger(self, customer: str = "acme", server: int = 0) -> Caller:
        return Caller(self.ports[server], customer, {})

    def sign_in(self, who: str, customer: str = "acme", server: int = 0) -> Caller:
        """A member with a token. The server has to answer at all, and with a token."""
        stranger = self.stranger(customer, server)
        login = {"email": f"{who}@{customer}.test", "password": PASSWORD}
        answer = stranger.ask("POST", "/api/v1/auth/token/", json=login)
        assert answer.status_code == 200, answer.text
        pair = answer.json()
        return Caller(stranger.port, customer, {"Authorization": f"Bearer {pair['access']}"}, pair["refresh"])

    def pid(self, name: str) -> int:
        pid = self.process_group.pid(name)
        assert pid is not None
        return pid

    def live(self, customer: str = "acme") -> str:
        return f"/api/v1/cameras/{self.cameras[customer]}/live.mjpg/"

    def open_slots(self, kind: str, customer: str = "acme") -> int:
        with closing(self.redis()) as client:
            return int(client.zcard(f"slots.{kind}.{self.tenants[customer].hex}"))


@pytest.fixture(scope="package")
def web() -> Iterator[Web]:
    var = VAR / "web"
    if var.exists():  # of an earlier run
        stop(var / "services", wipe=True)
        shutil.rmtree(var)
    var.mkdir(parents=True)
    environ = {name: value for name, value in os.environ.items() if name not in URLS} | {
        "FACETRACK_VAR_DIR": str(var),
        "FACETRACK_LOG_LEVEL": "INFO",
        "FACETRACK_DB_POOL": "2",
        "FACETRACK_STREAMS": "16,40,60",
        "FACETRACK_WAITS": "8,12,16",
    }
    with ExitStack() as stack:
        stack.enter_context(running(var / "services", environ))
        members = stack.enter_context(process_group(logs=var / "log", environ=environ, say=print))
        servers = [ports.pick(None) for _ in range(2)]
        whole = Web(environ, members, servers, {}, {})
        migrate_installation(environ)
        for name, host in HOSTS.items():
            whole.command("create_tenant", name, "--domain", host, "--admin", f"root@{name}.test")
        for line in whole.command("shell", "-v", "0", "-c", PREPARED).splitlines():
            name, tenant, camera = line.split()
            whole.tenants[name], whole.cameras[name] = UUID(tenant), UUID(camera)
        # It lives, and says nothing.
        whole.sql("UPDATE workers_worker SET seen_at = now() + interval '1 day'")
        for number, port in enumerate(servers):
            members.add(f"web{number}", manage("web", "--port", str(port)))
        for number in range(len(servers)):
            wait_for(partial(answers, whole.stranger(server=number)), "the web server")
        yield whole


@pytest.fixture(autouse=True)
def _nothing_open(web: Web) -> Iterator[None]:
    """No test inherits another one's streams."""
    yield
    for kind in ("stream", "wait"):
        wait_for(partial(none_open, web, kind), f"every {kind} to end")


@pytest.fixture(autouse=True)
def _seen(web: Web) -> Iterator[None]:
    """A picture of each camera every second, as its worker would send it."""
    over = threading.Event()

    def send() -> None:
        with closing(web.redis()) as client:
            while not over.is_set():
                for customer, camera in web.cameras.items():
                    name = f"preview.{web.tenants[customer]}.{camera}"
                    client.set(name, b"\xff\xd8\xff\xe0 not looked at by anybody", ex=300)
                over.wait(1)

    thread = threading.Thread(target=send, daemon=True)
    thread.start()
    wait_for(lambda: web.redis().keys("preview.*"), "the first picture")
    yield
    over.set()
    thread.join()


@contextmanager
def opened(caller: Caller, path: str) -> Iterator[Iterator[bytes]]:
    """What still comes of a stream of which the first bytes have come; it ends with the block."""
    with caller.ask("GET", path, stream=True, timeout=(60, 280)) as answer:
        assert answer.status_code == 200, answer.text
        parts = answer.iter_content(1)  # where it is dropped, it closes the connection
        assert next(parts)
        try:
            yield parts
        finally:
            with suppress(ValueError, RuntimeError, OSError):  # it has ended by itself
                answer.raw.shutdown()  # closing would wait for a thread that reads


def none_open(web: Web, kind: str) -> bool:
    return not any(web.open_slots(kind, customer) for customer in HOSTS)


def answers(stranger: Caller) -> bool:
    try:
        return stranger.ask("GET", "/login/", timeout=5).status_code == 200
    except requests.RequestException:
        return False


def wait_for(true: Callable[[], Any], what: str, seconds: float = 90.0) -> Any:
    """What `true` returns once it is truthy; the time is a machine's that does much else beside."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := true():
            return found
        time.sleep(0.2)
    raise AssertionError(f"waited {seconds:g} s in vain for {what}")
