"""The three programs compared: the naive loop, the floor, and the pipeline. Each works frame by frame."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np
import onnxruntime
from insightface.app.common import Face as NaiveFace
from insightface.model_zoo import get_model

from workers.recognition.capture import ReadAhead
from workers.recognition.capture.files.source import FileSource
from workers.recognition.config import PipelineConfig
from workers.recognition.models.loading import FaceModels
from workers.recognition.pipeline import Pipeline
from workers.recognition.replay import read_ahead
from workers.recognition.types import Candidate, Decision, Floats, Frame, Gallery, TrackReport

CPU = ["CPUExecutionProvider"]
NAIVE_SIDE = (640, 640)  # InsightFace's own default
NAMED_IN = 3  # frames in which the naive loop must name a person for the name to count


class Baseline(Protocol):
    """Works through a clip, one frame per call."""

    def step(self) -> bool:
        """Decodes and handles the next frame. Returns False at the end of the clip."""

    def settle(self) -> None:
        """Waits for background work, so that none is left for the turns of the others."""

    def close(self) -> None:
        """Frees the clip."""


class BenchStore(Gallery, Protocol):
    """A gallery into which a pipeline's reports can be saved."""

    def save(self, report: TrackReport) -> None:
        """Saves a report; the next search must find a new visitor."""


class NaiveLoop:
    """The usual first program: InsightFace detects on each frame, embeds each face, and the best match wins.

    It saves nothing. Same embedder as ours; the detector is SCRFD, as in InsightFace's packs.
    """

    def __init__(
        self, clip: Path, detector: Path, embedder: Path, names: Sequence[str], templates: Floats, link: float
    ) -> None:
        self.frames = 0
        self._seen: Counter[str] = Counter()
        self._capture = cv2.VideoCapture(str(clip))
        self._detector: Any = get_model(str(detector), providers=CPU)
        self._detector.prepare(0, input_size=NAIVE_SIDE, det_thresh=0.5)
        self._embedder: Any = get_model(str(embedder), providers=CPU)
        self._names, self._templates, self._link = list(names), templates, link

    def step(self) -> bool:
        done, picture = self._capture.read()
        if not done:
            return False
        self.frames += 1
        boxes, points = self._detector.detect(picture, max_num=0, metric="default")
        for box, landmarks in zip(boxes, points if points is not None else [], strict=True):
            face = NaiveFace(bbox=box[:4], kps=landmarks, det_score=box[4])
            self._embedder.get(picture, face)
            if self._names:
                scores = self._templates @ face.normed_embedding
                best = int(np.argmax(scores))
                if scores[best] >= self._link:
                    self._seen[self._names[best]] += 1
        return True

    def settle(self) -> None:
        pass

    def named(self) -> set[str]:
        return {name for name, frames in self._seen.items() if frames >= NAMED_IN}

    def close(self) -> None:
        self._capture.release()


class DetectorOnly:
    """The minimum for any program with this detector: decode, resize, run the bare YuNet session."""

    def __init__(self, clip: Path, detector: Path, side: int) -> None:
        self.frames = 0
        self._side = side
        self._capture = cv2.VideoCapture(str(clip))
        self._session = onnxruntime.InferenceSession(str(detector), providers=CPU)

    def step(self) -> bool:
        done, picture = self._capture.read()
        if not done:
            return False
        self.frames += 1
        height, width = picture.shape[:2]
        scale = min(1.0, self._side / max(height, width))
        small = cv2.resize(picture, (round(width * scale), round(height * scale)))
        rows, columns = -(-small.shape[0] // 32) * 32, -(-small.shape[1] // 32) * 32
        padded = cv2.copyMakeBorder(
            small, 0, rows - small.shape[0], 0, columns - small.shape[1], cv2.BORDER_CONSTANT
        )
        tensor = np.ascontiguousarray(padded.transpose(2, 0, 1)[None], dtype=np.float32)
        self._session.run(None, {"input": tensor})
        return True

    def settle(self) -> None:
        pass

    def close(self) -> None:
        self._capture.release()


class Ours:
    """The product's pipeline on every frame, from decoding to the saved sighting."""

    def __init__(self, clip: Path, models: FaceModels, store: BenchStore, config: PipelineConfig) -> None:
        self.frames = 0
        self.reports: dict[int, TrackReport] = {}
        self.pipeline = Pipeline(models, store, config)
        self._store = store
        self._clip = FileSource(str(clip), fps=config.camera.fps)
        self._ahead: ReadAhead | None = None

    @property
    def _source(self) -> ReadAhead:
        """Reads nothing before the first step."""
        if self._ahead is None:
            self._ahead = read_ahead(self._clip, self.pipeline)
        return self._ahead

    def step(self) -> bool:
        frame = self._source.read()
        if frame is None:
            self._save(self.pipeline.finish())
            return False
        self.frames += 1
        self._save(self.pipeline.process(frame))
        return True

    def settle(self) -> None:
        self._source.settle()

    def named(self) -> set[str]:
        return {
            report.verdict.identity
            for report in self.reports.values()
            if report.verdict.decision is Decision.STAFF and report.verdict.identity
        }

    def close(self) -> None:
        (self._ahead or self._clip).close()

    def _save(self, reports: list[TrackReport]) -> None:
        for report in reports:
            self._store.save(report)
            self.reports[report.track] = report


__all__ = ["Baseline", "BenchStore", "Candidate", "DetectorOnly", "Frame", "NaiveLoop", "Ours"]
