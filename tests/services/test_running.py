"""Who uses embedded services gets them; who leaves last stops them."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest
import redis
from pymilvus import MilvusClient

from facetrack import devservices
from tests.services.conftest import (
    URLS,
    VALKEY_ALONE,
    WITH_POSTGRES,
    Neighbour,
    alive,
    new_root,
    pid_of,
    remove,
    service,
)


@pytest.fixture(scope="module")
def stack() -> Iterator[tuple[Path, dict[str, str]]]:
    """All three services, running for the tests that only look."""
    root, environ = new_root(0o755), dict[str, str]()
    with devservices.running(root, environ):
        yield root, environ
    remove(root)


def test_postgres_is_as_in_production(stack: tuple[Path, dict[str, str]]) -> None:
    with psycopg.connect(stack[1]["DATABASE_OWNER_URL"], autocommit=True) as connection:
        query = "SELECT rolname, current_database(), rolsuper FROM pg_roles WHERE rolname = current_user"
        assert connection.execute(query).fetchone() == ("facetrack", "facetrack", False)
        connection.execute("CREATE DATABASE facetrack_more")
        connection.execute("CREATE ROLE lesser")
        connection.execute("SET ROLE lesser")
        settings = {"max_connections": "200", "max_locks_per_transaction": "1024", "shared_buffers": "128MB"}
        for name, value in settings.items():
            assert connection.execute(f"SHOW {name}").fetchone() == (value,)
        assert connection.execute("SELECT upper('é')").fetchone() == ("É",)


def test_the_application_logs_in_without_rights(stack: tuple[Path, dict[str, str]]) -> None:
    with psycopg.connect(stack[1]["DATABASE_URL"], autocommit=True) as connection:
        query = "SELECT rolname, rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb FROM pg_roles"
        found = connection.execute(f"{query} WHERE rolname = session_user").fetchone()
        assert found == ("facetrack_app", False)
        for forbidden in ("CREATE DATABASE facetrack_less", "CREATE ROLE less", "SET ROLE facetrack"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(forbidden.encode())


def test_valkey_and_milvus_answer(stack: tuple[Path, dict[str, str]]) -> None:
    with redis.Redis.from_url(stack[1]["REDIS_URL"]) as client:
        assert client.ping()
    assert MilvusClient(stack[1]["MILVUS_URI"], timeout=5).get_server_version(timeout=5)


def test_nobody_gets_in_without_the_password(stack: tuple[Path, dict[str, str]]) -> None:
    for url in (stack[1]["DATABASE_URL"], stack[1]["DATABASE_URL"].replace("facetrack_app:", "postgres:")):
        user, _, place = url.partition("://")[2].partition("@")
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(f"postgres://{user.partition(':')[0]}:guess@{place}")
    place = stack[1]["REDIS_URL"].partition("@")[2]
    with (
        pytest.raises(redis.exceptions.AuthenticationError),
        redis.Redis.from_url(f"redis://{place}") as client,
    ):
        client.ping()


def test_they_listen_on_the_loopback_interface_alone(stack: tuple[Path, dict[str, str]]) -> None:
    for name in ("postgres", "valkey", "milvus"):
        listening = [
            connection.laddr.ip
            for connection in psutil.Process(pid_of(service(stack[0], name))).net_connections()
            if connection.status == psutil.CONN_LISTEN
        ]
        assert set(listening) <= {"127.0.0.1", "::ffff:127.0.0.1"}
        assert listening


def test_passwords_are_in_no_command_line_log_or_status(stack: tuple[Path, dict[str, str]]) -> None:
    root, environ = stack
    secrets = [(root / name / "password").read_text() for name in ("postgres", "valkey")]
    lines = [" ".join(process.info["cmdline"] or []) for process in psutil.process_iter(["cmdline"])]
    lines += [path.read_text() for path in root.glob("*/*.log")]
    lines += [str(line) for line in devservices.standings(root, environ)]
    assert not [line for line in lines for secret in secrets if secret in line]
    for path in [
        *root.glob("*/password"),
        *root.glob("*/state.json"),
        *root.glob("*/*.log"),
        *root.glob("*/*.conf"),
    ]:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path


def test_services_get_none_of_our_environment(stack: tuple[Path, dict[str, str]]) -> None:
    for name in ("postgres", "valkey", "milvus"):
        known = psutil.Process(pid_of(service(stack[0], name))).environ()
        assert not {"FACETRACK_PG_FAST", "DJANGO_SETTINGS_MODULE", "HOME"} & set(known)


def test_the_environment_is_set_inside_and_as_before_outside(root: Path) -> None:
    environ = dict(VALKEY_ALONE)
    with devservices.running(root, environ):
        assert set(environ) == set(URLS) - {"DATABASE_OWNER_URL"}  # the database is elsewhere
        assert environ["MILVUS_URI"] == VALKEY_ALONE["MILVUS_URI"]
        assert alive(root) == {"valkey"}
    assert environ == VALKEY_ALONE
    assert alive(root) == set()


def test_nothing_at_all_is_started_where_every_url_is_given(root: Path) -> None:
    environ = dict.fromkeys(URLS, "x://user:s3cret@elsewhere:1/0")
    with devservices.running(root, environ):
        assert list(root.iterdir()) == []
    lines = devservices.standings(root, environ)
    assert [(line.state, line.address) for line in lines] == [("external", "elsewhere:1")] * 3
    assert "s3cret" not in str(lines)


def test_the_second_joins_and_the_last_stops(root: Path) -> None:
    with Neighbour(root) as neighbour:
        before = pid_of(service(root, "valkey"))
        with devservices.running(root, dict(VALKEY_ALONE)), Neighbour(root) as third:
            assert pid_of(service(root, "valkey")) == before
            third.leave()
            neighbour.leave()
            assert alive(root) == {"valkey"}
    assert alive(root) == set()


def test_a_user_that_was_killed_counts_no_more(root: Path) -> None:
    Neighbour(root).crash()
    assert alive(root) == {"valkey"}
    with devservices.running(root, dict(VALKEY_ALONE)):
        pass
    assert alive(root) == set()


def test_kept_services_outlive_their_users_until_stopped(root: Path) -> None:
    devservices.keep(root, dict(VALKEY_ALONE))
    with devservices.running(root, dict(VALKEY_ALONE)):
        with pytest.raises(devservices.ServiceFailed, match="--force"):
            devservices.stop(root)
        devservices.keep(root, dict(VALKEY_ALONE))
    assert alive(root) == {"valkey"}
    devservices.stop(root)
    assert alive(root) == set()


def test_data_stay_when_stopped_and_go_when_wiped(root: Path) -> None:
    environ = dict(WITH_POSTGRES)
    with devservices.running(root, environ), psycopg.connect(environ["DATABASE_OWNER_URL"]) as connection:
        connection.execute("CREATE TABLE kept (number int)")
    with devservices.running(root, environ), psycopg.connect(environ["DATABASE_OWNER_URL"]) as connection:
        assert connection.execute("SELECT count(*) FROM kept").fetchone() == (0,)
    devservices.stop(root, wipe=True)
    assert list(root.glob("*/")) == []
