"""Staff and their pictures over the API."""

import io
from collections.abc import Callable
from uuid import uuid4

import numpy as np
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from PIL import Image
from pytest_django import DjangoCaptureOnCommitCallbacks, Settings
from rest_framework.test import APIClient

from facetrack.core import objects
from staff.actions import accept_face
from staff.models import FaceImage, StaffMember
from tenants.models import Tenant
from tests.api.answers import V1, problem, results
from tests.conftest import template_of


def picture(
    width: int = 64, height: int = 48, form: str = "PNG", name: str = "ada.png"
) -> SimpleUploadedFile:
    data = io.BytesIO()
    Image.new("RGB", (width, height), "teal").save(data, form)
    return SimpleUploadedFile(name, data.getvalue(), content_type="image/png")


@pytest.fixture
def faces(employee: StaffMember) -> str:
    return f"{V1}/staff/{employee.pk}/faces/"


def test_somebody_is_hired_renamed_and_removed(api: APIClient) -> None:
    made = api.post(f"{V1}/staff/", {"name": "Grace Hopper", "employee_number": "7", "email": "g@navy.test"})
    assert made.status_code == 201, made.content
    assert made.json()["usable_pictures"] == 0
    path = f"{V1}/staff/{made.json()['id']}/"
    assert api.patch(path, {"active": False}).json()["active"] is False
    assert api.delete(path, headers={"X-Reason": "no longer needed"}).status_code == 204
    problem(api.get(path), 404)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": None}, "name"),
        ({"name": "A", "email": "no address"}, "email"),
        ({"name": "A", "employee_number": "1815"}, "employee_number"),
        ({"name": "A", "active": "perhaps"}, "active"),
        ({"name": "A", "embedding": [1.0]}, "embedding"),
    ],
)
def test_a_bad_member_is_refused(api: APIClient, body: dict[str, object], field: str) -> None:
    StaffMember.objects.create(name="Ada", employee_number="1815")
    problem(api.post(f"{V1}/staff/", body), 400, field=field)
    assert StaffMember.objects.count() == 1


def test_staff_are_filtered(api: APIClient) -> None:
    StaffMember.objects.create(name="Ada Lovelace", department="Engines", employee_number="1815")
    StaffMember.objects.create(name="Grace Hopper", department="Compilers", active=False)
    for query, names in {
        "search=love": ["Ada Lovelace"],
        "search=1815": ["Ada Lovelace"],
        "active=false": ["Grace Hopper"],
        "department=compilers": ["Grace Hopper"],
        "search=_": [],
    }.items():
        assert [row["name"] for row in results(api.get(f"{V1}/staff/?{query}"))] == names, query


def test_a_picture_is_kept_shown_and_deleted(
    api: APIClient,
    acme: Tenant,
    employee: StaffMember,
    faces: str,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    made = api.post(faces, {"picture": picture()}, format="multipart")
    assert made.status_code == 201, made.content
    row = made.json()
    assert (row["status"], row["box"], row["quality"]) == ("pending", None, None)
    assert row["picture"].startswith("http://acme.localhost/pictures/")
    shown = api.get(row["picture"])
    assert Image.open(io.BytesIO(b"".join(shown.streaming_content))).size == (64, 48)  # type: ignore[attr-defined]
    assert [found["id"] for found in results(api.get(faces))] == [row["id"]]
    key = FaceImage.objects.get().picture
    with django_capture_on_commit_callbacks(execute=True):
        assert api.delete(f"{faces}{row['id']}/").status_code == 204
    assert results(api.get(faces)) == []
    with pytest.raises(FileNotFoundError):
        objects.open_object(acme.pk, key, bucket=objects.RAW)


def test_an_address_of_a_picture_is_of_no_use_on_another_host(
    api: APIClient, other: Tenant, client_of: Callable[..., Client], faces: str
) -> None:
    address = api.post(faces, {"picture": picture()}, format="multipart").json()["picture"]
    assert client_of(other).get(address.removeprefix("http://acme.localhost")).status_code == 404


def test_a_face_in_use_tells_where_it_is_but_not_what_it_is(
    api: APIClient, employee: StaffMember, faces: str
) -> None:
    api.post(faces, {"picture": picture()}, format="multipart")
    face = FaceImage.objects.get()
    accept_face(
        face_image=face,
        box=[1, 2, 30, 40],
        landmarks=[float(n) for n in range(10)],
        quality=0.8,
        embedding=template_of(1),
        pack="edgeface-xs",
    )
    row = api.get(f"{faces}{face.pk}/").json()
    assert (row["status"], row["box"], len(row["landmarks"])) == ("ready", [1, 2, 30, 40], 10)
    assert "embedding" not in row
    assert api.get(f"{V1}/staff/{employee.pk}/").json()["usable_pictures"] == 1
    assert results(api.get(f"{faces}?status=pending")) == []


NOISE = np.random.default_rng(0).integers(0, 255, (200, 200, 3), dtype=np.uint8)


def damaged() -> SimpleUploadedFile:
    data = io.BytesIO()
    Image.fromarray(NOISE).save(data, "JPEG")
    return SimpleUploadedFile("cut.jpg", data.getvalue()[:5000])


@pytest.mark.parametrize(
    ("upload", "words"),
    [
        (SimpleUploadedFile("a.png", b"no picture at all"), "not a supported picture"),
        (
            SimpleUploadedFile("a.svg", b"<svg xmlns='http://www.w3.org/2000'/>"),
            "not a supported picture",
        ),
        (SimpleUploadedFile("a.png", b""), "empty"),
        (damaged(), "damaged"),
        (picture(1100, 1000), "megapixels"),
    ],
)
def test_what_is_no_usable_picture_is_refused(
    api: APIClient, faces: str, settings: Settings, upload: SimpleUploadedFile, words: str
) -> None:
    settings.FACETRACK_UPLOAD_MEGAPIXELS = 1
    answer = problem(api.post(faces, {"picture": upload}, format="multipart"), 400, field="picture")
    assert words in answer["errors"]["picture"][0]
    assert not FaceImage.objects.exists()


def test_an_upload_has_a_limit(api: APIClient, faces: str, settings: Settings) -> None:
    settings.FACETRACK_UPLOAD_MEGABYTES = 1
    big = SimpleUploadedFile("a.png", b"x" * 1_050_000)
    problem(api.post(faces, {"picture": big}, format="multipart"), 400, field="picture")
    huge = SimpleUploadedFile("a.png", b"x" * 1_200_000)
    assert "1,100,000" in problem(api.post(faces, {"picture": huge}, format="multipart"), 413)["detail"]


def test_an_upload_is_a_form_with_one_picture(api: APIClient, faces: str) -> None:
    problem(api.post(faces, {}, format="multipart"), 400, field="picture")
    problem(api.post(faces, {"picture": "text"}, format="multipart"), 400, field="picture")
    problem(api.post(faces, {"picture": "aGk="}), 415)
    broken = api.post(faces, b"--x\r\nnonsense", content_type="multipart/form-data")
    problem(broken, 400)
    many = {f"field{n}": "x" for n in range(1100)}
    problem(api.post(faces, many, format="multipart"), 400)
    problem(api.post(f"{V1}/staff/{uuid4()}/faces/", {"picture": picture()}, format="multipart"), 404)


def test_a_picture_belongs_to_its_person(api: APIClient, faces: str) -> None:
    pk = api.post(faces, {"picture": picture()}, format="multipart").json()["id"]
    grace = StaffMember.objects.create(name="Grace")
    problem(api.get(f"{V1}/staff/{grace.pk}/faces/{pk}/"), 404)
    problem(api.delete(f"{V1}/staff/{grace.pk}/faces/{pk}/"), 404)
    problem(api.patch(f"{faces}{pk}/", {}), 405)
    assert results(api.get(f"{V1}/staff/{grace.pk}/faces/")) == []
