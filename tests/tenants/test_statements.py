"""Statements of requests have a limit and end when their client leaves: on the real server, a process."""

import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from urllib.parse import urlsplit

import psycopg
import pytest
import requests
from django.core.cache import cache
from django.db import connection

from facetrack.devservices import ports
from facetrack.devservices.process_group import manage, process_group
from tenants.models import Tenant
from tests.backing import VAR

HOST = "acme.localhost"
LIMIT = 0.5
FOREVER = 600
"""Seconds of a statement that would not end by itself while a test waits."""
PATIENCE = 60.0
"""Seconds until a test gives up, however slow the machine is."""


@contextmanager
def server(limit: float) -> Iterator[int]:
    """The port of a web server on the tests' database."""
    port = ports.pick(None)
    own = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{connection.settings_dict['NAME']}")
    environ = {
        **os.environ,
        "DATABASE_URL": own.geturl(),
        "DJANGO_SETTINGS_MODULE": "tests.tenants.slow_settings",
        "FACETRACK_DB_LONGEST_STATEMENT": str(limit),
    }
    with process_group(logs=VAR / "slow", environ=environ, say=print) as members:
        members.add("web", manage("web", "--port", str(port)))
        wait_for(lambda: _answers(port))
        yield port


@pytest.fixture(scope="module")
def hasty(django_db_setup: None) -> Iterator[int]:
    """A server with a short limit."""
    with server(LIMIT) as port:
        yield port


@pytest.fixture(scope="module")
def patient(django_db_setup: None) -> Iterator[int]:
    """A server without a limit."""
    with server(0) as port:
        yield port


def wait_for(true: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def _answers(port: int) -> bool:
    try:
        return get(port, "/login/").status_code == 200
    except requests.RequestException:
        return False


def get(port: int, path: str) -> requests.Response:
    return requests.get(f"http://127.0.0.1:{port}{path}", headers={"Host": HOST}, timeout=PATIENCE)


def sleeping(seconds: float) -> int:
    """How many statements of any process sleep for so long right now."""
    place = connection.settings_dict
    with closing(
        psycopg.connect(
            host=place["HOST"],
            port=place["PORT"],
            user=place["USER"],
            password=place["PASSWORD"],
            dbname=place["NAME"],
        )
    ) as own:
        row = own.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE %s"
            " AND pid <> pg_backend_pid()",
            [f"%pg_sleep({seconds:.1f})%"],
        ).fetchone()
    assert row
    return int(row[0])


@contextmanager
def asking(port: int, method: str, path: str) -> Iterator[None]:
    """A client that has sent a request, and leaves without waiting for the answer."""
    with closing(socket.create_connection(("127.0.0.1", port))) as client:
        client.sendall(f"{method} {path} HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 0\r\n\r\n".encode())
        yield


def test_a_page_that_takes_too_long_says_what_to_do(hasty: int) -> None:
    log = VAR / "slow" / "web.log"
    before = len(log.read_text())  # of an earlier run
    answer = get(hasty, f"/slow/?seconds={FOREVER}")
    assert answer.status_code == 503
    assert "That took too long" in answer.text
    assert "fewer days" in answer.text
    assert get(hasty, "/slow/?seconds=0").text == "done"  # on the same pooled connection
    said = log.read_text()[before:]
    assert "was stopped: /slow/" in said
    assert "Traceback" not in said


def test_a_problem_of_the_api_says_so_too(hasty: int) -> None:
    answer = get(hasty, f"/api/v1/slow/?seconds={FOREVER}")
    assert (answer.status_code, answer.headers["Content-Type"]) == (503, "application/problem+json")
    assert "fewer days" in answer.json()["detail"]


def test_a_statement_ends_when_its_client_leaves(patient: int) -> None:
    with asking(patient, "GET", f"/slow/?seconds={FOREVER}"):
        wait_for(lambda: sleeping(FOREVER) == 1)
    wait_for(lambda: sleeping(FOREVER) == 0)
    assert get(patient, "/slow/?seconds=0").text == "done"


def test_no_other_statement_follows(patient: int, acme: Tenant) -> None:
    """Also where the view takes the first one's end for a fault that it can go on after."""
    with asking(patient, "GET", f"/slow/?stubborn=1&seconds={FOREVER + 1}&seconds={FOREVER + 2}"):
        wait_for(lambda: sleeping(FOREVER + 1) == 1)
    wait_for(lambda: sleeping(FOREVER + 1) == 0)
    wait_for(lambda: cache.get("slow.GET") == "done")  # the view is over
    assert sleeping(FOREVER + 2) == 0


def test_what_writes_is_carried_out_to_its_end(patient: int, acme: Tenant) -> None:
    with asking(patient, "POST", "/slow/?seconds=2&seconds=0"):
        wait_for(lambda: sleeping(2) == 1)
    wait_for(lambda: cache.get("slow.POST") == "done")


def test_who_stays_gets_the_answer_however_long_it_takes(patient: int) -> None:
    assert get(patient, "/slow/?seconds=2").text == "done"


def test_commands_tasks_and_workers_have_no_limit(acme: Tenant) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SHOW statement_timeout")
        assert cursor.fetchone() == ("0",)
