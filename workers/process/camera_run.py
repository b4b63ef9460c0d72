"""One run of one camera: from the lease until a user stops it or the source ends."""

import logging
import random
import threading
import time
from collections import deque
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from django.utils import timezone

from cameras.models import Camera
from tenants.models import Tenant
from workers.fleet.leases import StaleEpoch
from workers.process.clients.camera_settings import CameraSettings, config_of, source_of
from workers.process.clients.fleet_client import Unavailable
from workers.process.clients.run_client import RunClient, RunReport
from workers.process.galleries import gallery_of, tuned
from workers.process.held_lease import HeldLease
from workers.process.model_cache import EMBEDDING_BUDGET, loaded_models
from workers.process.sinks import outage
from workers.process.sinks.preview import Preview
from workers.process.sinks.recorder import Recorder
from workers.process.sinks.spool import Spool
from workers.recognition.capture import (
    MAX_LOST,
    Clock,
    ProcessSource,
    Source,
    SourceError,
    loss_text,
    open_source,
)
from workers.recognition.config import PipelineConfig
from workers.recognition.models.loading import FaceModels, UnknownModelError
from workers.recognition.models.store import ModelMissing
from workers.recognition.pipeline import Pipeline
from workers.recognition.slots import CPU_SLOTS
from workers.recognition.types import Face, Frame

log = logging.getLogger(__name__)

REPORT_SECONDS = 1.0
"""Seconds between reports of a run, whose answer says whether to go on."""
MIN_PAUSE, MAX_PAUSE = 1.0, 15.0
"""Seconds before a failed source is tried again; doubled with each failure in a row, and jittered."""
REFUSED_PAUSE = 30.0
"""Seconds after a refused login, because cameras lock accounts after a few wrong passwords. Also after a
source exceeded its limits, however long it ran before: each try costs as much again."""
DELIVERS_SECONDS = 5.0
RATE_FRAMES = 50
"""The frames whose rate is measured."""
GOOD_SECONDS = 10.0
"""Seconds of delivery after which the next pause is short again."""


@dataclass(slots=True)
class Gauges:
    """Counters of a run since it began."""

    frames: int = 0
    faces: int = 0
    dropped: int = 0
    lost: int = 0
    failures: int = 0


class CameraRun:
    """One camera under one lease. Only the run's thread calls `to_the_end`; any thread may call the rest."""

    def __init__(
        self,
        tenant: Tenant,
        camera_settings: CameraSettings,
        held: HeldLease,
        spool: Spool,
        run_client: RunClient,
    ) -> None:
        self.tenant, self.camera_settings, self.held = tenant, camera_settings, held
        self.gauges = Gauges()
        self.error = ""
        self.again = False
        """Whether to acquire the camera again at once after this run."""
        self.source: Source | None = None
        self.latest: tuple[Frame, list[Face]] | None = None
        self._spool, self._run_client = spool, run_client
        self._ending = threading.Event()
        self._failures = 0
        self._reported = float("-inf")
        self._began: float | None = None
        self._clock = Clock()
        self._fps = 0.0
        self._last_frame_at: datetime | None = None
        self._latest_at = float("-inf")
        self._shown_at: deque[float] = deque(maxlen=RATE_FRAMES)
        self._preview = Preview(tenant, held.camera_id, held.epoch, run_client)
        self._made: Pipeline | None = None
        self._told: tuple[Camera.Status, str, str] | None = None

    @property
    def camera_id(self) -> UUID:
        return self.held.camera_id

    @property
    def lost(self) -> int:
        """Frames of this run that could not be decoded or are missing."""
        return min(self.gauges.lost + getattr(self.source, "lost", 0), MAX_LOST)

    @property
    def picture_problem(self) -> str:
        """Why the pictures show nothing, as of `Camera.PictureProblem`; empty if they do."""
        problem = self._made.picture_problem if self._made else None
        return problem or ""

    @property
    def delivers(self) -> bool:
        """Whether frames arrive now."""
        return time.monotonic() - self._latest_at < DELIVERS_SECONDS

    @property
    def measured_fps(self) -> float:
        """Frames a second that it analysed lately; 0 before the second frame."""
        shown = tuple(self._shown_at)
        passed = shown[-1] - shown[0] if len(shown) > 1 else 0.0
        return round((len(shown) - 1) / passed, 1) if passed > 0 else 0.0

    def stop(self, *, again: bool = False) -> None:
        """End as soon as possible, even if the source hangs; `again`: to restart."""
        self.again = again
        self._ending.set()
        if isinstance(self.source, ProcessSource):
            self.source.close()

    def to_the_end(self) -> None:
        """Run until a user stops the camera, another worker holds it, or a file has been played.

        A failed source is opened again as often as needed.
        """
        status = Camera.Status.STOPPED
        try:
            while self._should_go_on():
                began = time.monotonic()
                try:
                    if self._one_session():
                        status = Camera.Status.ENDED
                        break
                except (SourceError, ModelMissing, UnknownModelError, Unavailable) as error:
                    self._rest(error, lasted=time.monotonic() - began)
        except StaleEpoch as error:
            log.warning("run ended: %s", error)
            self.held.lost.set()
            return
        except Exception:
            log.exception("camera %s failed", self.camera_id)
            self.error = "The run failed unexpectedly; the worker's log says where."
        self._end(Camera.Status.ERROR if self.error else status)

    def _one_session(self) -> bool:
        """From opening the source to its end. Returns whether it is finished."""
        models = tuned(self.tenant, loaded_models(self.camera_settings.detector), self._run_client)
        with closing(self._open()) as source:
            self.source = source
            self._fps = getattr(source, "fps", 0.0)
            try:
                return self._watch(source, self._pipeline(models), self._recorder(models))
            finally:
                self.gauges.dropped += getattr(source, "dropped", 0)
                lost, self.source = self.lost, None
                self.gauges.lost = lost

    def _open(self) -> Source:
        if not self.error:
            self._say(Camera.Status.STARTING)
        return open_source(**source_of(self.camera_settings))

    def _pipeline(self, models: FaceModels) -> Pipeline:
        """One pipeline for the whole run: track numbers must continue when a source comes back."""
        if self._made is None:
            gallery = gallery_of(
                self.tenant, models.embedder.pack, self.camera_settings.site, self._run_client
            )
            config = PipelineConfig(camera=config_of(self.camera_settings))
            self._made = Pipeline(models, gallery, config, EMBEDDING_BUDGET)
        return self._made

    def _recorder(self, models: FaceModels) -> Recorder:
        return Recorder(
            self.tenant,
            self.camera_id,
            self.held,
            self._spool,
            pack=models.embedder.pack,
            link=models.thresholds.match,
            sighting_store=self._run_client,
        )

    def _watch(self, source: Source, pipeline: Pipeline, recorder: Recorder) -> bool:
        try:
            while self._should_go_on():
                frame = source.read()
                if frame is None:
                    return True
                self._note()
                with CPU_SLOTS.taken():
                    reports = pipeline.process(frame)
                for report in reports:
                    recorder.record(report)
                self._show(frame, pipeline.faces)
        finally:
            for report in pipeline.finish():
                recorder.record(report)
        return False

    def _note(self) -> None:
        if self.error or self._last_frame_at is None:
            self._reported = float("-inf")  # report at once that it runs (again)
        self.error, self._last_frame_at = "", timezone.now()
        if self._began is None:
            self._began = time.monotonic()

    def _show(self, frame: Frame, faces: list[Face]) -> None:
        self.gauges.frames += 1
        self.gauges.faces += len(faces)
        self.latest, self._latest_at = (frame, faces), time.monotonic()
        self._shown_at.append(self._latest_at)
        self._preview.show(frame.picture, faces)

    def _rest(self, error: Exception, *, lasted: float) -> None:
        """Report the error and wait before the next try, unless the run ends meanwhile."""
        if self._ending.is_set() or self.held.lost.is_set():  # closed by another thread
            return
        self.error = str(error)
        self.gauges.failures += 1
        self._failures = 1 if lasted > GOOD_SECONDS else self._failures + 1
        pause = pause_after(self._failures, refused=_waits_long(error))
        log.info("camera %s is tried again in %.0f s: %s", self.camera_id, pause, error)
        self._reported = float("-inf")
        until = time.monotonic() + pause
        while self._should_go_on() and time.monotonic() < until:
            self._ending.wait(min(REPORT_SECONDS, max(0.0, until - time.monotonic())))

    def _should_go_on(self) -> bool:
        if self._ending.is_set() or self.held.lost.is_set():
            return False
        if time.monotonic() - self._reported < REPORT_SECONDS:
            return True
        if self.error:
            return self._say(Camera.Status.ERROR)
        return self._say(Camera.Status.RUNNING if self._last_frame_at else Camera.Status.STARTING)

    def _say(self, status: Camera.Status) -> bool:
        """Report; returns whether to go on. During an outage the run goes on and reports later."""
        self._reported = time.monotonic()
        if outage.on():
            return True
        try:
            goes_on = self._run_client.report(self.tenant, self._report(status))
        except Unavailable as error:
            log.warning("camera %s cannot report: %s", self.camera_id, error)
            return True
        if goes_on:
            self._told = self._news_of(status)
        return goes_on

    def _end(self, status: Camera.Status) -> None:
        try:
            self._run_client.end(self.tenant, self._report(status))
        except Unavailable as error:
            log.warning("camera %s cannot report its end: %s", self.camera_id, error)

    def _report(self, status: Camera.Status) -> RunReport:
        return RunReport(
            camera=self.camera_id,
            epoch=self.held.epoch,
            status=status.value,
            detail=self.error or loss_text(self.lost, self._fps),
            started_at=self._started_at(),
            last_frame_at=self._last_frame_at,
            news=self._news_of(status) != self._told,
            picture_problem=self.picture_problem if status == Camera.Status.RUNNING else "",
            lost_frames=self.lost,
        )

    def _news_of(self, status: Camera.Status) -> tuple[Camera.Status, str, str]:
        return status, self.error, self.picture_problem

    def _started_at(self) -> datetime | None:
        """By what the machine's clock says now: it may have been wrong at the first frame."""
        return None if self._began is None else datetime.fromtimestamp(self._clock.at(self._began), UTC)


def _waits_long(error: Exception) -> bool:
    return isinstance(error, SourceError) and (error.refused or error.excessive)


def pause_after(failures: int, *, refused: bool) -> float:
    """Seconds to wait after this many failures in a row."""
    longest = REFUSED_PAUSE if refused else min(MAX_PAUSE, MIN_PAUSE * 2 ** (failures - 1))
    return max(MIN_PAUSE, longest * random.uniform(0.5, 1.0))  # noqa: S311  jitter
