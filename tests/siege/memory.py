"""Memory of web server and worker, their children included, once a second."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from contextlib import suppress
from statistics import median

import psutil

from tests.chaos.fleet import Fleet

START_SAMPLES = 10


class Meter:
    """Watches the named processes while its block lasts; megabytes."""

    def __init__(self, fleet: Fleet, *names: str) -> None:
        self._fleet, self._names = fleet, names
        self.samples: dict[str, list[float]] = defaultdict(list)
        self.start: dict[str, float] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Meter:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(10)

    def begin(self) -> None:
        """What was measured last is the start; what comes from now on is compared with it."""
        time.sleep(START_SAMPLES)
        self.start = {name: median(self.samples[name][-START_SAMPLES:]) for name in self._names}
        for name in self._names:
            self.samples[name].clear()

    def ratios(self) -> dict[str, float]:
        """The most since the start, each as a part of its own start."""
        return {name: max(self.samples[name]) / self.start[name] for name in self._names}

    def now(self) -> dict[str, float]:
        """The last sample, as a part of the start."""
        return {name: self.samples[name][-1] / self.start[name] for name in self._names}

    def _watch(self) -> None:
        while not self._over.wait(1):
            for name in self._names:
                with suppress(psutil.Error):  # a child ended between two questions
                    self.samples[name].append(self._fleet.usage(name)[0])
