"""Embedded services after crashes, on machines where others run too, and in folders that are closed."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import psutil
import psycopg
import pytest
import redis
from pymilvus import MilvusClient

from facetrack import devservices
from facetrack.devservices import ports, postgres_files, process, state, unprivileged
from facetrack.devservices.embedded import Service
from facetrack.devservices.postgres import FAST_VARIABLE
from facetrack.devservices.state import ServiceState
from facetrack.devservices.valkey import Valkey
from tests.services.conftest import (
    REPOSITORY,
    VALKEY_ALONE,
    WITH_POSTGRES,
    Neighbour,
    alive,
    bare_environ,
    pid_of,
    port_of,
    service,
    wait_for,
)

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root starts PostgreSQL as somebody else")


def kill(victim: Service) -> None:
    os.kill(pid_of(victim), signal.SIGKILL)
    wait_for(lambda: not victim.alive)


@pytest.mark.parametrize("ours", [True, False], ids=["our children", "zombies of another process"])
def test_what_was_killed_comes_back_on_its_port_with_its_data(
    used_root: Path, ours: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(FAST_VARIABLE)
    environ = dict(WITH_POSTGRES)
    first = (
        devservices.running(used_root, dict(WITH_POSTGRES)) if ours else Neighbour(used_root, WITH_POSTGRES)
    )
    with first, devservices.running(used_root, environ):
        client = redis.Redis.from_url(environ["REDIS_URL"])
        client.set("name", "Visitor 12")
        with psycopg.connect(environ["DATABASE_OWNER_URL"]) as connection:
            connection.execute("DROP TABLE IF EXISTS visits; CREATE TABLE visits AS SELECT 12 AS number")
        for name in ("postgres", "valkey"):
            kill(service(used_root, name))
        assert [line.state for line in devservices.standings(used_root, environ)][:2] == ["died", "died"]
        assert sorted(devservices.ensure(used_root)) == ["PostgreSQL", "Valkey"]
        assert devservices.ensure(used_root) == []
        assert client.get("name") == b"Visitor 12"
        client.close()
        with psycopg.connect(environ["DATABASE_OWNER_URL"]) as connection:
            assert connection.execute("SELECT number FROM visits").fetchone() == (12,)


def test_it_starts_in_a_process_that_talks_to_milvus(used_root: Path) -> None:
    # gRPC breaks children that are forked: "epoll_wait error: Bad file descriptor".
    environ: dict[str, str] = {}
    with devservices.running(used_root, environ):
        client = MilvusClient(environ["MILVUS_URI"], timeout=5)
        client.list_collections()
        for name in ("postgres", "valkey"):
            kill(service(used_root, name))
        assert len(devservices.ensure(used_root)) == 2
        client.list_collections()
        client.close()


def test_ensure_starts_nothing_that_was_stopped(root: Path) -> None:
    assert devservices.ensure(root / "not there") == []
    with devservices.running(root, dict(VALKEY_ALONE)):
        pass
    assert devservices.ensure(root) == []
    assert alive(root) == set()


def test_joining_revives_what_died(root: Path) -> None:
    environ = dict(VALKEY_ALONE)
    with Neighbour(root):
        before = port_of(service(root, "valkey"))
        kill(service(root, "valkey"))
        with devservices.running(root, environ), redis.Redis.from_url(environ["REDIS_URL"]) as client:
            assert client.ping()
        assert port_of(service(root, "valkey")) == before


def test_somebody_else_on_our_port_is_left_alone(used_root: Path) -> None:
    environ = dict(WITH_POSTGRES)
    with devservices.running(used_root, environ):
        taken = {name: port_of(service(used_root, name)) for name in ("postgres", "valkey")}
    with ExitStack() as stack:
        others = [stack.enter_context(socket.create_server((ports.HOST, port))) for port in taken.values()]
        stack.enter_context(devservices.running(used_root, environ))
        assert not {port_of(service(used_root, name)) for name in taken} & set(taken.values())
        with psycopg.connect(environ["DATABASE_OWNER_URL"]) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
        for other in others:
            other.setblocking(False)
            with pytest.raises(BlockingIOError):  # nobody knocked there
                other.accept()


def test_a_process_that_got_the_pid_of_ours_is_not_killed(root: Path) -> None:
    bystander = subprocess.Popen(["sleep", "60"])
    try:
        (root / "valkey").mkdir()
        state.save(
            root / "valkey" / "state.json", ServiceState(20_001, bystander.pid, "another birth", ready=True)
        )
        assert not service(root, "valkey").alive
        devservices.stop(root)
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


def test_a_service_that_does_not_start_says_why_and_leaves_nothing(root: Path) -> None:
    environ = dict(VALKEY_ALONE)
    with devservices.running(root, environ), redis.Redis.from_url(environ["REDIS_URL"]) as client:
        client.set("a", "b")
    for part in (root / "valkey" / "data" / "appendonlydir").glob("*.incr.aof"):
        part.write_bytes(b"*3\r\n$3\r\nSET\r\ngarbage" + part.read_bytes())
    with pytest.raises(devservices.ServiceFailed) as raised, devservices.running(root, environ):
        pytest.fail("it must not get here")
    message = str(raised.value)
    assert message.startswith("Valkey: it ended while starting")
    assert "Bad file format" in message
    assert "are damaged: put back a backup" in message
    assert environ == VALKEY_ALONE
    assert alive(root) == set()


def test_a_folder_that_cannot_be_used_is_named(root: Path) -> None:
    (root / "file").touch()
    with (
        pytest.raises(devservices.ServiceFailed, match="file/services"),
        devservices.running(root / "file/services", {}),
    ):
        pytest.fail("it must not get here")


def test_a_start_that_was_cut_short_is_begun_again(root: Path) -> None:
    valkey = Valkey(root)
    valkey.start(ports.pick(None))
    known = valkey.daemon.state
    assert known is not None
    state.save(root / "valkey" / "state.json", ServiceState(known.port, known.pid, known.born))
    with devservices.running(root, dict(VALKEY_ALONE)):
        assert alive(root) == {"valkey"}
        assert pid_of(valkey) != known.pid
        assert known.pid is not None
        assert process.born(known.pid) is None


@as_root
def test_postgres_runs_where_its_account_may_not_enter(closed_root: Path) -> None:
    environ = dict(WITH_POSTGRES)
    away = unprivileged.away_folder(closed_root)
    with (
        devservices.running(closed_root, environ),
        psycopg.connect(environ["DATABASE_OWNER_URL"]) as connection,
    ):
        assert connection.execute("SELECT 1").fetchone() == (1,)
        assert (away / "data" / "postmaster.pid").exists()
        assert psutil.Process(pid_of(service(closed_root, "postgres"))).username() == "nobody"
    devservices.stop(closed_root, wipe=True)
    assert not away.exists()


@as_root
def test_programs_that_its_account_may_not_reach_are_copied(root: Path, closed_root: Path) -> None:
    # A virtual environment below a closed folder: the package is found through one.
    for package in (postgres_files.programs().parents[1], postgres_files.programs().parents[2] / "psycopg"):
        (closed_root / package.name).symlink_to(package)
    libraries = postgres_files.programs().parents[2] / postgres_files.LIBRARIES
    (closed_root / libraries.name).symlink_to(libraries)
    program = (
        "import os, sys; from pathlib import Path; from facetrack.devservices import running\n"
        "import psycopg\n"
        "with running(Path(sys.argv[1])): print(psycopg.connect(os.environ[sys.argv[2]]).info.server_version)"
    )
    environ = bare_environ(**WITH_POSTGRES, REDIS_URL="redis://elsewhere", PYTHONPATH=str(closed_root))
    argv = [sys.executable, "-c", program, str(root), "DATABASE_URL"]
    done = subprocess.run(argv, cwd=REPOSITORY, env=environ, capture_output=True, text=True, check=False)
    assert done.stdout.startswith("18"), done.stderr
    assert [path.name.startswith("programs-") for path in (root / "postgres").glob("programs-*")] == [True]


@as_root
def test_a_folder_that_somebody_put_in_the_way_is_not_used(closed_root: Path) -> None:
    away = unprivileged.away_folder(closed_root)
    away.mkdir()
    away.chmod(0o777)
    with pytest.raises(devservices.ServiceFailed, match="only this account"):
        service(closed_root, "postgres").start(ports.pick(None))
