"""Who may do what, and that other customers' rows are not there."""

from collections.abc import Callable
from uuid import UUID, uuid4

import pytest
from django.test import Client
from django_tenants.utils import tenant_context
from rest_framework.test import APIClient

from cameras.models import Camera
from staff.models import StaffMember
from tenants.models import Tenant, User
from tenants.rules import MEMBER_ROLES, Role
from tests.api.answers import V1, problem, results
from visits.merging.actions import merge_visitors
from visits.models import MergeProposal, Sighting

UNKNOWN = f"cameras/{UUID(int=1)}/"
LISTS = ["sites", "cameras", "staff", "visitors", "visits", "sightings", "merge-proposals", "merges"]
API = Callable[..., APIClient]
MakeVisit = Callable[..., Sighting]


@pytest.fixture
def rows(camera: Camera, employee: StaffMember, make_visit: MakeVisit) -> dict[str, object]:
    """The id of one row of each kind, of acme; the employee works at the camera's site."""
    StaffMember.objects.filter(pk=employee.pk).update(sites=[camera.site_id])
    sighting = make_visit(camera)
    assert sighting.visit is not None
    spare = [make_visit(camera, face=face).visitor for face in (11, 12, 13)]
    assert all(spare)
    kept, gone, twin = (one for one in spare if one)
    merge = merge_visitors(kept=kept, gone=gone, by=None)
    first, second = sorted((kept.pk, twin.pk))
    pair = MergeProposal.objects.create(first_id=first, second_id=second, score=0.5)
    return {
        "sites": camera.site_id,
        "cameras": camera.pk,
        "staff": employee.pk,
        "visitors": sighting.visitor_id,
        "visits": sighting.visit.pk,
        "sightings": sighting.pk,
        "merge-proposals": pair.pk,
        "merges": merge.pk,
    }


@pytest.mark.parametrize("kind", LISTS)
def test_without_login_nothing_is_shown(acme: Tenant, nobody: APIClient, kind: str) -> None:
    answer = nobody.get(f"{V1}/{kind}/")
    problem(answer, 401)
    assert answer["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("path", [*(f"{kind}/" for kind in LISTS), "schema/", UNKNOWN])
def test_who_is_no_member_is_refused(acme: Tenant, api_of: API, outsider: User, path: str) -> None:
    problem(api_of(acme, user=outsider).get(f"{V1}/{path}"), 401)


def test_the_page_about_the_api_asks_for_a_login(acme: Tenant, api_of: API, outsider: User) -> None:
    answer = api_of(acme, user=outsider).get(f"{V1}/docs/")
    assert answer.headers["Location"].startswith("/login/")


@pytest.mark.parametrize("role", MEMBER_ROLES)
def test_every_member_reads(
    acme: Tenant, other: Tenant, api_of: API, rows: dict[str, object], role: Role
) -> None:
    client = api_of(acme, role)
    for kind, pk in rows.items():
        assert str(pk) in [row["id"] for row in results(client.get(f"{V1}/{kind}/"))]
        assert client.get(f"{V1}/{kind}/{pk}/").json()["id"] == str(pk)


@pytest.mark.parametrize("kind", LISTS)
def test_rows_of_another_customer_are_like_rows_that_never_were(
    acme: Tenant, other: Tenant, api_of: API, rows: dict[str, object], kind: str
) -> None:
    stranger = api_of(other)
    assert results(stranger.get(f"{V1}/{kind}/")) == []
    foreign, unknown = (stranger.get(f"{V1}/{kind}/{pk}/") for pk in (rows[kind], uuid4()))
    problem(foreign, 404)
    assert foreign.content == unknown.content


def test_nothing_of_another_customer_can_be_written(
    acme: Tenant, other: Tenant, api_of: API, rows: dict[str, object]
) -> None:
    stranger = api_of(other)
    for kind in ("sites", "cameras", "staff", "visitors"):
        problem(stranger.patch(f"{V1}/{kind}/{rows[kind]}/", {"name": "Mine"}), 404)
        problem(stranger.delete(f"{V1}/{kind}/{rows[kind]}/", headers={"X-Reason": "no longer needed"}), 404)
    for verb in ("start", "stop"):
        problem(stranger.post(f"{V1}/cameras/{rows['cameras']}/{verb}/"), 404)
    for verb in ("accept", "reject"):
        problem(stranger.post(f"{V1}/merge-proposals/{rows['merge-proposals']}/{verb}/"), 404)
    problem(stranger.post(f"{V1}/merges/{rows['merges']}/undo/"), 404)
    problem(stranger.get(f"{V1}/staff/{rows['staff']}/faces/"), 404)
    body = {"site": str(rows["sites"]), "name": "Spy", "kind": "usb", "location": "0"}
    problem(stranger.post(f"{V1}/cameras/", body), 400, field="site")
    with tenant_context(acme):
        assert Camera.objects.get().name == "Door"


def test_a_filter_by_a_foreign_id_finds_nothing(
    acme: Tenant, other: Tenant, api_of: API, rows: dict[str, object]
) -> None:
    stranger = api_of(other)
    assert results(stranger.get(f"{V1}/cameras/", {"site": str(rows["sites"])})) == []
    assert results(stranger.get(f"{V1}/visits/", {"person": str(rows["visitors"])})) == []


# 409: nobody is there to run it; what a site manager may: change; what a viewer may: nothing but look
WRITES = [
    ("post", "sites/", {"name": "New"}, 201, 403),
    ("patch", "sites/{sites}/", {"name": "New"}, 200, 200),
    ("post", "cameras/", {"name": "New", "kind": "usb", "location": "0"}, 201, 403),
    ("patch", "cameras/{cameras}/", {"name": "New"}, 200, 200),
    ("post", "cameras/{cameras}/start/", None, 409, 409),
    ("post", "cameras/{cameras}/stop/", None, 200, 200),
    ("post", "cameras/{cameras}/archive/", None, 200, 403),
    ("post", "cameras/{cameras}/unarchive/", None, 409, 403),
    ("post", "sites/{sites}/archive/", None, 200, 403),
    ("post", "sites/{sites}/unarchive/", None, 409, 403),
    ("post", "staff/", {"name": "New"}, 201, 403),
    ("patch", "staff/{staff}/", {"name": "New"}, 200, 200),
    ("post", "staff/{staff}/faces/", {"picture": "x"}, 415, 403),
    ("delete", "staff/{staff}/", None, 204, 403),
    ("patch", "visitors/{visitors}/", {"name": "New"}, 200, 200),
    ("delete", "visitors/{visitors}/", None, 204, 403),
    ("post", "merge-proposals/{merge-proposals}/reject/", None, 409, 200),
    ("post", "merges/{merges}/undo/", None, 409, 200),
]


@pytest.mark.parametrize(("method", "path", "body", "admin", "manager"), WRITES)
def test_writing_takes_the_right_role(
    acme: Tenant,
    api_of: API,
    rows: dict[str, object],
    method: str,
    path: str,
    body: dict[str, object] | None,
    admin: int,
    manager: int,
) -> None:
    address = f"{V1}/{path.format(**rows)}"
    if path == "cameras/" and body:
        body = body | {"site": str(rows["sites"])}
    expected = {None: 401, Role.VIEWER: 403, Role.SITE_MANAGER: manager, Role.TENANT_ADMIN: admin}
    for role, status in expected.items():
        answer = getattr(api_of(acme, role), method)(address, body, headers={"X-Reason": "a test"})
        assert answer.status_code == status, (role, answer.content)
        if status >= 400:
            problem(answer, status)


def test_a_session_needs_the_csrf_token(acme: Tenant, member_of: Callable[[Tenant, Role], User]) -> None:
    client = Client(SERVER_NAME="acme.localhost", enforce_csrf_checks=True)
    client.force_login(member_of(acme, Role.TENANT_ADMIN))
    answer = client.post(f"{V1}/sites/", {"name": "Forged"}, content_type="application/json")
    assert "CSRF" in problem(answer, 403)["detail"]


@pytest.mark.parametrize("role", [Role.TENANT_ADMIN, Role.VIEWER])
def test_what_cameras_saw_is_read_only(
    acme: Tenant, api_of: API, rows: dict[str, object], role: Role
) -> None:
    client = api_of(acme, role)
    for kind in ("visits", "sightings"):
        for method in ("patch", "delete", "put", "post", "options", "trace"):
            problem(client.generic(method.upper(), f"{V1}/{kind}/{rows[kind]}/"), 405)
        problem(client.post(f"{V1}/{kind}/", {}), 405)
    problem(client.post(f"{V1}/visitors/", {"name": "Typed"}), 405)
