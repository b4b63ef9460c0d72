"""The activity log over the API: read by administrators, in pages, with filters."""

from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from staff.models import StaffMember
from tenants.models import Tenant
from tenants.rules import Role
from tests.api.answers import V1, problem, results
from tests.audit.conftest import seal

PATH = f"{V1}/activity/"


@pytest.fixture
def people(api: APIClient) -> list[str]:
    names = [f"Person {number}" for number in range(5)]
    for name in names:
        StaffMember.objects.create(name=name)
    seal()
    return names


def test_a_line_says_everything_but_faces_and_secrets(api: APIClient, people: list[str]) -> None:
    line = results(api.get(PATH, {"kind": "staff.staffmember"}))[0]
    assert line["verb"] == "created"
    assert line["object_label"] == "Person 4"
    assert line["changes"]["name"] == {"new": "Person 4"}
    assert line["sentence"].endswith("created staff member Person 4")
    assert len(line["hash"]) == 64
    assert not {"id", "tenant", "prev_hash"} & set(line)


def test_pages_follow_the_cursor_both_ways(api: APIClient, people: list[str]) -> None:
    filters: dict[str, Any] = {"kind": "staff.staffmember", "page_size": 2}
    first = api.get(PATH, filters).json()
    second = api.get(first["next"]).json()
    third = api.get(second["next"]).json()
    labels = [line["object_label"] for page in (first, second, third) for line in page["results"]]
    assert labels == people[::-1]
    assert third["next"] is None
    assert api.get(second["previous"]).json()["results"] == first["results"]


def test_filters_and_what_is_wrong_with_them(api: APIClient, people: list[str]) -> None:
    assert len(results(api.get(PATH, {"search": "person 3"}))) == 1
    assert results(api.get(PATH, {"who": "worker"})) == []
    assert results(api.get(PATH, {"from": "2999-01-01T00:00:00Z"})) == []
    assert len(results(api.get(PATH, {"verb": "created", "kind": "staff.staffmember"}))) == 5
    problem(api.get(PATH, {"verb": "invented"}), 400, field="verb")
    problem(api.get(PATH, {"colour": "red"}), 400, field="colour")
    for cursor in ("x", "bnwx", "bnwxfHg="):
        problem(api.get(PATH, {"cursor": cursor}), 400, field="cursor")


def test_only_administrators_read_it(
    acme: Tenant, other: Tenant, api_of: Callable[..., APIClient], people: list[str]
) -> None:
    problem(api_of(acme, None).get(PATH), 401)
    for role in (Role.SITE_MANAGER, Role.VIEWER):
        problem(api_of(acme, role).get(PATH), 403)
    assert results(api_of(other).get(PATH, {"kind": "staff.staffmember"})) == []


def test_it_is_read_only(api: APIClient) -> None:
    for method in ("post", "patch", "delete", "put"):
        problem(getattr(api, method)(PATH, {}), 405)


def test_a_deletion_over_the_api_keeps_its_reason(api: APIClient, people: list[str]) -> None:
    person = StaffMember.objects.get(name="Person 1")
    answer = api.delete(f"{V1}/staff/{person.pk}/", headers={"X-Reason": "erasure request 7"})
    assert answer.status_code == 204
    seal()
    line = results(api.get(PATH, {"object": str(person.pk), "verb": "deleted"}))[0]
    assert (line["reason"], line["actor_label"]) == ("erasure request 7", "tenant_admin@acme.test")
