"""Costly and hostile pictures, through every door that takes pictures: refused in words, nothing kept."""

from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.conf import settings as installed
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import AsyncClient, Client
from django.urls import reverse
from pytest_django import Settings
from rest_framework.test import APIClient

from cameras.models import Camera
from facetrack.core import objects
from facetrack.core.picture_decoder import pool
from facetrack.core.picture_decoder.pool import DECODER, Decoded, Decoder
from staff.models import FaceImage, StaffMember
from tenants.models import Tenant
from tenants.rules import Role
from tests.api.answers import V1, problem
from tests.api.test_own_runs import Gate, door, gate
from tests.conftest import log_in
from tests.hostile_pictures import HOSTILE, exif_of_many_tags, many_scans, noise, saved
from visits.models import Sighting

__all__ = ["door", "gate"]
PREFIX = "face_images"


@pytest.fixture
def faces(employee: StaffMember) -> str:
    return f"{V1}/staff/{employee.pk}/faces/"


@pytest.fixture
def page(employee: StaffMember) -> str:
    return reverse("admin:staff_staffmember_change", args=[employee.pk])


def upload(data: bytes, name: str = "ada.jpg") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, data, content_type="image/jpeg")


def typed(*pictures: bytes, name: str = "Ada Lovelace") -> dict[str, Any]:
    """The form of a member of staff as a browser sends it."""
    form: dict[str, Any] = {"name": name, "active": "on", f"{PREFIX}-INITIAL_FORMS": "0"}
    form |= {f"{PREFIX}-{n}-upload": upload(picture) for n, picture in enumerate(pictures)}
    return form | {f"{PREFIX}-TOTAL_FORMS": str(len(pictures))}


def kept_files(tenant: Tenant) -> list[Path]:
    folder = installed.VAR_DIR / "objects" / objects.RAW / str(tenant.pk)
    return [path for path in folder.rglob("*") if path.is_file()]


@contextmanager
def nothing_is_kept(tenant: Tenant) -> Iterator[None]:
    before = kept_files(tenant)
    yield
    assert not FaceImage.objects.exists()
    assert kept_files(tenant) == before


class Browser(AsyncClient):
    """On acme's host: Django's own client adds a second `host` to the one of its own."""

    def _base_scope(self, **request: Any) -> dict[str, Any]:
        others = [(name, value) for name, value in request["headers"] if name != b"host"]
        request["headers"] = [*others, (b"host", b"acme.localhost")]
        scope: dict[str, Any] = super()._base_scope(**request)  # type: ignore[misc]
        return scope


def asynchronous(tenant: Tenant, member_of: Callable[..., Any]) -> AsyncClient:
    """An administrator's browser whose requests come through ASGI."""
    client = Browser()
    log_in(client, member_of(tenant, Role.TENANT_ADMIN), tenant)  # type: ignore[arg-type]
    return client


def sent(client: AsyncClient, path: str, form: dict[str, Any]) -> Any:
    return async_to_sync(client.post)(path, form)


@pytest.fixture(autouse=True)
def _unhurried(settings: Settings) -> None:
    settings.FACETRACK_THROTTLE = False


def test_the_api_refuses_each_through_asgi(acme: Tenant, faces: str, member_of: Callable[..., Any]) -> None:
    client = asynchronous(acme, member_of)
    with nothing_is_kept(acme):
        for name, build in HOSTILE.items():
            answer = sent(client, faces, {"picture": upload(build())})
            assert answer.status_code == 400, (name, answer.content[:300])
            assert answer.json()["errors"]["picture"][0].startswith("ada.jpg: T"), name
    good = sent(client, faces, {"picture": upload(saved("JPEG"))})
    assert good.status_code == 201


def test_the_admin_refuses_each_through_asgi(acme: Tenant, page: str, member_of: Callable[..., Any]) -> None:
    client = asynchronous(acme, member_of)
    with nothing_is_kept(acme):
        for name, build in HOSTILE.items():
            answer = sent(client, page, typed(build(), name="Renamed"))
            assert answer.status_code == 200, name
            assert "ada.jpg: T" in answer.content.decode(), name
        assert StaffMember.objects.get().name == "Ada Lovelace"
    assert sent(client, page, typed(saved("JPEG"), name="Renamed")).status_code == 302
    assert FaceImage.objects.count() == 1
    assert StaffMember.objects.get().name == "Renamed"


def test_of_two_pictures_the_good_one_is_not_kept_without_the_other(
    acme: Tenant, page: str, client_of: Callable[..., Client]
) -> None:
    with nothing_is_kept(acme):
        answer = client_of(acme).post(page, typed(saved("JPEG"), HOSTILE["JPEG with 400 scans"]()))
    assert "more than 32 scans" in answer.content.decode()


@contextmanager
def nobody_gets_a_place(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> Iterator[None]:
    settings.FACETRACK_DECODERS = 1
    monkeypatch.setattr(pool, "WAIT_SECONDS", 0.05)
    with DECODER._places.one("another customer"):
        yield


def test_the_api_says_when_to_come_again(
    acme: Tenant, api: APIClient, faces: str, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with nobody_gets_a_place(monkeypatch, settings), nothing_is_kept(acme):
        answer = api.post(faces, {"picture": upload(saved("JPEG"))}, format="multipart")
    assert "try again in 5 seconds" in problem(answer, 503)["detail"]
    assert answer["Retry-After"] == "5"
    assert api.post(faces, {"picture": upload(saved("JPEG"))}, format="multipart").status_code == 201


def test_the_admin_says_it_too_and_keeps_what_was_typed(
    acme: Tenant,
    page: str,
    client_of: Callable[..., Client],
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with nobody_gets_a_place(monkeypatch, settings), nothing_is_kept(acme):
        answer = client_of(acme).post(page, typed(saved("JPEG"), name="Ada King"))
    assert answer.status_code == 503
    assert answer["Retry-After"] == "5"
    assert "try again in 5 seconds" in answer.content.decode()
    assert 'value="Ada King"' in answer.content.decode()
    assert StaffMember.objects.get().name == "Ada Lovelace"


def test_no_picture_is_read_within_a_transaction_of_the_request(
    acme: Tenant,
    api: APIClient,
    faces: str,
    page: str,
    client_of: Callable[..., Client],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """PostgreSQL ends a transaction in which nothing happens for some seconds."""
    depths: list[int] = []
    decode = Decoder.decode

    def watched(self: Decoder, *args: Any, **kwargs: Any) -> Decoded:
        depths.append(len(connection.savepoint_ids))
        return decode(self, *args, **kwargs)

    monkeypatch.setattr(Decoder, "decode", watched)
    outside = len(connection.savepoint_ids)
    assert api.post(faces, {"picture": upload(saved("JPEG"))}, format="multipart").status_code == 201
    form = typed(saved("PNG"), noise("JPEG"))
    assert api.post(page, form, format="multipart").status_code == 302
    assert depths == [outside] * 3
    assert FaceImage.objects.count() == 3


def test_who_may_not_write_has_nothing_read(
    acme: Tenant, page: str, client_of: Callable[..., Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[object] = []
    monkeypatch.setattr("staff.admin.read_ahead", read.extend)
    assert client_of(acme, Role.VIEWER).post(page, typed(saved("JPEG"))).status_code == 403
    assert not read


def test_a_worker_sends_plain_jpegs_only(gate: Gate, door: Camera) -> None:
    for picture in (many_scans(6, side=64), saved("PNG"), *(HOSTILE[name]() for name in LIGHT)):
        problem(gate.record(door, picture=b64encode(picture).decode()), 400, field="picture")
    assert not Sighting.objects.exists()


HEAVY = ("JPEG, plain, with 100 scans", "JPEG of two million segments", "JPEG of fill bytes")
LIGHT = [name for name in HOSTILE if name.startswith("JPEG") and name not in HEAVY]


def test_of_a_workers_picture_the_picture_is_kept(acme: Tenant, gate: Gate, door: Camera) -> None:
    sent = exif_of_many_tags() + b"<script>"
    assert gate.record(door, picture=b64encode(sent).decode()).status_code == 204
    with objects.open_object(acme.pk, Sighting.objects.get().best_shot) as file:
        kept = file.read()
    assert kept.startswith(b"\xff\xd8\xff")
    assert b"Exif" not in kept
    assert b"script" not in kept


def test_a_worker_is_told_to_come_again(
    gate: Gate, door: Camera, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with nobody_gets_a_place(monkeypatch, settings):
        problem(gate.record(door), 503)
    assert gate.record(door).status_code == 204
