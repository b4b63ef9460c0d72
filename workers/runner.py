"""One run of one camera: from the first frame until somebody, or the source, ends it."""

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from uuid import UUID

from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.utils import timezone

from cameras.actions import StaleEpoch, begin_run, end_run, report_run
from cameras.models import Camera
from cameras.queries import stored_login
from tenants.context import inside
from tenants.models import Tenant
from workers.config import CameraConfig, PipelineConfig
from workers.engines import Engines, UnknownModelError
from workers.engines.store import ModelMissing
from workers.gallery import gallery_of, tuned
from workers.loaded import loaded_engines
from workers.pipeline import Pipeline
from workers.sinks.record import Recorder
from workers.stages.capture import Source, SourceError, open_source

log = logging.getLogger(__name__)

REPORT_SECONDS = 1.0
"""How often a run says that it lives, and asks whether it should go on."""

_running: set[tuple[UUID, UUID]] = set()
_running_lock = threading.Lock()
_stopping = threading.Event()


def stop_all() -> None:
    """End all runs of this process at their next frame: the worker is shutting down."""
    _stopping.set()


def run_camera(tenant: Tenant, camera_id: UUID) -> None:
    """Run a camera until it ends. A second call for a camera that runs here already does nothing."""
    with _only_once(tenant, camera_id) as first:
        if not first or _stopping.is_set():
            return
        with inside(tenant):
            camera = begin_run(camera_id=camera_id, worker=settings.FACETRACK_WORKER, now=timezone.now())
        if camera is not None:
            _Run(tenant, camera).to_the_end()


@contextmanager
def _only_once(tenant: Tenant, camera_id: UUID) -> Iterator[bool]:
    key = (tenant.pk, camera_id)
    with _running_lock:
        first = key not in _running
        _running.add(key)
    try:
        yield first
    finally:
        if first:
            with _running_lock:
                _running.discard(key)


class _Run:
    """The state of one run: its epoch, its pipeline, and when it last said that it lives."""

    def __init__(self, tenant: Tenant, camera: Camera) -> None:
        self.tenant, self.camera = tenant, camera
        self._reported = float("-inf")
        self._started_at: datetime | None = None
        self._last_frame_at: datetime | None = None

    def to_the_end(self) -> None:
        """Analyse frames until the source ends, somebody stops the camera, or it belongs to another run."""
        status, detail = Camera.Status.STOPPED, ""
        try:
            engines = tuned(self.tenant, loaded_engines(self.camera.detector))
            with closing(self._open()) as source:
                status = self._watch(source, engines)
        except StaleEpoch as error:
            log.warning("run ended: %s", error)
            return
        except (SourceError, ModelMissing, UnknownModelError) as error:
            status, detail = Camera.Status.ERROR, str(error)
        except Exception:
            log.exception("camera %s failed", self.camera.pk)
            status, detail = Camera.Status.ERROR, "The run failed unexpectedly; the worker's log says where."
        self._end(status, detail)

    def _open(self) -> Source:
        camera = self.camera
        self._say(Camera.Status.STARTING)
        with inside(self.tenant):
            login, policy = stored_login(camera.pk), camera.site.address_policy()
        return open_source(
            camera.kind,
            camera.location,
            username=login.username or "",
            password=login.password or "",
            loop=camera.loop,
            fps=camera.fps or settings.WORKER_FPS,
            policy=policy,
            folder=settings.FACETRACK_CLIP_DIR,
            owner=self.tenant.schema_name,
        )

    def _watch(self, source: Source, engines: Engines) -> Camera.Status:
        gallery = gallery_of(self.tenant, engines.embedder.pack)
        config = PipelineConfig(camera=_config_of(self.camera))
        pipeline = Pipeline(engines, gallery, config)
        recorder = Recorder(
            self.tenant, self.camera.pk, self.camera.epoch, engines.embedder.pack, engines.thresholds.link
        )
        status = Camera.Status.STOPPED
        while self._should_go_on():
            frame = source.read()
            if frame is None:
                status = Camera.Status.ENDED
                break
            self._last_frame_at = timezone.now()
            self._started_at = self._started_at or datetime.fromtimestamp(frame.at, UTC)
            for report in pipeline.process(frame):
                recorder.record(report)
        for report in pipeline.finish():
            recorder.record(report)
        return status

    def _should_go_on(self) -> bool:
        if _stopping.is_set():
            return False
        if time.monotonic() - self._reported < REPORT_SECONDS:
            return True
        return self._say(Camera.Status.RUNNING if self._last_frame_at else Camera.Status.STARTING)

    def _say(self, status: Camera.Status) -> bool:
        """Report; whether to go on. While the database is away the run goes on and reports later."""
        self._reported = time.monotonic()
        try:
            with inside(self.tenant):
                return report_run(
                    camera_id=self.camera.pk,
                    epoch=self.camera.epoch,
                    status=status,
                    now=timezone.now(),
                    started_at=self._started_at,
                    last_frame_at=self._last_frame_at,
                )
        except (OperationalError, InterfaceError):
            log.warning("camera %s cannot report: the database is away", self.camera.pk)
            return True

    def _end(self, status: Camera.Status, detail: str) -> None:
        with inside(self.tenant):
            end_run(
                camera_id=self.camera.pk,
                epoch=self.camera.epoch,
                status=status,
                now=timezone.now(),
                detail=detail,
            )


def _config_of(camera: Camera) -> CameraConfig:
    usual = CameraConfig()
    return CameraConfig(
        fps=camera.fps or settings.WORKER_FPS,
        analysed_side=camera.analysed_side or usual.analysed_side,
        min_face=camera.min_face or usual.min_face,
        zones=tuple(tuple((x, y) for x, y in polygon) for polygon in camera.zones),
        masks=tuple(tuple((x, y) for x, y in polygon) for polygon in camera.masks),
    )
