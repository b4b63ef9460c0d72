"""The pipeline on a clip, with a gallery in memory. No services, no database."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace

import numpy as np

from workers.recognition.capture import ReadAhead, Source
from workers.recognition.capture.files.source import FileSource
from workers.recognition.config import PipelineConfig
from workers.recognition.enrol import EnrolledFace
from workers.recognition.likeness import KnownFaces, resembled
from workers.recognition.models.loading import FaceModels
from workers.recognition.pipeline import Pipeline
from workers.recognition.stages.embed import template_of
from workers.recognition.stages.match import nearest
from workers.recognition.stages.picture import BriefLook, PictureProblem
from workers.recognition.types import Candidate, Counters, Decision, Floats, TrackReport

DIMENSION = 512


class MemoryGallery:
    """A `Gallery` of people from a folder and of the strangers of one clip. For one thread."""

    def __init__(self, link: float) -> None:
        """`link`: the similarity from which two templates are of one person."""
        self._link = link
        self._staff, self._staff_names = np.empty((0, DIMENSION), dtype=np.float32), list[str]()
        self._visitors, self._visitor_names = np.empty((0, DIMENSION), dtype=np.float32), list[str]()
        self._known: list[KnownFaces] = []

    @property
    def people(self) -> int:
        return len(self._staff_names)

    def resembled(self, faces: Sequence[EnrolledFace]) -> str:
        """The name of the enrolled person whom one of these faces resembles most; empty if there is none."""
        found = [
            best
            for face in faces
            for known in self._known
            for best in resembled(face.embedding, face.quality.score, "", known, self._link)
        ]
        return max(found, key=lambda one: one.score).identity if found else ""

    def enrol(self, identity: str, faces: Sequence[EnrolledFace]) -> None:
        embeddings = np.stack([face.embedding for face in faces])
        qualities = np.array([face.quality.score for face in faces], dtype=np.float32)
        self._known.append(KnownFaces([identity] * len(faces), embeddings, qualities))
        template = template_of(embeddings, qualities)
        self._staff = np.vstack([self._staff, template])
        self._staff_names.append(identity)

    def staff(self, template: Floats) -> list[Candidate]:
        return nearest(template, self._staff, self._staff_names)

    def visitors(self, template: Floats) -> list[Candidate]:
        return nearest(template, self._visitors, self._visitor_names)

    def remember(self, template: Floats) -> tuple[str, bool]:
        """The visitor of this template and whether they are new: two tracks may end with one frame."""
        known = self.visitors(template)
        new = not known or known[0].score < self._link
        identity = f"visitor {len(set(self._visitor_names)) + 1}" if new else known[0].identity
        self._visitors = np.vstack([self._visitors, template])
        self._visitor_names.append(identity)
        return identity, new


@dataclass(frozen=True, slots=True)
class Replayed:
    """The content of a clip: the last report of each track, by number, and the visitors' identities.

    `lost`: frames that could not be decoded or are missing; `fps`: the clip's own frame rate.
    `picture_problem`: BLACK or UNIFORM if nothing else was seen.
    """

    tracks: tuple[TrackReport, ...]
    counters: Counters
    seconds: float
    lost: int
    fps: float
    picture_problem: PictureProblem | None


def read_ahead(source: Source, pipeline: Pipeline) -> ReadAhead:
    """Decodes in one thread, detects in others, does the rest in the reader's; the result is the same.

    For clips that should be done soon. A worker's cameras, each in a thread, keep its cores busy without it.
    """
    return ReadAhead(source, pipeline.prepared, pipeline.detected)


def replay(
    models: FaceModels,
    gallery: MemoryGallery,
    source: FileSource,
    config: PipelineConfig,
    on_frame: Callable[[int], None],
) -> Replayed:
    """Runs a clip to its end and closes it; `on_frame` gets the number of each analysed frame."""
    started = time.monotonic()
    pipeline = Pipeline(models, gallery, config)
    tracks: dict[int, TrackReport] = {}
    seen: BriefLook | None = None
    with closing(read_ahead(source, pipeline)) as ahead:
        while (frame := ahead.read()) is not None:
            _note(pipeline.process(frame), gallery, tracks)
            on_frame(frame.index)
            if seen is None:
                seen = BriefLook(frame.picture)
            else:
                seen.add(frame.picture)
    _note(pipeline.finish(), gallery, tracks)
    return Replayed(
        tracks=tuple(tracks[number] for number in sorted(tracks)),
        counters=pipeline.counters,
        seconds=time.monotonic() - started,
        lost=source.lost,
        fps=source.fps,
        picture_problem=seen.problem if seen else None,
    )


def _note(reports: list[TrackReport], gallery: MemoryGallery, tracks: dict[int, TrackReport]) -> None:
    """Keeps the newest report of each track and names strangers at their first one."""
    for report in reports:
        before = tracks.get(report.track)
        tracks[report.track] = report
        if report.verdict.decision is not Decision.NEW_VISITOR or report.template is None:
            continue
        if before is not None and before.verdict.decision in (Decision.NEW_VISITOR, Decision.VISITOR):
            verdict = before.verdict
        else:
            identity, new = gallery.remember(report.template)
            decision = Decision.NEW_VISITOR if new else Decision.VISITOR
            verdict = replace(report.verdict, decision=decision, identity=identity)
        tracks[report.track] = replace(report, verdict=verdict)
