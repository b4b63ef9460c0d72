"""A real PgBouncer (from Debian) before the tests' PostgreSQL."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from facetrack.devservices import ports

PROGRAM = shutil.which("pgbouncer") or "/usr/sbin/pgbouncer"


@contextmanager
def pgbouncer(database: Mapping[str, Any], mode: str) -> Iterator[int]:
    """PgBouncer in this pool mode; the port it listens on. `database` is an entry of DATABASES."""
    folder = Path(tempfile.mkdtemp(prefix="facetrack-bouncer-"))
    folder.chmod(0o755)
    port = ports.pick(None)
    (folder / "users").write_text(f'"{database["USER"]}" "{database["PASSWORD"]}"\n')
    (folder / "ini").write_text(
        f"[databases]\n* = host={database['HOST']} port={database['PORT']}\n"
        f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n"
        f"auth_type = scram-sha-256\nauth_file = {folder}/users\npool_mode = {mode}\n"
        "default_pool_size = 4\nignore_startup_parameters = extra_float_digits,options\n"
    )
    account = ["-u", "nobody"] if os.geteuid() == 0 else []
    process = subprocess.Popen(
        [PROGRAM, "-q", *account, str(folder / "ini")], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _wait(port, process)
        yield port
    finally:
        process.terminate()
        process.wait(10)
        shutil.rmtree(folder)


def _wait(port: int, process: "subprocess.Popen[bytes]") -> None:
    for _ in range(100):
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        assert process.poll() is None, "PgBouncer ended while starting"
        time.sleep(0.1)
    raise AssertionError("PgBouncer does not listen")
