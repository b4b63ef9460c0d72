"""The probe: attempts by turns on every surface, each judged, undone, and counted."""

import json
import random
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any, cast

from django.db import connection
from django.db.utils import DatabaseError
from django_tenants.utils import tenant_context

from facetrack.core.rolled_back import rolled_back
from tests.probe.attempts import Attempt, Surface
from tests.probe.browser import Browser
from tests.probe.edge_redis import EdgeRedis
from tests.probe.entry import LET_IN, Entry
from tests.probe.leases import Leases
from tests.probe.ledger import Ledger
from tests.probe.lookups import ANSWERED, Lookups
from tests.probe.messages import SENT, Celery, Groups
from tests.probe.sockets import Sockets
from tests.probe.sql import Sql
from tests.probe.stores import Cache, Milvus, Objects
from tests.probe.web import visit_everything, web_surfaces
from tests.probe.world import World, changes, snapshot

B_ACTS_EVERY = 100
"""After so many attempts somebody of B opens one of its pages."""
MAX_FINDINGS = 30


def every_surface(world: World) -> list[Surface]:
    stores: list[Surface] = [Cache(world), Objects(world), Milvus(world)]
    edge: list[Surface] = [EdgeRedis(world), Leases(world)]
    return [*web_surfaces(world), Lookups(), Sql(), Celery(), Groups(), Sockets(), Entry(), *stores, *edge]


@dataclass
class Report:
    seed: int
    surfaces: Counter[str] = field(default_factory=Counter)
    tried: set[tuple[str, str]] = field(default_factory=set)
    findings: list[str] = field(default_factory=list)
    leaks: int = 0
    seconds: float = 0.0

    @property
    def attempts(self) -> int:
        return self.surfaces.total()

    def leak(self, text: str) -> None:
        self.leaks += 1
        if len(self.findings) < MAX_FINDINGS:
            self.findings.append(text)

    def as_json(self) -> str:
        told: dict[str, Any] = {"attempts": self.attempts, "leaks": self.leaks}
        told["surfaces"] = dict(sorted(self.surfaces.items()))
        told |= {"seed": self.seed, "members": len(self.tried), "seconds": round(self.seconds, 1)}
        return json.dumps(told | {"findings": self.findings}, indent=1)

    def summary(self) -> str:
        lines = [f"{self.attempts:,} attempts, {self.leaks} leaks, seed {self.seed}, {self.seconds:.0f} s"]
        return "\n".join(
            [*lines, *(f"  {name:10} {count:7,}" for name, count in sorted(self.surfaces.items()))]
        )

    def require_clean(self) -> None:
        """Raises AssertionError that tells every leak."""
        assert self.leaks == 0, f"{self.leaks} leaks (seed {self.seed}):\n" + "\n".join(self.findings)


class Probe:
    """Everything that A's people try on B. Runs inside a transaction that is rolled back in the end."""

    def __init__(self, world: World, *, seed: int, surfaces: Sequence[Surface] = ()) -> None:
        self.world, self.report = world, Report(seed)
        self._dice = random.Random(seed)
        self._surfaces = surfaces or every_surface(world)
        self._cost: dict[tuple[str, str], float] = {}
        self._life_of_b = visit_everything(world.b, Browser())
        self._ledger = Ledger(world)

    def run(self, attempts: int, *, until_leak: bool = False) -> Report:
        """Every member of every surface once, then by the surfaces' shares; perhaps until the first leak."""
        started = time.monotonic()
        for number, (surface, member) in enumerate(self._turns(attempts)):
            if number % B_ACTS_EVERY == 0:
                self._let_b_act()
            self._try(surface, member)
            if until_leak and self.report.leaks:
                break
        self._compare_all()
        self.report.seconds = time.monotonic() - started
        return self.report

    def _turns(self, attempts: int) -> Iterator[tuple[Surface, str]]:
        once = [(surface, member) for surface in self._surfaces for member in surface.members()]
        shares = [surface.share for surface in self._surfaces]
        drawn = self._dice.choices(self._surfaces, shares, k=max(0, attempts - len(once)))
        return chain(once, ((surface, self._drawn(surface)) for surface in drawn))

    def _drawn(self, surface: Surface) -> str:
        """The quicker one of two: a page that takes a second is tried less often than the others."""
        two = self._dice.choices(surface.members(), k=2)
        return min(two, key=lambda member: self._cost[surface.name, member])

    def _let_b_act(self) -> None:
        with rolled_back():
            next(self._life_of_b)
        self._ledger.forget()

    def _try(self, surface: Surface, member: str) -> None:
        attempt = surface.attempt(member, self.world, self._dice)
        started = time.monotonic()
        with tenant_context(self.world.a.tenant):
            with rolled_back():
                answer = attempt.do()
                written = self._written(attempt)
            cast(Any, connection).set_tenant(self.world.a.tenant)  # whoever was active in between
            written += self._written(attempt)
        self._cost.setdefault((surface.name, member), time.monotonic() - started)
        self.report.surfaces[surface.name] += 1
        self.report.tried.add((surface.name, member))
        self._judge(attempt, answer, written)

    def _written(self, attempt: Attempt) -> list[str]:
        at_bs_door = attempt.place == "b"
        try:
            with tenant_context(self.world.a.tenant):
                return self._ledger.written(at_bs_door=at_bs_door, by_installation=attempt.by_installation)
        except DatabaseError:  # the attempt broke its transaction: asked again when it is rolled back
            return []

    def _judge(self, attempt: Attempt, answer: str, written: list[str]) -> None:
        secrets = self.world.b.secrets
        seen = secrets.within(answer)
        if seen:
            seen -= secrets.within(attempt.asked)
            seen -= secrets.shared if attempt.by_installation else set()
            seen -= secrets.open if attempt.place == "b" else set()
        written = [*written, *(sign for sign in (SENT, ANSWERED, LET_IN) if sign in answer)]
        if seen or written:
            self.report.leak(f"{attempt.title}: answered {sorted(seen)[:5]}, wrote {written[:5]}")

    def _compare_all(self) -> None:
        found = changes(self.world.before, snapshot(self.world), at_bs_door=False)
        stores = [
            surface for surface in self._surfaces if isinstance(surface, (Cache, Objects, Milvus, EdgeRedis))
        ]
        found += [f"{store.name} of B was changed" for store in stores if not store.unharmed()]
        for text in found:
            self.report.leak(text)


def write_report(report: Report, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(report.as_json() + "\n")
