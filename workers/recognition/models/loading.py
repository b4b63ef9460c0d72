"""The models of one process, loaded once and shared by the pipelines of all its cameras."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
import onnxruntime

from workers.recognition.config import Thresholds
from workers.recognition.models.batching import SharedEmbedder
from workers.recognition.models.catalogue import DETECTORS, PACKS
from workers.recognition.types import Detector, Embedder

DLIB = "dlib"
SURE = {"yunet": 0.75, "retinaface": 0.85, DLIB: 0.6}
"""A detector's score from which a frontal face is certain: necks, collars and curtains score less. Read off
the clips of people seen from behind; each detector has its own scale."""
SURE_SCRFD = 0.55
FULL_SIDE = 1920
DLIB_SIDE = 640  # 137 ms a picture on one core; 1280 takes 530 ms, and a camera sends more than one a second


class Files(Protocol):
    """The source of model files: `workers.recognition.models.store.ModelStore` or a plain folder's
    stand-in."""

    def find(self, name: str) -> Path:
        """The checked file of the model `name` of the catalogue."""


@dataclass(frozen=True, slots=True)
class FaceModels:
    """A detector, an embedder and the thresholds that belong to them. Safe to share between threads.

    `sure` is the detector's score from which a frontal face is certain; `max_side`, pixels, is the
    maximum that the detector can process in the time that a camera leaves it.
    """

    detector: Detector
    embedder: Embedder
    thresholds: Thresholds
    sure: float
    max_side: int = FULL_SIDE


class UnknownModelError(ValueError):
    """No pack or detector of that name is in the catalogue."""

    def __init__(self, kind: str, name: str, known: list[str]) -> None:
        super().__init__(f"there is no {kind} named '{name}'; choose one of: {', '.join(known)}")


def load(pack: str, detector: str, store: Files) -> FaceModels:
    """Loads and warms up a pack and a detector. The pack `dlib` brings its own detector.

    Raises UnknownModelError, and the errors of `store.find` for a missing or damaged file.
    """
    if pack not in PACKS:
        raise UnknownModelError("model pack", pack, sorted(PACKS))
    if detector not in DETECTORS and detector != DLIB:
        raise UnknownModelError("detector", detector, [*sorted(DETECTORS), DLIB])
    cv2.setNumThreads(1)  # as for the sessions; all cameras would wait for a pool of OpenCV's
    options = _session_options()
    detector = DLIB if pack == DLIB else detector
    models = FaceModels(
        detector=_detector(detector, store, options),
        embedder=SharedEmbedder(_embedder(pack, store, options), lanes=os.cpu_count() or 1),
        thresholds=PACKS[pack].thresholds,
        sure=SURE.get(detector, SURE_SCRFD),
        max_side=DLIB_SIDE if detector == DLIB else FULL_SIDE,
    )
    _warm_up(models)
    return models


def _session_options() -> onnxruntime.SessionOptions:
    """One thread per picture: cameras, and the frames of a clip that is read ahead, run in parallel.

    YuNet at 640 x 384 takes 6.2 ms of one core, on two threads 4.3 ms of both.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return options


def _detector(name: str, store: Files, options: onnxruntime.SessionOptions) -> Detector:
    # Each library is imported only where it is used: insightface alone takes half a second.
    if name == DLIB:
        from workers.recognition.models.dlib_pack import DlibDetector

        return DlibDetector(store)
    if name == "yunet":
        from workers.recognition.models.yunet import YuNet

        return YuNet(store.find(name), options)
    if name == "retinaface":
        from workers.recognition.models.retinaface import RetinaFace

        return RetinaFace(store.find(name), options)
    from workers.recognition.models.scrfd import Scrfd

    return Scrfd(store.find(name), options)


def _embedder(name: str, store: Files, options: onnxruntime.SessionOptions) -> Embedder:
    if name == DLIB:
        from workers.recognition.models.dlib_pack import DlibEmbedder

        return DlibEmbedder(store)
    from workers.recognition.models.arcface import ArcFace

    return ArcFace(store.find(name), options, name)


def _warm_up(models: FaceModels) -> None:
    """A session's first run allocates its memory: better now than with the first visitor."""
    models.detector.detect(np.zeros((352, 640, 3), dtype=np.uint8))
    size = models.embedder.size
    models.embedder.embed([np.zeros((size, size, 3), dtype=np.uint8)])
