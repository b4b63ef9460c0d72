"""python -m tests.chaos [--long]: break everything in turn, and write var/chaos/report.json."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.chaos.asked import operations
from tests.chaos.fleet import ROOT, Fleet, fleet
from tests.chaos.index import milvus_lost
from tests.chaos.leases import woken_late
from tests.chaos.results import Result, write
from tests.chaos.trials import (
    camera_faults,
    many_cameras,
    owner_killed,
    postgres_lost,
    process_stopped,
    redis_lost,
    stopped_within_transaction,
)
from tests.real_milvus import NO_SERVER, is_installed

Fault = Callable[[Fleet], Result]
SHORT: dict[str, Fault] = {
    "asleep": lambda whole: woken_late(whole, 100),
    "kill": lambda whole: owner_killed(whole, 1),
    "locked": lambda whole: stopped_within_transaction(whole, 1),
    "operations": operations,
    "camera": camera_faults,
    "redis": lambda whole: redis_lost(whole, 1),
    "postgres": lambda whole: postgres_lost(whole, 1),
    "milvus": lambda whole: milvus_lost(whole, 1),
    "many": lambda whole: many_cameras(whole, 30, cameras=8),
}
LONG: dict[str, Fault] = {
    "asleep": lambda whole: woken_late(whole, 1000),
    "kill": lambda whole: owner_killed(whole, 100),
    "stop": lambda whole: process_stopped(whole, 20),
    "locked": lambda whole: stopped_within_transaction(whole, 5),
    "operations": operations,
    "camera": camera_faults,
    "redis": lambda whole: redis_lost(whole, 5),
    "postgres": lambda whole: postgres_lost(whole, 4),
    "milvus": lambda whole: milvus_lost(whole, 4),
    "many": lambda whole: many_cameras(whole, 600),
}


def run(faults: dict[str, Fault], var: Path) -> list[Result]:
    """All results, written to the report as they come; a trial that cannot go on is one that failed.

    With the fault "milvus", all of them use a real Milvus server.
    """
    results: list[Result] = []
    with fleet(var / "fleet", real_milvus="milvus" in faults) as whole:
        for name, fault in faults.items():
            began = time.monotonic()
            try:
                result = fault(whole)
            except AssertionError as error:
                result = Result(name, detail={"failed": str(error)})
                whole.switch_all_off()
            result.detail["took_s"] = round(time.monotonic() - began)
            results.append(result)
            write(var / "report.json", results)
            sys.stdout.write(f"{'ok  ' if result.ok else 'FAIL'} {result}\n")
            sys.stdout.flush()
    return results


def main() -> None:
    parser = argparse.ArgumentParser(prog="make chaos")
    parser.add_argument("--long", action="store_true", help="as many trials as it takes: an hour or more")
    parser.add_argument("--only", nargs="*", choices=sorted(LONG), help="only these faults")
    parser.add_argument("--var", type=Path, default=ROOT / "var" / "chaos")
    given = parser.parse_args()
    faults = LONG if given.long else SHORT
    chosen = {name: fault for name, fault in faults.items() if not given.only or name in given.only}
    if "milvus" in chosen and not is_installed():
        del chosen["milvus"]
        sys.stdout.write(f"The fault `milvus` is left out: it {NO_SERVER}.\n")
    results = run(chosen, given.var)
    sys.stdout.write(f"{given.var / 'report.json'}\n")
    sys.exit(0 if all(result.ok for result in results) else 1)


if __name__ == "__main__":
    main()
