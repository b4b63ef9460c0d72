"""All measurements of `bench pipeline` on one clip."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from django.db import OperationalError, ProgrammingError

from tenants.isolation.context import installation
from tenants.models import Tenant
from workers.lab.bench.baselines import Baseline, BenchStore, DetectorOnly, NaiveLoop, Ours
from workers.lab.bench.capacity import Capacity, capacity
from workers.lab.bench.interleave import Taken, interleave
from workers.lab.bench.stores import MemoryBenchStore, TenantBenchStore, tenant_bench_store
from workers.lab.clips.actors import ClipActor
from workers.process.model_cache import model_store
from workers.recognition.capture.files.source import FileSource
from workers.recognition.config import CameraConfig, PipelineConfig
from workers.recognition.models.loading import FaceModels
from workers.recognition.models.store import ModelMissing
from workers.recognition.pipeline import Pipeline
from workers.recognition.stages.embed import template_of
from workers.recognition.types import Frame

NAIVE_DETECTORS = ("scrfd-2.5g", "scrfd-10g", "scrfd-500m")
EVERY_FRAME = 1_000.0  # frames a second: as many as the clip has
STILL_FRAMES = 150
NOISE = 2.5  # grey levels; no camera repeats a picture exactly


@dataclass(frozen=True, slots=True)
class BenchFigures:
    """The results. `still` is the cost of a still scene as a fraction of a moving one's."""

    taken: dict[str, Taken]
    named: dict[str, set[str]]
    still: float
    capacity: Capacity | None
    saved: bool

    @property
    def speedup(self) -> float:
        return self.taken["naive"].ms / self.taken["ours"].ms

    @property
    def over_floor(self) -> float:
        return self.taken["ours"].ms / self.taken["floor"].ms

    def as_json(self) -> dict[str, object]:
        facts: dict[str, object] = {f"{name}_ms": round(taken.ms, 3) for name, taken in self.taken.items()}
        facts |= {
            "speedup": round(self.speedup, 3),
            "over_floor": round(self.over_floor, 3),
            "same_people": self.named["naive"] == self.named["ours"],
            "named": {name: sorted(people) for name, people in self.named.items()},
            "saved": self.saved,
            "frames": self.taken["ours"].frames,
            "still_over_moving": round(self.still, 4),
        }
        facts |= {f"{name}_cpu_ms": round(taken.cpu_ms, 3) for name, taken in self.taken.items()}
        if seen := self.capacity:
            facts["cameras"] = {
                "count": seen.cameras,
                "analysed_fps": round(seen.analysed, 3),
                "dropped": seen.dropped,
                "cores": round(seen.cpu, 2),
            }
        return facts


def measure(
    clip: Path,
    models: FaceModels,
    staff: Sequence[ClipActor],
    *,
    side: int,
    saved: bool,
    cameras: int | None,
    fps: float,
    seconds: float,
    advance: Callable[[str, int], None],
) -> BenchFigures:
    """Measures with `staff` enrolled. Raises ModelMissing, SourceError, ImproperlyConfigured."""
    config = PipelineConfig(camera=CameraConfig(fps=EVERY_FRAME, analysed_side=side))
    with _store(models, staff, saved=saved) as bench_store:
        ours = Ours(clip, models, bench_store, config)
        naive = _naive(clip, models, staff)
        baselines: dict[str, Baseline] = {
            "floor": DetectorOnly(clip, model_store().find("yunet"), side),
            "ours": ours,
            "naive": naive,
        }
        try:
            taken = interleave(baselines, advance)
        finally:
            for baseline in baselines.values():
                baseline.close()
        names = bench_store.names if isinstance(bench_store, TenantBenchStore) else {}
        named = {"naive": naive.named(), "ours": {names.get(who, who) for who in ours.named()}}
    people = {actor.name: actor.known for actor in staff}
    memory = MemoryBenchStore(models.thresholds.match, people)
    return BenchFigures(
        taken={name: taken[name] for name in ("naive", "floor", "ours")},
        named=named,
        still=_still(clip, models, MemoryBenchStore(models.thresholds.match, people), config),
        capacity=_capacity(clip, models, memory, config, cameras, fps, seconds) if cameras else None,
        saved=saved,
    )


@contextmanager
def _store(models: FaceModels, staff: Sequence[ClipActor], *, saved: bool) -> Iterator[BenchStore]:
    if saved:
        with tenant_bench_store(models, staff) as bench_store:
            yield bench_store
        return
    yield MemoryBenchStore(models.thresholds.match, {actor.name: actor.known for actor in staff})


def can_save() -> bool:
    """Whether there is a migrated database, in which a tenant can be made for the run."""
    try:
        with installation():
            Tenant.objects.exists()
    except (OperationalError, ProgrammingError):
        return False
    return True


def _naive(clip: Path, models: FaceModels, staff: Sequence[ClipActor]) -> NaiveLoop:
    store = model_store()
    templates = [
        template_of(
            np.stack([face.embedding for face in actor.known]),
            np.array([face.quality.score for face in actor.known], dtype=np.float32),
        )
        for actor in staff
    ]
    return NaiveLoop(
        clip,
        _first_of(NAIVE_DETECTORS),
        store.find(models.embedder.pack),
        [actor.name for actor in staff],
        np.stack(templates) if templates else np.empty((0, 512), dtype=np.float32),
        models.thresholds.match,
    )


def _first_of(names: Sequence[str]) -> Path:
    missing: ModelMissing | None = None
    for name in names:
        try:
            return model_store().find(name)
        except ModelMissing as error:
            missing = missing or error
    raise missing or ModelMissing("scrfd-2.5g", "give the naive loop a detector")


def _still(clip: Path, models: FaceModels, bench_store: BenchStore, config: PipelineConfig) -> float:
    """One frame of the clip repeated, with the noise of a sensor, compared with the clip itself."""
    pipeline, moving, last = Pipeline(models, bench_store, config), 0.0, None
    source = FileSource(str(clip), fps=EVERY_FRAME)
    count, step = 0, 1 / 25
    while (frame := source.read()) is not None:
        last, step = frame, (frame.at - last.at) if last else step
        moving += _timed(pipeline, bench_store, frame)
        count += 1
    source.close()
    if last is None:
        return 0.0
    still, noise = 0.0, np.random.default_rng(5)
    grain = noise.normal(0, NOISE, last.picture.shape).astype(np.int16)
    for number in range(1, STILL_FRAMES + 1):
        shifted = np.roll(grain, (7 * number, 13 * number), axis=(0, 1))
        picture = np.clip(last.picture + shifted, 0, 255).astype(np.uint8)
        frame = replace(last, index=last.index + number, at=last.at + number * step, picture=picture)
        still += _timed(pipeline, bench_store, frame)
    return (still / STILL_FRAMES) / max(moving / count, 1e-9)


def _timed(pipeline: Pipeline, bench_store: BenchStore, frame: Frame) -> float:
    # Processor time: 0.5 ms of work is too short for the clock where other programs run, too.
    started = time.process_time()
    for report in pipeline.process(pipeline.prepared(frame)):
        bench_store.save(report)
    return time.process_time() - started


def _capacity(
    clip: Path,
    models: FaceModels,
    bench_store: BenchStore,
    config: PipelineConfig,
    cameras: int,
    fps: float,
    seconds: float,
) -> Capacity:
    at_rate = replace(config, camera=replace(config.camera, fps=fps))
    return capacity(clip, models, bench_store, at_rate, cameras=cameras, seconds=seconds)
