"""What a fault did: the lines of var/chaos/report.json."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Result:
    """One kind of fault, after all of its trials."""

    fault: str
    trials: int = 0
    lost: int = 0
    duplicated: int = 0
    stale_writes: int = 0
    recovery_p99_s: float | None = None
    bar_s: float | None = None
    ok: bool = False
    detail: dict[str, Any] = field(default_factory=dict)

    def judged(self, seconds: Sequence[float] = (), *, holds: bool = True) -> Result:
        """Set `ok`: nothing lost, doubled or stale, recovered in time, and `holds`."""
        if seconds:
            self.recovery_p99_s = round(quantile(seconds, 0.99), 2)
            self.detail |= {"recovery_median_s": round(quantile(seconds, 0.5), 2), "samples": len(seconds)}
        in_time = self.bar_s is None or self.recovery_p99_s is None or self.recovery_p99_s <= self.bar_s
        self.ok = holds and in_time and not (self.lost or self.duplicated or self.stale_writes)
        return self


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest value that `share` of the values do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def write(path: Path, results: Iterable[Result]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps([asdict(result) for result in results], indent=2) + "\n")
