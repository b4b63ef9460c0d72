"""Processes are killed while a camera runs: then everything goes on, and nothing saved is lost."""

import os
import signal
from typing import Any

import pytest

from facetrack.lib.services import ensure, standings
from tests.e2e.conftest import Installation, answers, visits, wait_for

PATIENCE = 180
"""Seconds: the pack `dlib` plays the clip several times slower than it is."""


@pytest.fixture
def saved(installation: Installation, entrance: dict[str, Any]) -> set[str]:
    """Ids of the visits before something dies, while the camera runs."""
    installation.acme.api("POST", f"cameras/{entrance['id']}/start/")
    return {row["id"] for row in wait_for(lambda: visits(installation.acme), 45, "a first visit")}


def goes_on(installation: Installation, saved: set[str]) -> None:
    """Everything saved is still there, and a new visit comes."""

    def more() -> bool:
        installation.crew.tend()
        if not answers(installation):
            return False
        now = {row["id"] for row in visits(installation.acme)}
        assert saved <= now, "a saved visit is gone"
        return now > saved

    wait_for(more, PATIENCE, "a visit after the restart")


@pytest.mark.parametrize("process", ["web", "worker"])
def test_a_killed_process(installation: Installation, saved: set[str], process: str) -> None:
    pid = installation.crew.pid(process)
    assert pid is not None
    os.killpg(pid, signal.SIGKILL)
    wait_for(lambda: not _lives(pid), 10, f"{process} to die")
    goes_on(installation, saved)


def test_killed_redis(installation: Installation, saved: set[str]) -> None:
    redis = next(one for one in standings(installation.services, {}) if one.title == "Valkey")
    assert redis.pid is not None
    os.kill(redis.pid, signal.SIGKILL)
    wait_for(lambda: ensure(installation.services) == ["Valkey"], 10, "Valkey to be started again")
    goes_on(installation, saved)


def test_the_worker_ends_cleanly_on_sigterm(
    installation: Installation, entrance: dict[str, Any], saved: set[str]
) -> None:
    pid = installation.crew.pid("worker")
    assert pid is not None
    os.kill(pid, signal.SIGTERM)
    wait_for(lambda: not _lives(pid), 10, "the worker to end")
    assert installation.acme.api("GET", f"cameras/{entrance['id']}/")["status"] == "stopped"
    goes_on(installation, saved)


def _lives(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False
