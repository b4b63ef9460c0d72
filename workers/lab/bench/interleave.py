"""The programs take turns of some seconds of the clip, so that other load slows all of them alike."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from workers.lab.bench.baselines import Baseline

TURN = 100  # frames


@dataclass(slots=True)
class Taken:
    """Frames handled, the time they took and the processor time of all threads, in seconds."""

    frames: int = 0
    seconds: float = 0.0
    cpu: float = 0.0

    @property
    def ms(self) -> float:
        """Milliseconds per frame."""
        return 1_000 * self.seconds / max(1, self.frames)

    @property
    def cpu_ms(self) -> float:
        return 1_000 * self.cpu / max(1, self.frames)


def interleave(baselines: Mapping[str, Baseline], advance: Callable[[str, int], None]) -> dict[str, Taken]:
    """Runs all to the end of the clip; `advance` gets the program whose turn it was and its frame count."""
    taken = {name: Taken() for name in baselines}
    running = dict(baselines)
    while running:
        for name, baseline in list(running.items()):
            if not _turn(baseline, taken[name]):
                running.pop(name)
            advance(name, taken[name].frames)
    return taken


def _turn(baseline: Baseline, taken: Taken) -> bool:
    """Up to TURN frames. The last call, which finds no frame but ends the tracks, is counted, too."""
    started, used = time.perf_counter(), time.process_time()
    going, frames = True, 0
    while going and frames < TURN:
        going = baseline.step()
        frames += going
    baseline.settle()
    taken.seconds += time.perf_counter() - started
    taken.cpu += time.process_time() - used
    taken.frames += frames
    return going
