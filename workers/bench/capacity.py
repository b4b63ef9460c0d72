"""Capacity: so many cameras at once, each read as a live source is, and what they lose."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from pathlib import Path

from workers.bench.contenders import Book
from workers.config import PipelineConfig
from workers.engines import Engines
from workers.pipeline import Pipeline
from workers.stages.capture import NewestFrame
from workers.stages.capture.files import FileSource


@dataclass(frozen=True, slots=True)
class Capacity:
    """`analysed` frames a second of the camera that got the fewest; `dropped` frames of all cameras.

    `cpu` is the processor time used a second, 1.0 for one core.
    """

    cameras: int
    analysed: float
    dropped: int
    cpu: float


def capacity(
    clip: Path, engines: Engines, book: Book, config: PipelineConfig, *, cameras: int, seconds: float
) -> Capacity:
    """Runs `cameras` on the clip, each at `config.camera.fps` analysed frames a second."""
    watches = [_Watch(clip, engines, book, config, seconds) for _ in range(cameras)]
    used, started = time.process_time(), time.perf_counter()
    for watch in watches:
        watch.start()
        time.sleep(1 / config.camera.fps / cameras)  # cameras are not in step
    for watch in watches:
        watch.join()
    passed = time.perf_counter() - started
    return Capacity(
        cameras=cameras,
        analysed=min(watch.frames / max(watch.lasted, 1e-3) for watch in watches),
        dropped=sum(watch.dropped for watch in watches),
        cpu=(time.process_time() - used) / passed,
    )


class _Watch(threading.Thread):
    """One camera."""

    def __init__(
        self, clip: Path, engines: Engines, book: Book, config: PipelineConfig, seconds: float
    ) -> None:
        super().__init__(name="bench-camera", daemon=True)
        self.frames = self.dropped = 0
        self.lasted = 0.0
        self._clip, self._book, self._seconds = clip, book, seconds
        self._fps = config.camera.fps
        self._pipeline = Pipeline(engines, book, config)

    def run(self) -> None:
        source = NewestFrame(FileSource(str(self._clip), fps=self._fps, loop=True, pace=True))
        started = time.perf_counter()
        while time.perf_counter() - started < self._seconds and (frame := source.read()) is not None:
            for report in self._pipeline.process(frame):
                self._book.save(report)
            self.frames += 1
        self.lasted = time.perf_counter() - started
        source.close()
        self.dropped = source.dropped
