"""The bars, and whether they hold: var/siege/report.json."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.siege.memory import Meter
from tests.siege.recovery import MEMORY
from tests.siege.tally import Tally, by_class
from tests.siege.victim import Victim

MAX_P95_MS = 1_000.0
MAX_SHORT_MEMORY = 2.0


def report(tally: Tally, victim: Victim, meter: Meter, recovery: dict[str, Any]) -> dict[str, Any]:
    attack = victim.phases["attack"]
    ratios = meter.ratios()
    refused, after = attack.refused + attack.unanswered, victim.phases["after"]
    return {
        "attacks": sum(answers.total() for answers in tally.kinds.values()),
        "victim_p95_ms": attack.p95(),
        "victim_5xx": len(attack.faults) + len(after.faults),
        "victim_refused": len(refused) + len(after.refused + after.unanswered),
        "memory_ratio": round(max(ratios.values()), 2),
        "recovered": not recovery["left"],
        "attackers_500": len(tally.faults),
        "faults": tally.faults,
        "by_kind": {kind: by_class(answers) for kind, answers in sorted(tally.kinds.items())},
        "victim": {name: phase.told() for name, phase in victim.phases.items()},
        "memory": {
            name: {"start_mb": round(meter.start[name]), "max_mb": round(ratio * meter.start[name])}
            for name, ratio in ratios.items()
        },
        "recovery": recovery,
    }


def failures(said: dict[str, Any], *, short: bool = False) -> list[str]:
    """The bars that do not hold, in words.

    Of a `short` run, on a machine that does much else, milliseconds are not judged. Its memory starts lower:
    less has been loaded by then.
    """
    max_memory = MAX_SHORT_MEMORY if short else MEMORY
    bars = {
        f"the victim's p95 is {said['victim_p95_ms']} ms": not short and said["victim_p95_ms"] > MAX_P95_MS,
        f"{said['victim_5xx']} of the victim's requests met a fault": said["victim_5xx"] > 0,
        f"{said['victim_refused']} of the victim's requests were refused": said["victim_refused"] > 0,
        f"memory grew to {said['memory_ratio']} times its start": said["memory_ratio"] >= max_memory,
        f"left behind: {', '.join(said['recovery']['left'])}": not said["recovered"],
        f"{said['attackers_500']} attacks met a fault of ours": said["attackers_500"] > 0,
        "nothing was attacked": said["attacks"] == 0,
    }
    return [words for words, true in bars.items() if true]


def write(path: Path, said: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(said, indent=2) + "\n")
