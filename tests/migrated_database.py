"""An empty installation's migrated database, which the migrations make once in a run of the tests.

Every process of the tests has a cluster of its own, and some tests start whole installations with one more.
Migrating takes 20 s of processor time; reading what another one has migrated takes one.
"""

from __future__ import annotations

import fcntl
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg

from facetrack.devservices.postgres_files import programs
from facetrack.devservices.process_group import manage

RUN_FOLDER = "TEST_RUN_FOLDER"
"""The variable with the folder that all processes of one run share; without it each migrates for itself."""


def migrate_installation(environ: Mapping[str, str]) -> None:
    """What `manage.py migrate_schemas` leaves in the empty database that `environ` names."""
    with _dump(environ) as dump:
        if dump is None:
            _migrate_schemas(environ)
        elif dump.exists():
            with closing(psycopg.connect(environ["DATABASE_OWNER_URL"], autocommit=True)) as owner:
                owner.execute(dump.read_bytes())
        else:
            _migrate_schemas(environ)
            made = dump.with_suffix(".new")
            made.write_text(_dumped(environ["DATABASE_OWNER_URL"]))
            made.rename(dump)


def make_migrated(environ: Mapping[str, str], name: str) -> None:
    """Make a database of that name beside the installation's, migrated; one of an earlier run goes."""
    with closing(psycopg.connect(environ["DATABASE_OWNER_URL"], autocommit=True)) as owner:
        owner.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)".encode())
        owner.execute(f"CREATE DATABASE {name}".encode())
    migrate_installation(
        dict(environ) | {url: _at(environ[url], name) for url in ("DATABASE_URL", "DATABASE_OWNER_URL")}
    )


@contextmanager
def _dump(environ: Mapping[str, str]) -> Iterator[Path | None]:
    """The file of this run, locked until it is there; None outside of a run."""
    folder = environ.get(RUN_FOLDER, "")
    if not folder:
        yield None
        return
    with (Path(folder) / "migrated.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        dump = Path(folder) / "migrated.sql"
        if dump.exists():
            fcntl.flock(lock, fcntl.LOCK_UN)
        yield dump


def forget(folder: Path) -> None:
    """A run begins: what an earlier one has migrated may be of other code."""
    (folder / "migrated.sql").unlink(missing_ok=True)


def _migrate_schemas(environ: Mapping[str, str]) -> None:
    words = manage("migrate_schemas", "--verbosity", "0")
    done = subprocess.run(words, env=environ, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, f"{words}: {done.stdout}\n{done.stderr}"


def _at(url: str, database: str) -> str:
    """The same server's other database."""
    return f"{url.rpartition('/')[0]}/{database}"


def _dumped(url: str) -> str:
    """The roles that migrations make, which are no part of a database, then all of this one, as SQL."""
    words = [
        str(programs() / "pg_dump"),
        "--inserts",
        "--rows-per-insert=100",
        "--enable-row-security",
        "--dbname",
    ]
    dump = subprocess.run([*words, url], check=True, capture_output=True, text=True).stdout
    kept = [line for line in dump.splitlines() if line and not line.startswith(("\\", "--"))]
    return "\n".join(_roles(url) + kept) + "\n"


def _roles(url: str) -> list[str]:
    """Statements that make them where they are not yet: a cluster has them for all of its databases."""
    with closing(psycopg.connect(url)) as owner:
        roles = owner.execute(
            "SELECT rolname FROM pg_roles WHERE starts_with(rolname, 'facetrack_app_') ORDER BY 1"
        ).fetchall()
        members = owner.execute(
            "SELECT role.rolname, member.rolname, inherit_option FROM pg_auth_members "
            "JOIN pg_roles role ON role.oid = roleid "
            "JOIN pg_roles member ON member.oid = pg_auth_members.member "
            "WHERE starts_with(role.rolname, 'facetrack_app_') AND member.rolname = 'facetrack_app' "
            "ORDER BY 1, 2"
        ).fetchall()
    made = "DO $$ BEGIN CREATE ROLE {} NOLOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$;"
    granted = "GRANT {} TO {} WITH INHERIT {}, SET TRUE;"
    return [made.format(*row) for row in roles] + [granted.format(*row) for row in members]
