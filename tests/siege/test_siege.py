"""A short siege, as one test, and the judgement of its report: `make siege` is the long one."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.siege.report import failures
from tests.siege.tally import by_class

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 900
"""For services, cameras and the attack, on a machine that does much else."""


def test_a_customer_works_on_while_another_attacks(tmp_path: Path) -> None:
    """In a process of its own: it has a database, and settings, of its own."""
    environ = {name: value for name, value in os.environ.items() if not name.endswith(("_URL", "_URI"))}
    words = ["-m", "tests.siege", "--seconds", "30", "--few", "--short", "--var", str(tmp_path)]
    done = subprocess.run(
        [sys.executable, *words],
        cwd=ROOT,
        env=environ,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr[-3000:]}"
    report = json.loads((tmp_path / "report.json").read_text())
    kinds = {
        "streams",
        "camera operations",
        "uploads",
        "lists",
        "sign-ins",
        "websockets",
        "half-sent requests",
    }
    assert kinds | {"large bodies", "hostile cameras"} <= set(report["by_kind"]), done.stdout
    assert report["victim"]["attack"]["kinds"]["sign-in"]["requests"] > 0


GOOD: dict[str, Any] = {
    "attacks": 1,
    "victim_p95_ms": 1_000,
    "victim_5xx": 0,
    "victim_refused": 0,
    "memory_ratio": 1.49,
    "recovered": True,
    "attackers_500": 0,
    "recovery": {"left": []},
}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({}, ""),
        ({"victim_p95_ms": 1_001}, "p95"),
        ({"victim_5xx": 1}, "met a fault"),
        ({"victim_refused": 1}, "were refused"),
        ({"memory_ratio": 1.5}, "memory"),
        ({"recovered": False}, "left behind"),
        ({"attackers_500": 1}, "a fault of ours"),
        ({"attacks": 0}, "nothing was attacked"),
    ],
)
def test_a_report_is_as_strict_as_its_bars(change: dict[str, Any], words: str) -> None:
    found = failures(GOOD | change)
    assert len(found) == bool(change)
    assert all(words in one for one in found)


def test_a_short_run_is_judged_without_milliseconds_and_by_a_wider_memory() -> None:
    assert not failures(GOOD | {"victim_p95_ms": 5_000, "memory_ratio": 1.9}, short=True)
    assert failures(GOOD | {"memory_ratio": 2.0}, short=True)


def test_answers_are_counted_by_their_class() -> None:
    found = by_class({"200": 2, "201": 1, "503": 4, "no answer": 3})
    assert found == {
        "attempted": 10,
        "2xx": 3,
        "5xx": 4,
        "no answer": 3,
        "statuses": {"200": 2, "201": 1, "503": 4, "no answer": 3},
    }
