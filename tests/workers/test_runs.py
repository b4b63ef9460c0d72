"""Runs of cameras: what a camera's row says afterwards, and what a run learns while it goes on."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from django.utils import timezone
from pytest_django import Settings

from cameras.actions import begin_run, end_run, report_run, set_enabled
from cameras.models import Camera
from facetrack.core.images import clean_pixels
from staff.actions import add_face_image
from staff.models import FaceImage, StaffMember
from tenants.isolation.context import installation
from tenants.models import Tenant
from tests.conftest import make_camera
from tests.real_models import models_of_settings
from tests.stages.odd_clips import bar, noise, write
from visits.models import LiveEvent, PassageCount, Sighting
from workers.fleet.models import Worker
from workers.fleet.registration import Introduction, register
from workers.process.camera_run import MAX_PAUSE, REFUSED_PAUSE, CameraRun, pause_after
from workers.process.clients.direct_fleet_client import DirectFleetClient
from workers.process.enrolment import examine_picture
from workers.process.sinks.spool import Spool
from workers.process.worker_process import WorkerProcess
from workers.recognition.stages import picture


@pytest.fixture
def models() -> None:
    models_of_settings()


@pytest.fixture
def empty_room(tmp_path: Path, settings: Settings) -> Path:
    """Two seconds of noise in which nobody is, in the folder of clips."""
    settings.FACETRACK_CLIP_DIR = tmp_path
    path = tmp_path / "empty.mp4"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 10, (320, 240))
    for seed in range(20):
        grain = np.random.default_rng(seed).integers(90, 110, (240, 320, 3), dtype=np.uint8)
        writer.write(grain)
    writer.release()
    return path


@pytest.fixture
def worker_process(db: None, tmp_path: Path) -> Iterator[WorkerProcess]:
    """A worker whose threads have not begun: its runs run in the test's."""
    worker = register(introduction=Introduction(name="w1", capacity=4))
    spool = Spool(tmp_path / "spool", megabytes=10)
    yield WorkerProcess(DirectFleetClient(worker), spool)
    spool.close()


def run(worker_process: WorkerProcess, tenant: Tenant, camera: Camera, *, until_error: bool = False) -> bool:
    """Take a camera and run it here, to its end or to its first error; whether it could be taken."""
    run = worker_process.run_of(tenant, camera.pk)
    if run is None:
        return False
    if until_error:
        threading.Thread(target=stop_at_error, args=(run,)).start()
    run.to_the_end()
    camera.refresh_from_db()
    return True


def stop_at_error(run: CameraRun) -> None:
    deadline = time.monotonic() + 30
    while not run.error and time.monotonic() < deadline:
        time.sleep(0.1)
    run.stop()


def file_camera(path: Path, **values: object) -> Camera:
    return make_camera("Clip", kind="file", location=str(path), enabled=True, **values)


def test_a_file_is_played_once_and_its_camera_switched_off(
    acme: Tenant, worker_process: WorkerProcess, models: None, empty_room: Path
) -> None:
    camera = file_camera(empty_room)
    assert run(worker_process, acme, camera)
    assert (camera.status, camera.enabled, camera.epoch, camera.worker) == ("ended", False, 2, "w1")
    assert camera.last_frame_at is not None
    assert (Sighting.objects.count(), PassageCount.objects.count()) == (0, 0)
    told = LiveEvent.objects.filter(kind=LiveEvent.Kind.CAMERA_CHANGED, camera=camera)
    assert told.count() >= 2, "starting and ended"


@pytest.mark.parametrize(
    ("kind", "location", "message"),
    [
        ("file", "/nowhere/clip.mp4", "outside the folder of clips"),
        ("file", "clip.mp4", "there is no file"),
        ("rtsp", "rtsp://127.0.0.1:1/door", "rtsp://127.0.0.1:1/door refuses the connection"),
        ("http", "http://127.0.0.1:1/door", "http://127.0.0.1:1/door refuses the connection"),
    ],
)
def test_a_source_that_fails_is_named_with_a_remedy_and_without_its_password(
    acme: Tenant, worker_process: WorkerProcess, models: None, kind: str, location: str, message: str
) -> None:
    camera = make_camera("Bad", kind=kind, location=location, enabled=True, username="me", password="geheim")
    run(worker_process, acme, camera, until_error=True)
    assert (camera.status, camera.enabled) == ("error", True)
    assert message in camera.status_detail
    assert "check" in camera.status_detail
    assert "geheim" not in camera.status_detail


def test_an_unknown_detector_is_named(
    acme: Tenant, worker_process: WorkerProcess, models: None, empty_room: Path
) -> None:
    camera = file_camera(empty_room, detector="yolo")
    run(worker_process, acme, camera, until_error=True)
    assert "no detector named 'yolo'" in camera.status_detail


def test_a_camera_that_was_stopped_meanwhile_is_not_run(
    acme: Tenant, worker_process: WorkerProcess, empty_room: Path
) -> None:
    """Its lease does not know yet: the event is on its way."""
    camera = file_camera(empty_room)
    Camera.objects.update(enabled=False)
    assert not run(worker_process, acme, camera)
    camera.refresh_from_db()
    assert (camera.epoch, camera.status) == (1, "stopped")


def test_a_run_learns_that_it_was_stopped_or_replaced(camera: Camera) -> None:
    camera.enabled = True
    camera.save()
    now = timezone.now()
    begun = begin_run(camera_id=camera.pk, worker="w1", epoch=2, now=now)
    assert begun is not None
    running = Camera.Status.RUNNING
    assert report_run(camera_id=camera.pk, epoch=begun.epoch, status=running, now=now)
    later = begin_run(camera_id=camera.pk, worker="w2", epoch=3, now=now)
    assert later is not None
    assert not report_run(camera_id=camera.pk, epoch=begun.epoch, status=running, now=now)
    end_run(camera_id=camera.pk, epoch=begun.epoch, status=Camera.Status.ERROR, now=now, detail="late")
    camera.refresh_from_db()
    assert camera.status == "starting", "an older run changed what the new one says"
    set_enabled(camera=camera, enabled=False, by=None)
    assert not report_run(camera_id=camera.pk, epoch=later.epoch, status=running, now=now)


def test_pauses_grow_are_jittered_and_end_at_a_quarter_of_a_minute() -> None:
    pauses = [[pause_after(n, refused=False) for _ in range(200)] for n in range(1, 12)]
    assert all(1.0 <= pause <= MAX_PAUSE for many in pauses for pause in many)
    assert max(pauses[0]) <= 1.0 < max(pauses[2])
    assert max(pauses[10]) - min(pauses[10]) > 5
    assert min(pause_after(1, refused=True) for _ in range(200)) >= REFUSED_PAUSE / 2


def test_a_picture_without_a_face_is_refused_in_words(
    employee: StaffMember, models: None, django_capture_on_commit_callbacks: Callable[..., object]
) -> None:
    grey = np.full((400, 400, 3), 127, dtype=np.uint8)
    face_image = add_face_image(member=employee, picture=clean_pixels(grey), by=None)
    examined = examine_picture(face_image.pk)
    assert examined is not None
    assert examined.status == FaceImage.Status.REFUSED
    assert "face" in examined.reason
    assert examined.embedding is None
    assert examine_picture(face_image.pk) is None, "it is examined once"


def test_the_same_picture_is_kept_once(employee: StaffMember) -> None:
    picture = np.full((64, 64, 3), 90, dtype=np.uint8)
    first = add_face_image(member=employee, picture=clean_pixels(picture), by=None)
    assert add_face_image(member=employee, picture=clean_pixels(picture), by=None) == first
    assert employee.face_images.count() == 1


def test_what_a_worker_says_of_itself_names_nobodys_camera(
    acme: Tenant, worker_process: WorkerProcess, models: None
) -> None:
    camera = make_camera("Secret door", kind="rtsp", location="rtsp://127.0.0.1:1/vault", enabled=True)
    failing = worker_process.run_of(acme, camera.pk)
    assert failing is not None
    threading.Thread(target=stop_at_error, args=(failing,)).start()
    failing.to_the_end()
    assert "vault" in failing.error
    with installation():
        worker_process._beat([failing])
        said = Worker.objects.values().get(name="w1")
    assert said["last_error"] == "1 of 1 cameras fail; their own pages say why"
    for word in ("Secret", "vault", str(camera.pk), str(camera.site)):
        assert word not in str(said)


def test_a_black_camera_says_so_while_it_runs(
    acme: Tenant,
    worker_process: WorkerProcess,
    models: None,
    tmp_path: Path,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings.FACETRACK_CLIP_DIR = tmp_path
    monkeypatch.setattr(picture, "BLANK_SECONDS", 0.5)
    path = write(tmp_path / "black.mp4", "libx264", [np.zeros_like(bar(0))] * 40)
    camera = file_camera(path)
    black = worker_process.run_of(acme, camera.pk)
    assert black is not None
    black.to_the_end()
    assert black._report(Camera.Status.RUNNING).picture_problem == "black"
    assert black._report(Camera.Status.ERROR).picture_problem == ""
    camera.refresh_from_db()
    assert (camera.status, camera.picture_problem) == ("ended", ""), "it shows nothing any more"


def test_a_damaged_file_is_played_to_its_end_and_its_losses_are_told(
    acme: Tenant, worker_process: WorkerProcess, models: None, tmp_path: Path, settings: Settings
) -> None:
    settings.FACETRACK_CLIP_DIR = tmp_path
    path = write(tmp_path / "damaged.mp4", "libx264", [bar(i) for i in range(75)], {"g": "10"})
    camera = file_camera(noise(path, 0.35, 0.5))
    assert run(worker_process, acme, camera)
    assert camera.status == "ended"
    assert camera.lost_frames > 5
    assert f"{camera.lost_frames} frames" in camera.status_detail
    assert "could not be decoded" in camera.status_detail
