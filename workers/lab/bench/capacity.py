"""Capacity: several cameras at once, each read as a live source is, and the frames that they lose."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from pathlib import Path

from workers.lab.bench.baselines import BenchStore
from workers.recognition.budget import EmbeddingBudget
from workers.recognition.capture import NewestFrame
from workers.recognition.capture.files.source import FileSource
from workers.recognition.config import PipelineConfig
from workers.recognition.models.loading import FaceModels
from workers.recognition.pipeline import Pipeline
from workers.recognition.slots import CPU_SLOTS

MAX_START = 20.0  # seconds


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
    clip: Path, models: FaceModels, store: BenchStore, config: PipelineConfig, *, cameras: int, seconds: float
) -> Capacity:
    """Runs `cameras` on the clip for `seconds`, each at `config.camera.fps` analysed frames a second.

    They start one after the other, spread over the length of the clip, and are measured once all run: in
    practice people do not enter in front of all cameras at once.
    """
    budget = EmbeddingBudget(scarce=CPU_SLOTS.scarce)
    watches, pause = [], _length(clip) / cameras
    for _ in range(cameras):
        watches.append(_Watch(clip, models, store, config, budget))  # its clip starts to play
        watches[-1].start()
        time.sleep(pause)
    before = [watch.so_far() for watch in watches]
    used, started = time.process_time(), time.perf_counter()
    time.sleep(seconds)
    passed, cpu = time.perf_counter() - started, time.process_time() - used
    after = [watch.so_far() for watch in watches]
    for watch in watches:
        watch.stop()
    return Capacity(
        cameras=cameras,
        analysed=min(late[0] - early[0] for early, late in zip(before, after, strict=True)) / passed,
        dropped=sum(late[1] - early[1] for early, late in zip(before, after, strict=True)),
        cpu=cpu / passed,
    )


def _length(clip: Path) -> float:
    """Seconds over which the starts of the cameras are spread."""
    source = FileSource(str(clip), fps=1.0)
    try:
        return min(MAX_START, source.frames / source.fps)
    finally:
        source.close()


class _Watch(threading.Thread):
    """One camera."""

    def __init__(
        self,
        clip: Path,
        models: FaceModels,
        store: BenchStore,
        config: PipelineConfig,
        budget: EmbeddingBudget,
    ) -> None:
        super().__init__(name="bench-camera", daemon=True)
        self._frames = 0
        self._store = store
        self._pipeline = Pipeline(models, store, config, budget)
        self._source = NewestFrame(FileSource(str(clip), fps=config.camera.fps, loop=True, pace=True))

    def so_far(self) -> tuple[int, int]:
        """Frames analysed and frames dropped since the beginning."""
        return self._frames, self._source.dropped

    def stop(self) -> None:
        self._source.close()
        self.join()

    def run(self) -> None:
        while (frame := self._source.read()) is not None:
            with CPU_SLOTS.taken():
                reports = self._pipeline.process(frame)
            for report in reports:
                self._store.save(report)
            self._frames += 1
