"""A pytest plugin: real backing services of the tests' own, up before Django reads its settings."""

import fcntl
import os
import sys
from contextlib import ExitStack
from itertools import count
from pathlib import Path

from facetrack.lib import services

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"

HANDS_OUT = "PYTEST_XDIST_WORKER" not in os.environ and any(word.startswith("-n") for word in sys.argv[1:])
"""Whether this process only hands tests out to others, each of which has services of its own."""

_stack = ExitStack()


def _own_folder() -> Path:
    """var/test/1, or the next number that no other run of the tests holds right now."""
    for number in count(1):
        folder = ROOT / "var" / "test" / str(number)
        folder.mkdir(parents=True, exist_ok=True)
        lock = _stack.enter_context((folder / "run.lock").open("w"))
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            continue
        return folder
    raise AssertionError("numbers do not end")


VAR = _own_folder()

os.environ.update(
    FACETRACK_VAR_DIR=str(VAR),
    FACETRACK_PG_FAST="1",
    FACETRACK_DEBUG="0",
    FACETRACK_LOG_LEVEL="WARNING",
    FACETRACK_CAMERA_LOOPBACK="1",  # the cameras of the tests are servers of this machine
    FACETRACK_DB_LONGEST_PAUSE="0",  # a test is one transaction, in which models are loaded and people found
    FACETRACK_THROTTLE="0",  # tests of throttles switch it on
    NO_PROXY="*",
)
if not (SHARED / "models").is_dir() and "FACETRACK_MODEL_DIR" not in os.environ:
    os.environ.update(FACETRACK_PACK="dlib", FACETRACK_DETECTOR="dlib")
for url in ("DATABASE_URL", "DATABASE_OWNER_URL", "REDIS_URL", "MILVUS_URI"):
    os.environ.pop(url, None)  # never the developer's own data
if not HANDS_OUT:
    _stack.enter_context(services.running(VAR / "services"))


def pytest_report_header() -> str:
    pack = os.environ.get("FACETRACK_PACK", "edgeface-xs")
    better = (
        ""
        if pack != "dlib"
        else " (no models folder: put one beside the project, or set FACETRACK_MODEL_DIR)"
    )
    return f"facetrack: model pack {pack}{better}; services under {VAR}"


def pytest_unconfigure() -> None:
    _stack.close()
