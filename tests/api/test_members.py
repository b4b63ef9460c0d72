"""Members over the API: the same actions as on the page."""

from collections.abc import Callable
from uuid import uuid4

from rest_framework.test import APIClient

from cameras.models import Camera
from tenants.models import Membership, Tenant, User
from tenants.rules import Role
from tests.api.answers import V1, problem, results

MEMBERS = f"{V1}/members/"


def test_a_member_is_invited_changed_and_removed(api: APIClient, camera: Camera) -> None:
    body = {"email": "grace@acme.test", "role": "site_manager", "sites": [str(camera.site_id)]}
    made = api.post(MEMBERS, body)
    assert made.status_code == 201, made.content
    row = made.json()
    assert (row["email"], row["role"], row["sites"]) == (body["email"], body["role"], body["sites"])
    assert [one["email"] for one in results(api.get(f"{MEMBERS}?search=GRACE"))] == ["grace@acme.test"]
    assert [one["id"] for one in results(api.get(f"{MEMBERS}?role=site_manager"))] == [row["id"]]
    changed = api.patch(f"{MEMBERS}{row['id']}/", {"role": "viewer"}).json()
    assert (changed["role"], changed["sites"]) == ("viewer", [])
    assert api.delete(f"{MEMBERS}{row['id']}/").status_code == 204
    problem(api.get(f"{MEMBERS}{row['id']}/"), 404)


def test_what_cannot_be_is_refused(api: APIClient, camera: Camera) -> None:
    me = str(Membership.objects.get().pk)
    problem(api.post(MEMBERS, {"email": "a@b.test"}), 400, field="role")
    problem(api.post(MEMBERS, {"email": "a@b.test", "role": "system_admin"}), 400, field="role")
    problem(api.post(MEMBERS, {"email": "a@b.test", "role": "site_manager"}), 400, field="sites")
    foreign = {"email": "a@b.test", "role": "site_manager", "sites": [str(uuid4())]}
    problem(api.post(MEMBERS, foreign), 400, field="sites")
    problem(api.post(MEMBERS, {"email": "a", "role": "viewer"}), 400, field="email")
    problem(api.patch(f"{MEMBERS}{me}/", {"role": "viewer"}), 400)
    problem(api.delete(f"{MEMBERS}{me}/"), 409)
    assert Membership.objects.get().role == "tenant_admin"


def test_members_of_another_customer_are_not_there(
    api: APIClient, other: Tenant, member_of: Callable[[Tenant, Role], User]
) -> None:
    user = member_of(other, Role.VIEWER)
    assert user.email not in api.get(MEMBERS).content.decode()
