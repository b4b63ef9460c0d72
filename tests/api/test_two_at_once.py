"""Two callers of the API change one row: fields of one row at the same moment, ETag and If-Match.

What is at the same moment goes through ASGI, on connections of its own.
"""

import json
from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from cameras.models import Camera, Site
from staff.models import StaffMember
from tenants.actions import add_member
from tenants.models import Membership, Tenant
from tenants.rules import Role
from tests.api.answers import TOKEN, V1, problem
from tests.asgi import Answer, Asgi
from tests.conftest import PASSWORD, template_of
from tests.two_at_once import ADMIN, HOST, both_at, committed
from visits.models import Visitor

__all__ = ["committed"]


def site() -> Site:
    return Site.objects.create(name="Gate", address="Old Street 1")


def camera() -> Camera:
    return Camera.objects.create(site=site(), name="Door", kind="rtsp", location="rtsp://127.0.0.1:1/door")


def employee() -> StaffMember:
    return StaffMember.objects.create(name="Ada", department="Sales")


def of_number(number: int) -> dict[str, Any]:
    now = timezone.now()
    face = {"template": template_of(number), "pack": "edgeface-xs"}
    return {"number": number, "first_seen_at": now, "last_seen_at": now, **face}


def visitor() -> Visitor:
    return Visitor.objects.create(**of_number(1))


def manager(tenant: Tenant) -> Membership:
    here = [site().pk]
    user = add_member(
        tenant=tenant, email="m@new.test", role=Role.SITE_MANAGER, password=PASSWORD, sites=here
    )
    return Membership.objects.get(user=user)


@pytest.fixture
def ask(committed: Tenant) -> Callable[..., Answer]:
    """Send a request as an administrator, on connections of its own."""
    login = json.dumps({"email": ADMIN, "password": PASSWORD}).encode()
    answer = Asgi(HOST).ask_alone("POST", TOKEN, login, content_type="application/json")
    token = answer.json()["access"]

    def send(method: str, path: str, body: Any = None, **headers: str) -> Answer:
        sent = b"" if body is None else json.dumps(body).encode()
        headers |= {"x_reason": "moved away"} if method == "DELETE" else {}
        kind = {"content_type": "application/json"} if sent else {}
        return Asgi(HOST).ask_alone(
            method, f"{V1}{path}", sent, authorization=f"Bearer {token}", **kind, **headers
        )

    return send


REASON = {"X-Reason": "moved away"}
CHANGES: dict[str, tuple[Callable[[], Any], str, dict[str, Any], dict[str, Any]]] = {
    "sites": (site, "globex.cameras_site", {"name": "North"}, {"address": "New Street 2"}),
    "cameras": (camera, "globex.cameras_camera", {"name": "Back"}, {"mirrored": True}),
    "staff": (employee, "globex.staff_staffmember", {"name": "Ada L."}, {"department": "Research"}),
    "visitors": (visitor, "globex.visits_visitor", {"name": "Grace"}, {"note": "Tuesdays"}),
}


@pytest.mark.parametrize("kind", CHANGES)
def test_both_changes_stay(committed: Tenant, ask: Callable[..., Answer], kind: str) -> None:
    make, table, one, other = CHANGES[kind]
    path = f"/{kind}/{(row := make()).pk}/"
    came = both_at(table, row.pk, partial(ask, "PATCH", path, one), partial(ask, "PATCH", path, other))
    assert [answer.status for answer in came] == [200, 200], [answer.text for answer in came]
    now = ask("GET", path).json()
    assert {name: now[name] for name in one | other} == one | other


def test_a_member_gets_both_the_role_and_the_sites(committed: Tenant, ask: Callable[..., Answer]) -> None:
    """A role that has sites, and others of them: the second must not bring the first site back."""
    row, new = manager(committed), Site.objects.create(name="New").pk
    path = f"/members/{row.pk}/"
    came = both_at(
        "public.tenants_membership",
        row.pk,
        partial(ask, "PATCH", path, {"sites": [str(new)]}),
        partial(ask, "PATCH", path, {"role": "site_manager"}),
    )
    assert [answer.status for answer in came] == [200, 200]
    assert ask("GET", path).json()["sites"] == [str(new)]


def test_two_administrators_who_remove_each_other_do_not_wait_for_one_another(
    committed: Tenant, ask: Callable[..., Answer]
) -> None:
    rows: list[UUID] = []
    for name in ("b", "c"):
        user = add_member(
            tenant=committed, email=f"{name}@new.test", role=Role.TENANT_ADMIN, password=PASSWORD
        )
        rows.append(Membership.objects.get(user=user).pk)
    asked = [partial(ask, "PATCH", f"/members/{row}/", {"role": "viewer"}) for row in rows]
    came = both_at("public.tenants_membership", min(rows), *asked)
    assert [answer.status for answer in came] == [200, 200]


@pytest.mark.parametrize("kind", CHANGES)
def test_of_two_with_one_tag_the_second_is_refused(
    committed: Tenant, ask: Callable[..., Answer], kind: str
) -> None:
    make, table, one, other = CHANGES[kind]
    path = f"/{kind}/{(row := make()).pk}/"
    first = ask("GET", path)
    tag = first.headers["etag"]
    asked = [partial(ask, "PATCH", path, body, if_match=tag) for body in (one, other)]
    came = both_at(table, row.pk, *asked)
    assert sorted(answer.status for answer in came) == [200, 412]
    won, refused = (one, other) if came[0].status == 200 else (other, one)
    now = ask("GET", path).json()
    assert {name: now[name] for name in won} == won
    assert {name: now[name] for name in refused} == {name: first.json()[name] for name in refused}


@pytest.mark.parametrize("kind", CHANGES)
def test_a_row_that_is_deleted_meanwhile_does_not_come_back(
    committed: Tenant, ask: Callable[..., Answer], kind: str
) -> None:
    make, table, one, _ = CHANGES[kind]
    path = f"/{kind}/{(row := make()).pk}/"
    came = both_at(
        table, row.pk, partial(ask, "DELETE", path, x_reason="closed"), partial(ask, "PATCH", path, one)
    )
    assert [answer.status for answer in came] == [204, 404]
    assert ask("GET", path).status == 404


@pytest.fixture
def path(acme: Tenant) -> str:
    return f"{V1}/sites/{site().pk}/"


def test_a_tag_is_that_of_what_is_written(api: APIClient, path: str) -> None:
    tag = api.get(path)["ETag"]
    assert api.get(path)["ETag"] == tag
    changed = api.patch(path, {"name": "North"}, headers={"If-Match": tag})
    assert changed.status_code == 200
    assert changed["ETag"] == api.get(path)["ETag"] != tag
    refused = problem(api.patch(path, {"name": "South"}, headers={"If-Match": tag}), 412)
    assert "Load it again" in refused["detail"]
    problem(api.delete(path, headers={"If-Match": tag} | REASON), 412)
    problem(api.get(path, headers={"If-Match": tag}), 412)
    assert api.get(path).json()["name"] == "North"
    assert api.delete(path, headers={"If-Match": changed["ETag"]} | REASON).status_code == 204
    problem(api.delete(path, headers={"If-Match": "*"} | REASON), 404)


def test_new_rows_have_a_tag(api: APIClient, acme: Tenant) -> None:
    made = api.post(f"{V1}/sites/", {"name": "Gate"})
    assert made["ETag"] == api.get(f"{V1}/sites/{made.json()['id']}/")["ETag"]


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ("*", 200),
        (" * ", 200),
        ("{tag}", 200),
        ('"other", {tag}', 200),
        (',, {tag} ,"other",', 200),
        ('"a,b",{tag}', 200),
        ('"other"', 412),
        ("W/{tag}", 412),
        ('"", W/"x"', 412),
        ("", 400),
        (",", 400),
        ("*, {tag}", 400),
        ("{bare}", 400),
        ("w/{tag}", 400),
        ("{tag} {tag}", 400),
        ("'{bare}'", 400),
        ('"never ends', 400),
        ("{tag}, " * 200, 400),
    ],
)
def test_each_way_to_write_it(api: APIClient, path: str, given: str, status: int) -> None:
    tag = api.get(path)["ETag"]
    text = given.replace("{tag}", tag).replace("{bare}", tag.strip('"'))
    answer = api.patch(path, {"name": "North"}, headers={"If-Match": text})
    assert answer.status_code == status, answer.content
    if status != 200:
        problem(answer, status)
    assert (api.get(path).json()["name"] == "North") == (status == 200)


def test_what_a_worker_reports_changes_no_tag_and_a_login_does(api: APIClient, acme: Tenant) -> None:
    row = camera()
    path = f"{V1}/cameras/{row.pk}/"
    tag = api.get(path)["ETag"]
    Camera.objects.filter(pk=row.pk).update(status="running", last_frame_at=timezone.now(), epoch=7)
    assert api.get(path)["ETag"] == tag
    changed = api.patch(path, {"password": "made up"}, headers={"If-Match": tag})
    assert changed["ETag"] not in (tag, "")
    problem(api.patch(path, {"password": "another"}, headers={"If-Match": tag}), 412)


def test_a_tag_of_another_row_is_not_this_ones(api: APIClient, acme: Tenant) -> None:
    one, other = (Visitor.objects.create(**of_number(number)) for number in (1, 2))
    tag = api.get(f"{V1}/visitors/{one.pk}/")["ETag"]
    problem(api.patch(f"{V1}/visitors/{other.pk}/", {"name": "X"}, headers={"If-Match": tag}), 412)


def test_the_schema_says_so(api: APIClient, acme: Tenant) -> None:
    paths = api.get(f"{V1}/schema/?format=json").json()["paths"]
    for kind in ("sites", "cameras", "staff", "visitors", "members"):
        of_row = paths[f"{V1}/{kind}/{{id}}/"]
        for method in ("get", "patch", "delete"):
            operation = of_row[method]
            assert "If-Match" in {parameter["name"] for parameter in operation["parameters"]}, (kind, method)
            assert {"400", "412"} <= set(operation["responses"])
            assert method == "delete" or "ETag" in operation["responses"]["200"]["headers"]
