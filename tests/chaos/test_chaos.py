"""A short round of the faults, as one test: `make chaos` is the long one."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.chaos.results import Result, quantile

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 900


def test_faults_lose_nothing(tmp_path: Path) -> None:
    """In a process of its own: it has a database, and settings, of its own."""
    environ = {name: value for name, value in os.environ.items() if not name.endswith(("_URL", "_URI"))}
    words = [
        sys.executable,
        "-m",
        "tests.chaos",
        "--only",
        "asleep",
        "kill",
        "locked",
        "operations",
        "postgres",
        "--var",
        str(tmp_path),
    ]
    done = subprocess.run(
        words, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    report = json.loads((tmp_path / "report.json").read_text())
    assert [line["fault"] for line in report], done.stdout
    for line in report:
        lost = (line["lost"], line["duplicated"], line["stale_writes"])
        assert (line["trials"] > 0, lost) == (True, (0, 0, 0)), (
            f"{line}\n{done.stdout}\n{done.stderr[-2000:]}"
        )


@pytest.mark.parametrize(
    ("result", "seconds", "ok"),
    [
        (Result("a", bar_s=20), [19.0] * 99 + [25.0], True),
        (Result("a", bar_s=20), [19.0] * 98 + [25.0] * 2, False),
        (Result("a", lost=1), [], False),
        (Result("a", duplicated=1), [], False),
        (Result("a", stale_writes=1), [], False),
        (Result("a"), [], True),
    ],
)
def test_a_report_is_as_strict_as_its_bar(result: Result, seconds: list[float], ok: bool) -> None:
    assert result.judged(seconds).ok is ok


def test_quantiles() -> None:
    assert [quantile([3, 1, 2], share) for share in (0.5, 0.99)] == [2, 3]
