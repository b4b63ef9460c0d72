"""A pytest plugin: real backing services of the tests' own, up before Django reads its settings."""

import fcntl
import gc
import os
import sys
from contextlib import ExitStack
from itertools import count
from pathlib import Path

from _pytest.terminal import TerminalReporter

from facetrack import devservices
from tests import migrated_database
from tests.migrated_database import RUN_FOLDER

ROOT = Path(__file__).resolve().parent.parent
_BESIDE = ROOT.parent / "shared" / "models"
if "FACETRACK_MODEL_DIR" not in os.environ and _BESIDE.is_dir():
    os.environ["FACETRACK_MODEL_DIR"] = str(_BESIDE)  # before Django reads its settings
MODELS = Path(os.environ.get("FACETRACK_MODEL_DIR") or ROOT / "none")
"""Real models, which are no part of the project. Where there are none, the tests use the pack `dlib`."""
SAMPLES = MODELS.parent / "samples"
NO_MODELS = "needs real models: FACETRACK_MODEL_DIR"
"""How the reason of each skip begins that a folder of models would mend; the closing summary counts them."""

HANDS_OUT = "PYTEST_XDIST_WORKER" not in os.environ and any(word.startswith("-n") for word in sys.argv[1:])
"""Whether this process only hands tests out to others, each of which has services of its own."""

_stack = ExitStack()
gc.set_threshold(50_000)  # as manage.py does, for the same reason


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
if RUN_FOLDER not in os.environ:  # the others of this run, and processes that tests start, inherit it
    os.environ[RUN_FOLDER] = str(VAR)
    migrated_database.forget(VAR)
DEAD_PROXY = "http://127.0.0.1:9"
"""Where no proxy is: a client that asks it for a service of this machine fails, and its test with it."""

os.environ.update(
    FACETRACK_VAR_DIR=str(VAR),
    FACETRACK_PG_FAST="1",
    FACETRACK_DEBUG="0",
    FACETRACK_LOG_LEVEL="WARNING",
    FACETRACK_CAMERA_LOOPBACK="1",  # the cameras of the tests are servers of this machine
    FACETRACK_DB_LONGEST_PAUSE="0",  # a test is one transaction, in which models are loaded and people found
    FACETRACK_THROTTLE="0",  # tests of throttles switch it on
    http_proxy=DEAD_PROXY,
    https_proxy=DEAD_PROXY,
    all_proxy=DEAD_PROXY,
)
if not MODELS.is_dir():
    os.environ.pop("FACETRACK_MODEL_DIR", None)
    os.environ.update(FACETRACK_PACK="dlib", FACETRACK_DETECTOR="dlib")
for url in ("DATABASE_URL", "DATABASE_OWNER_URL", "REDIS_URL", "MILVUS_URI", "no_proxy", "NO_PROXY"):
    os.environ.pop(url, None)  # never the developer's own data
if not HANDS_OUT:
    _stack.enter_context(devservices.running(VAR / "services"))


def pytest_report_header() -> str:
    pack = os.environ.get("FACETRACK_PACK", "edgeface-xs")
    better = "" if MODELS.is_dir() else " (no models folder: set FACETRACK_MODEL_DIR to test the others)"
    return f"facetrack: model pack {pack}{better}; services under {VAR}"


def pytest_collection_finish() -> None:
    """No collection looks through all libraries and tests once more."""
    gc.freeze()


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    """Count what was left out for want of models, so that a green run does not hide it."""
    skipped = terminalreporter.stats.get("skipped", [])
    without = sum(NO_MODELS in str(report.longrepr) for report in skipped)
    if without:
        terminalreporter.write_line(
            f"{without} of {len(skipped)} skips are for want of models: FACETRACK_MODEL_DIR names no folder."
        )


def pytest_unconfigure() -> None:
    _stack.close()
