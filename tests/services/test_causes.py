"""A service that does not start says what is really wrong, and sound data are never advised away."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from facetrack.devservices.causes import SHARED_MEMORY, remedy
from tests.services.conftest import REPOSITORY, bare_environ

FULL = 'could not resize shared memory segment "/PostgreSQL.123" to 1048576 bytes: No space left on device'
START = """
import sys
from pathlib import Path
from facetrack import devservices
try:
    elsewhere = {"REDIS_URL": "redis://elsewhere", "MILVUS_URI": "http://elsewhere"}
    with devservices.running(Path(sys.argv[1]), elsewhere):
        print("it runs")
except devservices.ServiceFailed as error:
    print(error)
"""


def in_a_machine_with(shared_memory: str, root: Path) -> str:
    """What a start of PostgreSQL says where /dev/shm is mounted so."""
    unshare = ["unshare", "-m"] if os.geteuid() == 0 else ["unshare", "-rm"]
    if subprocess.run([*unshare, "true"], check=False, capture_output=True).returncode:
        pytest.skip("this system lets no test mount a /dev/shm of its own (unshare)")
    script = f'{shared_memory} && exec "$0" -c "$1" "$2"'
    done = subprocess.run(
        [*unshare, "sh", "-c", script, sys.executable, START, str(root)],
        cwd=REPOSITORY,
        env=bare_environ(PYTHONPATH=str(REPOSITORY)) | {"FACETRACK_PG_FAST": "1"},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    return done.stdout + done.stderr


@pytest.mark.parametrize(
    "shared_memory",
    [
        "mount -t tmpfs -o size=64k tmpfs /dev/shm",
        "mount -t tmpfs -o size=8m tmpfs /dev/shm && head -c 9m /dev/zero >/dev/shm/full 2>/dev/null || true",
    ],
)
def test_too_little_shared_memory_is_named_and_the_data_stay(root: Path, shared_memory: str) -> None:
    assert "it runs" in in_a_machine_with("true", root)
    before = {path.name for path in (root / "postgres").iterdir()}
    said = in_a_machine_with(shared_memory, root)
    assert f"{SHARED_MEMORY}, the machine's shared memory, is full, too small" in said
    assert "The data are sound" in said
    assert "wipe" not in said
    assert {path.name for path in (root / "postgres").iterdir()} >= before
    assert "it runs" in in_a_machine_with("true", root)


def test_a_first_start_with_too_little_shared_memory_says_so(root: Path) -> None:
    said = in_a_machine_with("mount -t tmpfs -o size=4k tmpfs /dev/shm", root)
    assert str(SHARED_MEMORY) in said
    assert "wipe" not in said


@pytest.mark.parametrize(
    ("said", "advice"),
    [
        (f"FATAL:  {FULL}", str(SHARED_MEMORY)),
        (
            'FATAL:  could not open shared memory segment "/PostgreSQL.1": Permission denied',
            str(SHARED_MEMORY),
        ),
        ("FATAL: could not write to file: No space left on device", "the disk of"),
        ("FATAL: could not create file: Read-only file system", "read-only"),
        ("Can't open the append-only file: Permission denied", "read and write"),
        ("FATAL:  could not map anonymous shared memory: Cannot allocate memory", "too little free memory"),
        ("FATAL: out of memory", "too little free memory"),
        ("accept: Too many open files", "ulimit -n"),
        ("Address already in use", "read the log"),
        ("", "read the log"),
    ],
)
def test_each_cause_has_its_remedy(tmp_path: Path, said: str, advice: str) -> None:
    told = remedy(said, tmp_path / "not" / "there" / "yet")
    assert advice in told
    assert "wipe" not in told


def test_only_what_a_service_calls_damaged_may_go(tmp_path: Path) -> None:
    told = remedy("Bad file format reading the append only file", tmp_path)
    assert told.index("backup") < told.index("--wipe")
