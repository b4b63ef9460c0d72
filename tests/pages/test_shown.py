"""What pages show is what concerns the user: no server's folders, no other customer's work, no old error."""

import re
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django_tenants.utils import tenant_context
from PIL import Image

from cameras.actions import end_run, save_camera, set_enabled
from cameras.models import Camera
from cameras.rules import clip_name
from facetrack.core import objects
from facetrack.core.images import jpeg
from facetrack.core.thumbnails import MAX_BYTES, SIDE
from staff.models import StaffMember
from tenants.models import Tenant
from tests.api.answers import V1
from tests.conftest import make_camera
from visits.actions import delete_visitor
from visits.models import Sighting
from workers.fleet.leases import take
from workers.fleet.models import CameraLease, Worker
from workers.fleet.registration import Beat, Introduction, beat, register
from workers.recognition.capture.address import clip
from workers.recognition.capture.files.source import FileSource
from workers.recognition.capture.source import SourceError

ClientOf = Callable[..., Client]
MakeVisit = Callable[..., Sighting]


@pytest.mark.parametrize("typed", ["{folder}/acme/door.mp4", "acme/door.mp4", "{folder}/./acme//door.mp4"])
def test_a_clip_is_shown_without_the_folders_of_the_server(
    acme: Tenant, client_of: ClientOf, settings: Any, camera: Camera, typed: str
) -> None:
    folder = str(settings.FACETRACK_CLIP_DIR)
    shown = Camera(site=camera.site, name="Clip", kind="file", location=typed.format(folder=folder))
    save_camera(camera=shown, by=None)
    assert shown.location == "acme/door.mp4"
    client = client_of(acme)
    change = reverse("admin:cameras_camera_change", args=[shown.pk])
    for path in (f"/cameras/{shown.pk}/", f"{V1}/cameras/{shown.pk}/", change):
        assert folder not in client.get(path).content.decode()


def test_a_path_elsewhere_is_refused_as_it_was_typed(acme: Tenant, camera: Camera, settings: Any) -> None:
    assert clip_name("/etc/passwd", folder=str(settings.FACETRACK_CLIP_DIR)) == "/etc/passwd"
    wrong = Camera(site=camera.site, name="Clip", kind="file", location="/etc/passwd")
    with pytest.raises(ValidationError, match="clip folder"):
        save_camera(camera=wrong, by=None)


@pytest.mark.parametrize("content", [None, b"", b"no video", "folder"])
def test_an_error_of_a_file_names_the_file_alone(tmp_path: Path, content: bytes | str | None) -> None:
    path = tmp_path / "door.mp4"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content:
        path.mkdir()
    with pytest.raises(SourceError) as refused:
        FileSource(str(path), fps=5)
    assert "door.mp4" in str(refused.value)
    assert str(tmp_path) not in str(refused.value)


def test_a_link_out_of_the_folder_is_refused_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "clips").mkdir()
    with pytest.raises(SourceError) as refused:
        clip(str(tmp_path / "door.mp4"), tmp_path / "clips", "acme")
    assert str(tmp_path) not in str(refused.value)


def test_an_error_goes_when_the_camera_is_stopped(acme: Tenant, client_of: ClientOf) -> None:
    broken = make_camera("Broken", enabled=True, status="error", status_detail="the login was refused")
    client = client_of(acme)
    assert "the login was refused" in client.get(f"/cameras/{broken.pk}/").content.decode()
    set_enabled(camera=broken, enabled=False, by=None)
    # The worker's last word comes after the stop.
    end_run(camera_id=broken.pk, epoch=1, status=Camera.Status.ERROR, now=timezone.now(), detail="too late")
    broken.refresh_from_db()
    assert (broken.status, broken.status_detail) == ("stopped", "")
    row = client.get(f"{V1}/cameras/{broken.pk}/").json()
    assert (row["status"], row["status_detail"], row["state"]) == ("stopped", "", "Stopped")
    for path in (f"/cameras/{broken.pk}/", "/cameras/", "/"):
        text = client.get(path).content.decode()
        assert "refused" not in text
        assert "too late" not in text


def worker(name: str, host: str) -> Worker:
    one = register(introduction=Introduction(name=name, capacity=8, host=host))
    error = "3 of 5 cameras fail"
    said = Beat(state=Worker.State.ERROR, fps=47.5, memory_megabytes=777, queue_depth=66, last_error=error)
    beat(worker_id=one.pk, incarnation=one.incarnation, beat=said)
    return one


def test_a_worker_of_other_customers_is_not_shown(acme: Tenant, other: Tenant, client_of: ClientOf) -> None:
    mine, foreign = worker("mine", "gate"), worker("foreign", "elsewhere")
    camera = make_camera(enabled=True)
    assert take(camera_id=camera.pk, worker=mine)
    with tenant_context(other):
        theirs = make_camera("Theirs", enabled=True)
        assert take(camera_id=theirs.pk, worker=foreign)
    client = client_of(acme)
    page, rows = client.get("/workers/").content.decode(), client.get(f"{V1}/workers/").json()["results"]
    assert "foreign" not in page
    assert "elsewhere" not in page
    assert [(row["name"], row["cameras"], row["state"]) for row in rows] == [("mine", 1, "processing")]
    assert client.get(f"{V1}/workers/{foreign.pk}/").status_code == 404
    assert client.get(f"{V1}/workers/{foreign.pk}/devices/").status_code == 404
    assert client.get(f"{V1}/workers/", {"search": "foreign"}).json()["results"] == []


def test_how_busy_a_shared_worker_is_with_others_is_not_shown(
    acme: Tenant, other: Tenant, client_of: ClientOf
) -> None:
    shared = worker("shared", "gate")
    camera = make_camera(enabled=True)
    CameraLease.objects.filter(pk=camera.pk).update(planned=shared)
    with tenant_context(other):
        theirs = make_camera("Theirs", enabled=True)
        assert take(camera_id=theirs.pk, worker=shared)
    client = client_of(acme)
    page, row = client.get("/workers/").content.decode(), client.get(f"{V1}/workers/{shared.pk}/").json()
    assert "shared" in page
    assert (row["state"], row["cameras"]) == ("idle", 0)
    for told in ("47.5 f", "777 MB", "66 in", "3 of 5 c", "of 8 c"):
        assert told not in page
    assert not {"load", "fps", "queue_depth", "memory_megabytes", "dropped", "last_error", "capacity"} & set(
        row
    )


def picture() -> bytes:
    """As large as those that workers take."""
    noise = np.random.default_rng(1).integers(60, 200, (8, 8, 3), dtype=np.uint8)
    return jpeg(np.asarray(Image.fromarray(noise).resize((200, 200)), dtype=np.uint8))


def small_pictures(text: str) -> list[str]:
    """The addresses of the pictures of rows, each of which waits until it is scrolled to."""
    found = re.findall(r'<img id="shot-[^>]*>', text)
    for tag in found:
        for part in ('loading="lazy"', 'width="48"', 'height="48"'):
            assert part in tag
    return [str(re.search(r'src="([^"]+)"', tag)[1]) for tag in found]  # type: ignore[index]


@pytest.mark.parametrize("path", ["/", "/visits/", "/sightings/"])
def test_lists_show_small_pictures(
    acme: Tenant, client_of: ClientOf, camera: Camera, make_visit: MakeVisit, path: str
) -> None:
    whole = picture()
    for _ in range(3):
        make_visit(camera, shot=whole)
    client = client_of(acme)
    addresses = small_pictures(client.get(path).content.decode())
    assert len(addresses) == 3
    for _ in range(2):  # made, and kept
        answers = [b"".join(client.get(address).streaming_content) for address in addresses]  # type: ignore[attr-defined]
        for data in answers:
            assert max(Image.open(BytesIO(data)).size) == SIDE
            assert len(data) <= MAX_BYTES


def test_a_small_picture_goes_with_its_picture(
    acme: Tenant,
    other: Tenant,
    client_of: ClientOf,
    camera: Camera,
    make_visit: MakeVisit,
    django_capture_on_commit_callbacks: Any,
) -> None:
    seen = make_visit(camera, shot=picture())
    client = client_of(acme)
    address = small_pictures(client.get("/visits/").content.decode())[0]
    assert client.get(address).status_code == 200
    assert client_of(other).get(address).status_code == 404
    small = objects.small_key(seen.best_shot)
    assert objects.size(acme.pk, small)
    visitor = seen.visitor
    assert visitor is not None
    with tenant_context(acme), django_capture_on_commit_callbacks(execute=True):
        delete_visitor(visitor=visitor)
    assert objects.size(acme.pk, small) == 0
    assert client.get(address).status_code == 404


def test_a_picture_that_cannot_be_shrunk_is_shown_as_it_is(
    acme: Tenant, client_of: ClientOf, camera: Camera, make_visit: MakeVisit
) -> None:
    make_visit(camera, shot=b"\xff\xd8\xff\xe0 no picture")
    client = client_of(acme)
    address = small_pictures(client.get("/visits/").content.decode())[0]
    assert b"".join(client.get(address).streaming_content) == b"\xff\xd8\xff\xe0 no picture"  # type: ignore[attr-defined]


def test_a_page_asks_whether_its_user_is_still_signed_in(
    acme: Tenant, client_of: ClientOf, employee: StaffMember
) -> None:
    client = client_of(acme)
    page = client.get(f"/people/staff/{employee.pk}/").content.decode()
    assert 'data-session="/session/"' in page
    answer = client.get("/session/")
    assert answer.json() == {"signed_in": True}
    assert "no-store" in answer.headers["Cache-Control"]
    client.logout()
    assert client.get("/session/").json() == {"signed_in": False}
