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
from staff.actions import ENROLLED_ALL_THE_SAME, accept_face
from staff.models import FaceImage, StaffMember
from tenants.audit.queries import lines_of
from tenants.credentials.actions import create_key
from tenants.models import ActorKind, Tenant, Verb
from tenants.rules import Role
from tests.api.answers import V1, problem, results
from tests.audit.conftest import seal
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
        ({"name": "A", "active": "perhaps"}, "active"),
        ({"name": "A", "embedding": [1.0]}, "embedding"),
    ],
)
def test_a_bad_member_is_refused(api: APIClient, body: dict[str, object], field: str) -> None:
    problem(api.post(f"{V1}/staff/", body), 400, field=field)
    assert not StaffMember.objects.exists()


def test_a_number_that_is_taken_is_a_conflict(api: APIClient) -> None:
    StaffMember.objects.create(name="Ada", employee_number="1815")
    body = {"name": "Charles", "employee_number": "1815"}
    problem(api.post(f"{V1}/staff/", body), 409, field="employee_number")
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


@pytest.fixture
def twin(employee: StaffMember) -> StaffMember:
    return StaffMember.objects.create(name="Bob Twin")


def test_a_picture_of_another_person_is_held_and_both_are_named(
    api: APIClient, acme: Tenant, employee: StaffMember, twin: StaffMember, faces: str
) -> None:
    api.post(faces, {"picture": picture()}, format="multipart")
    path = f"{V1}/staff/{twin.pk}/faces/"
    made = api.post(path, {"picture": picture()}, format="multipart")
    assert made.status_code == 201, made.content
    row = made.json()
    assert (row["status"], row["similarity"]) == ("held", None)
    assert row["resembles"] == [{"id": str(employee.pk), "name": "Ada Lovelace"}]
    assert "same picture is enrolled for Ada Lovelace" in row["reason"]
    assert "Bob Twin" in row["reason"]
    assert results(api.get(f"{path}?status=held"))[0]["id"] == row["id"]
    assert api.get(f"{V1}/staff/{twin.pk}/").json()["held_pictures"] == 1
    decided = api.post(f"{path}{row['id']}/confirm/")
    assert decided.status_code == 200, decided.content
    assert (decided.json()["status"], decided.json()["resembles"]) == ("pending", [])
    problem(api.post(f"{path}{row['id']}/confirm/"), 409)
    kept = FaceImage.objects.get(pk=row["id"])
    assert kept.distinct_from == [employee.pk]
    assert api.get(f"{path}{row['id']}/").json()["reason"] == ""
    assert kept.confirmed_by is not None
    seal()
    changed = lines_of(acme).filter(object_id=row["id"], verb=Verb.UPDATED)
    line = changed.filter(changes__has_key="distinct_from").get()
    assert line.actor_label == "tenant_admin@acme.test"
    assert line.reason == ENROLLED_ALL_THE_SAME
    assert line.changes["distinct_from"]["new"] == [str(employee.pk)]


def test_a_picture_that_the_person_has_is_not_stored_twice(api: APIClient, faces: str) -> None:
    first = api.post(faces, {"picture": picture()}, format="multipart")
    again = api.post(faces, {"picture": picture(form="BMP", name="other.bmp")}, format="multipart")
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json()["id"] == first.json()["id"]
    assert FaceImage.objects.count() == 1


def test_a_picture_that_was_refused_for_another_person_is_not_held(
    api: APIClient, twin: StaffMember, faces: str
) -> None:
    api.post(faces, {"picture": picture()}, format="multipart")
    FaceImage.objects.update(status=FaceImage.Status.REFUSED)
    made = api.post(f"{V1}/staff/{twin.pk}/faces/", {"picture": picture()}, format="multipart")
    assert made.json()["status"] == "pending"
    again = api.post(faces, {"picture": picture()}, format="multipart")
    assert (again.status_code, again.json()["status"]) == (200, "pending"), "it is examined again"


def held_for(client: APIClient, twin: StaffMember, similarity: float | None = None) -> str:
    """The address of a picture of the twin's, uploaded by `client`, that resembles Ada's."""
    path = f"{V1}/staff/{twin.pk}/faces/"
    made = client.post(path, {"picture": picture()}, format="multipart")
    assert (made.status_code, made.json()["status"]) == (201, "held"), made.content
    FaceImage.objects.filter(pk=made.json()["id"]).update(similarity=similarity)
    return f"{path}{made.json()['id']}/"


def test_who_confirms_decides_about_the_people_that_were_shown(
    api: APIClient, employee: StaffMember, twin: StaffMember, faces: str
) -> None:
    api.post(faces, {"picture": picture()}, format="multipart")
    path = held_for(api, twin)
    shown = api.get(path)["ETag"]
    FaceImage.objects.filter(staff_member=twin).update(resembles=[employee.pk, uuid4()])
    problem(api.post(f"{path}confirm/", HTTP_IF_MATCH=shown), 412)
    assert FaceImage.objects.get(staff_member=twin).status == FaceImage.Status.HELD
    assert api.post(f"{path}confirm/", HTTP_IF_MATCH=api.get(path)["ETag"]).status_code == 200


@pytest.mark.parametrize("scopes", [("enrol",), ("enrol", "staff.view_faceimage")])
def test_a_key_that_only_enrols_learns_no_name(
    api: APIClient, acme: Tenant, twin: StaffMember, faces: str, scopes: tuple[str, ...]
) -> None:
    api.post(faces, {"picture": picture()}, format="multipart")
    key = APIClient(SERVER_NAME="acme.localhost", HTTP_AUTHORIZATION=f"Api-Key {key_with(acme, scopes)}")
    path = f"{V1}/staff/{twin.pk}/faces/"
    made = key.post(path, {"picture": picture()}, format="multipart")
    row = made.json()
    assert (made.status_code, row["status"], row["resembles"]) == (201, "held", [])
    assert "enrolled for 1 person whom you may not see" in row["reason"]
    FaceImage.objects.filter(staff_member=twin).update(similarity=0.71)
    answers = [made, key.get(f"{path}{row['id']}/"), key.post(f"{path}{row['id']}/confirm/")]
    assert all(b"Lovelace" not in one.content and b"0.71" not in one.content for one in answers)
    problem(answers[-1], 403)
    assert FaceImage.objects.get(staff_member=twin).status == FaceImage.Status.HELD


def test_a_key_that_enrols_and_reads_decides(
    api: APIClient, acme: Tenant, employee: StaffMember, twin: StaffMember, faces: str
) -> None:
    api.post(faces, {"picture": picture()}, format="multipart")
    text = key_with(acme, ("enrol", "read"))
    key = APIClient(SERVER_NAME="acme.localhost", HTTP_AUTHORIZATION=f"Api-Key {text}")
    path = held_for(key, twin, similarity=0.71)
    row = key.get(path).json()
    assert (row["resembles"][0]["name"], row["similarity"]) == ("Ada Lovelace", 0.71)
    assert key.post(f"{path}confirm/").json()["status"] == "pending"
    kept = FaceImage.objects.get(staff_member=twin)
    assert (kept.confirmed_by, kept.distinct_from) == (None, [employee.pk])
    seal()
    changed = lines_of(acme).filter(object_id=str(kept.pk), verb=Verb.UPDATED)
    line = changed.filter(changes__has_key="distinct_from").get()
    assert (line.actor_kind, line.reason) == (ActorKind.KEY, ENROLLED_ALL_THE_SAME)


def key_with(tenant: Tenant, scopes: tuple[str, ...]) -> str:
    _, text = create_key(tenant=tenant, name="hr", role=Role.TENANT_ADMIN, scopes=scopes, by=None)
    return str(text)


def test_only_who_may_enrol_decides(
    api: APIClient, acme: Tenant, api_of: Callable[..., APIClient], twin: StaffMember, faces: str
) -> None:
    api.post(faces, {"picture": picture()}, format="multipart")
    path = f"{V1}/staff/{twin.pk}/faces/"
    pk = api.post(path, {"picture": picture()}, format="multipart").json()["id"]
    for role in (Role.VIEWER, Role.SITE_MANAGER):
        problem(api_of(acme, role).post(f"{path}{pk}/confirm/"), 403)
    problem(api.post(f"{faces}{pk}/confirm/"), 404)
    assert FaceImage.objects.get(pk=pk).status == FaceImage.Status.HELD
