"""What was tried, and how it was answered, by kind of attack."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Tally:
    kinds: dict[str, Counter[str]] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    """The first requests that were answered with 500."""

    def note(self, kind: str, answer: int | str, what: str = "") -> None:
        """An attempt of this kind was answered with this status, or as one of the words above."""
        self.kinds.setdefault(kind, Counter())[str(answer)] += 1
        if answer == 500 and len(self.faults) < 50:
            self.faults.append(f"{kind}: {what}")

    def write(self, path: Path) -> None:
        path.write_text(json.dumps({"kinds": self.kinds, "faults": self.faults}))


def read(path: Path) -> Tally:
    said = json.loads(path.read_text())
    return Tally({kind: Counter(answers) for kind, answers in said["kinds"].items()}, said["faults"])


def by_class(answers: Mapping[str, int]) -> dict[str, Any]:
    """Attempted, and answered by class of status; single statuses behind that."""
    classes: Counter[str] = Counter()
    for answer, count in answers.items():
        classes[f"{answer[0]}xx" if answer.isdigit() else answer] += count
    return {"attempted": sum(answers.values()), **classes, "statuses": dict(sorted(answers.items()))}
