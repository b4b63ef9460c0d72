"""python -m tests.siege [--seconds N] [--clients N]: attack an installation; var/siege/report.json."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from uuid import UUID

import requests

from facetrack.devservices import ports
from tests.chaos.camera import Camera
from tests.chaos.fleet import ROOT, Fleet, fleet, wait_for
from tests.siege import members, ordinary, pictures, recovery, tally
from tests.siege.attack import PATIENCE_SECONDS
from tests.siege.memory import Meter
from tests.siege.plan import Plan
from tests.siege.report import failures, report, write
from tests.siege.victim import Victim

OURS, THEIRS = 2, 4
"""Cameras of victim and attackers that run at first; the worker has no room for more."""
SILENT, READY_SECONDS, QUIET_SECONDS = 4, 120.0, 20.0
GRACE_SECONDS = 60.0 + PATIENCE_SECONDS


def main() -> None:
    given = _given()
    for name in [one for one in os.environ if one.startswith("FACETRACK_") and one != "FACETRACK_MODEL_DIR"]:
        del os.environ[name]  # limits are what an installation has that sets none
    folder = pictures.files(given.var / "pictures", few=given.few)
    with fleet(given.var / "fleet") as whole, ExitStack() as stack:
        said = _besiege(whole, stack, given, folder)
    write(given.var / "report.json", said)
    words = failures(said, short=given.short)
    shown = {name: value for name, value in said.items() if not isinstance(value, dict | list)}
    sys.stdout.write(json.dumps(shown, indent=2) + f"\n{given.var / 'report.json'}\n")
    sys.stdout.write("".join(f"FAIL {one}\n" for one in words))
    sys.exit(1 if words else 0)


def _given() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make siege")
    parser.add_argument("--seconds", type=float, default=600.0, help="that the attack lasts")
    parser.add_argument("--clients", type=int, default=100)
    parser.add_argument("--few", action="store_true", help="upload those files only that are made quickly")
    parser.add_argument(
        "--short", action="store_true", help="judge no milliseconds, and memory less strictly"
    )
    parser.add_argument("--var", type=Path, default=ROOT / "var" / "siege")
    return parser.parse_args()


def _besiege(whole: Fleet, stack: ExitStack, given: argparse.Namespace, folder: Path) -> dict[str, Any]:
    port = ports.pick(None)
    victims, theirs = members.populated(whole), members.attackers(whole)
    whole.start_web(port)
    whole.start_worker("w1", capacity=OURS + THEIRS)
    own = _cameras(stack, victims, OURS)
    running = _cameras(stack, theirs, THEIRS)
    members.filled(theirs, running[0])
    wait_for(lambda: _answers(port, victims.host), READY_SECONDS, "the web server")
    wait_for(lambda: all(whole.records(one) for one in own), READY_SECONDS, "the victim's cameras")
    wait_for(lambda: all(theirs.fleet.records(one) for one in running), READY_SECONDS, "the others'")
    plan = _plan(port, given, folder, victims, theirs, running)
    _say("ordinary load")
    browsers = [members.sign_in(port, one.host, one.people()[0]) for one in (victims, theirs)]
    with Meter(whole, "web", "w1") as meter, Victim(port, victims.host, victims.people()[4]) as victim:
        ordinary.load(port, [victims, theirs], browsers, [str(own[0]), str(running[0])])
        victim.phase = "quiet"
        meter.begin()
        before = recovery.state_of(whole, port, own[0])
        victim.phase = "attack"
        _say("attack")
        done = _attack(plan, given.var)
        _say("recovery")
        victim.phase = "over"
        _switched_off(theirs)
        left = recovery.recovered(whole, port, own[0], before, meter)
        victim.phase = "after"
        time.sleep(QUIET_SECONDS)
    return report(done, victim, meter, left)


def _attack(plan: Plan, var: Path) -> tally.Tally:
    """Carried out by a process of its own."""
    plan.write(var / "plan.json")
    words = [sys.executable, "-m", "tests.siege.attack", str(var / "plan.json"), str(var / "tally.json")]
    subprocess.run(words, cwd=ROOT, check=True, timeout=plan.seconds + GRACE_SECONDS)
    return tally.read(var / "tally.json")


def _cameras(stack: ExitStack, customer: members.Customer, number: int) -> list[UUID]:
    """That run; people pass before the first of them."""
    found = []
    for n in range(number):
        source = stack.enter_context(Camera())
        source.show(0 if n else 10_000)
        found.append(customer.fleet.camera(f"Door {n}", source.url))
    return found


def _plan(
    port: int,
    given: argparse.Namespace,
    folder: Path,
    victims: members.Customer,
    theirs: members.Customer,
    running: list[UUID],
) -> Plan:
    silent = [_spare(theirs, f"Silent {n}") for n in range(SILENT)]
    half = len(running) // 2
    return Plan(
        port=port,
        host=theirs.host,
        victims_host=victims.host,
        victims_email=victims.people()[4],
        password=members.PASSWORD,
        seconds=given.seconds,
        clients=given.clients,
        pictures=str(folder),
        identities=members.identities(theirs, port),
        site=str(theirs.fleet.site),
        staff=theirs.staff,
        running=[str(one) for one in running[:half]],
        silent=silent,
        hostile=[str(one) for one in running[half:]],
    )


def _spare(customer: members.Customer, name: str) -> str:
    """A camera that is switched off as yet."""
    from cameras.actions import set_enabled
    from tenants.isolation.context import inside

    camera = customer.fleet.camera(name, "rtsp://127.0.0.1:1/door")
    with inside(customer.fleet.tenant):
        set_enabled(camera=customer.fleet.row(camera), enabled=False, by=None)
    return str(camera)


def _switched_off(customer: members.Customer) -> None:
    customer.fleet.switch_all_off()


def _answers(port: int, host: str) -> bool:
    try:
        place = f"http://127.0.0.1:{port}/login/"
        return requests.get(place, headers={"Host": host}, timeout=5).status_code == 200
    except requests.RequestException:
        return False


def _say(words: str) -> None:
    sys.stdout.write(f"{time.strftime('%H:%M:%S')} {words}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
