"""A worker that moves while somebody waits for it, by a clock that only waiting moves."""

from __future__ import annotations

from dataclasses import dataclass, field

from django.utils import timezone

from cameras.actions import begin_run, end_run, report_run
from cameras.models import Camera
from workers.fleet.leases import release, take
from workers.fleet.models import CameraLease, Worker


@dataclass
class Hand:
    """Stands in for `time` in what waits; with each wait the worker does what its keeper would by then.

    `fails` is what its cameras say instead of running; `idle` one that never comes round to anything.
    """

    worker: Worker
    fails: str = ""
    idle: bool = False
    now: float = field(default=0.0)

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        if self.idle:
            return
        for camera in Camera.objects.all():
            lease = CameraLease.objects.filter(pk=camera.pk).first()
            if lease and lease.worker_id == self.worker.pk and not camera.enabled:
                self._end(camera, lease)
            elif lease and camera.enabled and lease.worker_id is None:
                self._begin(camera)
            elif lease and lease.worker_id == self.worker.pk:
                self._report(camera, lease.epoch)

    def begin_anew(self, camera: Camera) -> None:
        """What it does when asked to restart a camera."""
        self._end(camera, CameraLease.objects.get(pk=camera.pk))

    def _begin(self, camera: Camera) -> None:
        grant = take(camera_id=camera.pk, worker=self.worker)
        if grant is None:
            return
        begin_run(camera_id=camera.pk, worker=self.worker.name, epoch=grant.epoch, now=timezone.now())
        self._report(camera, grant.epoch)

    def _report(self, camera: Camera, epoch: int) -> None:
        status = Camera.Status.ERROR if self.fails else Camera.Status.RUNNING
        now = timezone.now()
        report_run(
            camera_id=camera.pk, epoch=epoch, status=status, now=now, detail=self.fails, last_frame_at=now
        )

    def _end(self, camera: Camera, lease: CameraLease) -> None:
        end_run(camera_id=camera.pk, epoch=lease.epoch, status=Camera.Status.STOPPED, now=timezone.now())
        release(camera_id=camera.pk, epoch=lease.epoch)
