"""Members over the API: the same actions as on the page."""

import re
from collections.abc import Callable
from uuid import uuid4

from django.core.mail import EmailMessage
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from cameras.models import Camera
from tenants.actions import add_member
from tenants.isolation.context import installation
from tenants.models import Membership, Tenant, User
from tenants.rules import Role
from tests.api.answers import V1, problem, results

MEMBERS, INVITATIONS = f"{V1}/members/", f"{V1}/invitations/"


def test_a_member_is_changed_and_removed(api: APIClient, acme: Tenant, camera: Camera) -> None:
    add_member(tenant=acme, email="grace@acme.test", role=Role.SITE_MANAGER, sites=[camera.site_id])
    (row,) = results(api.get(f"{MEMBERS}?search=GRACE"))
    assert (row["email"], row["role"], row["sites"]) == (
        "grace@acme.test",
        "site_manager",
        [str(camera.site_id)],
    )
    assert [one["id"] for one in results(api.get(f"{MEMBERS}?role=site_manager"))] == [row["id"]]
    changed = api.patch(f"{MEMBERS}{row['id']}/", {"role": "viewer"}).json()
    assert (changed["role"], changed["sites"]) == ("viewer", [])
    assert api.delete(f"{MEMBERS}{row['id']}/").status_code == 204
    problem(api.get(f"{MEMBERS}{row['id']}/"), 404)


def test_inviting_makes_no_member(api: APIClient, camera: Camera, mailoutbox: list[EmailMessage]) -> None:
    body = {"email": "Grace@Acme.test", "role": "site_manager", "sites": [str(camera.site_id)]}
    made = api.post(MEMBERS, body)
    assert made.status_code == 201, made.content
    row = made.json()
    assert (row["email"], row["role"], row["sites"]) == ("grace@acme.test", body["role"], body["sites"])
    assert results(api.get(f"{MEMBERS}?search=grace")) == []
    assert [one["id"] for one in results(api.get(f"{INVITATIONS}?search=GRACE"))] == [row["id"]]
    assert results(api.get(f"{INVITATIONS}?search=ada")) == []
    assert api.get(f"{INVITATIONS}{row['id']}/").json() == row
    again = api.post(f"{INVITATIONS}{row['id']}/again/")
    assert again.status_code == 200
    assert again.json()["expires_at"] > row["expires_at"]
    links = {re.findall(r"/invitation/[\w-]+/", str(mail.body))[0] for mail in mailoutbox}
    assert len(links) == 2
    assert not any(link.split("/")[2] in again.content.decode() for link in links)
    assert api.delete(f"{INVITATIONS}{row['id']}/").status_code == 204
    problem(api.get(f"{INVITATIONS}{row['id']}/"), 404)
    assert Membership.objects.count() == 1


def test_nobody_learns_who_has_an_account(
    api: APIClient,
    other: Tenant,
    outsider: User,
    member_of: Callable[..., User],
    mailoutbox: list[EmailMessage],
) -> None:
    """A member elsewhere, an account without any, one that runs the installation, a deactivated one, none."""
    member_of(other, Role.VIEWER)
    with installation():
        User.objects.filter(email="viewer@other.test").update(name="Vera Somebody")
        User.objects.create_superuser("root@installation.test", "x", name="Root Somebody")
        User.objects.create_user("gone@acme.test", "x", is_active=False)
    emails = [
        "viewer@other.test",
        outsider.email,
        "root@installation.test",
        "gone@acme.test",
        "new@acme.test",
    ]
    answers, queries = set(), set()
    for email in emails:
        with CaptureQueriesContext(connection) as asked:
            answer = api.post(MEMBERS, {"email": email, "role": "viewer"})
        queries.add(len(asked))
        answers.add((answer.status_code, _alike(answer.content.decode(), email)))
        problem(api.post(MEMBERS, {"email": email, "role": "viewer"}), 409, field="email")
    assert len(answers) == 1, answers
    assert len(queries) == 1, "it takes as long for one as for the other"
    assert "Somebody" not in str(answers)
    assert [mail.to for mail in mailoutbox] == [[email] for email in emails]
    assert len({_alike(str(mail.body), mail.to[0]) for mail in mailoutbox}) == 1


def test_an_address_has_one_spelling(api: APIClient) -> None:
    """Some letters are another's capital: the database would take one mailbox for another."""
    assert (
        api.post(MEMBERS, {"email": "\u212aate@Acme.test", "role": "viewer"}).json()["email"]
        == "kate@acme.test"
    )
    for email in ("kate@acme.test", "KATE@ACME.TEST", " kate@acme.test "):
        problem(api.post(MEMBERS, {"email": email, "role": "viewer"}), 409, field="email")
    problem(api.post(MEMBERS, {"email": "m\u0131ke@acme.test", "role": "viewer"}), 400, field="email")


def _alike(text: str, email: str) -> str:
    """Without what differs between any two invitations."""
    text = text.replace(email, "<email>")
    return re.sub(r"/invitation/[\w-]+/|[0-9a-f-]{36}|\d{4}-\d\d-\d\dT[\d:.Z+]+", "<own>", text)


def test_what_cannot_be_is_refused(api: APIClient, camera: Camera) -> None:
    me = str(Membership.objects.get().pk)
    problem(api.post(MEMBERS, {"email": "a@b.test"}), 400, field="role")
    problem(api.post(MEMBERS, {"email": "a@b.test", "role": "system_admin"}), 400, field="role")
    problem(api.post(MEMBERS, {"email": "a@b.test", "role": "site_manager"}), 400, field="sites")
    foreign = {"email": "a@b.test", "role": "site_manager", "sites": [str(uuid4())]}
    problem(api.post(MEMBERS, foreign), 400, field="sites")
    problem(api.post(MEMBERS, {"email": "a", "role": "viewer"}), 400, field="email")
    problem(api.patch(f"{MEMBERS}{me}/", {"role": "viewer"}), 409)
    problem(api.delete(f"{MEMBERS}{me}/"), 409)
    assert Membership.objects.get().role == "tenant_admin"


def test_members_of_another_customer_are_not_there(
    api: APIClient, other: Tenant, member_of: Callable[[Tenant, Role], User]
) -> None:
    user = member_of(other, Role.VIEWER)
    assert user.email not in api.get(MEMBERS).content.decode()
