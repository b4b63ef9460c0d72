"""Everything that somebody of one tenant can try, tried on another: nothing comes back, nothing is changed.

`make probe` runs this test with 100,000 attempts; ATTEMPTS and SEED in the environment change it.
"""

import os
from pathlib import Path
from typing import Any

from django.conf import settings

from tests.probe.inventory import untried
from tests.probe.run import Probe, write_report
from tests.probe.sql import is_safe
from tests.probe.world import World

ATTEMPTS = int(os.environ.get("ATTEMPTS", "2000"))
SEED = int(os.environ.get("SEED", "1"))
REPORT = os.environ.get("PROBE_REPORT", "")


def test_nothing_of_another_tenant_comes_back(world: World, capsys: Any) -> None:
    assert is_safe()
    report = Probe(world, seed=SEED).run(ATTEMPTS)
    write_report(report, Path(REPORT) if REPORT else settings.VAR_DIR / "probe" / "report.json")
    with capsys.disabled():
        print(f"\n{report.summary()}")  # noqa: T201  what `make probe` says
    report.require_clean()
    assert untried(report.tried) == []
    assert report.attempts >= ATTEMPTS
