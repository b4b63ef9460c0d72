"""Members: given roles and sites, removed; never so that nobody is left to do it."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from cameras.models import Camera, Site
from tenants.access.rights import Access
from tenants.actions import add_member, remove_member
from tenants.isolation.context import installation
from tenants.models import Invitation, Membership, Tenant, User
from tenants.rules import Role

ClientOf = Callable[..., Client]


@pytest.fixture
def admin(acme: Tenant, client_of: ClientOf) -> Client:
    return client_of(acme)


@pytest.fixture
def site(camera: Camera) -> Site:
    return camera.site


def member(email: str) -> Membership:
    return Membership.objects.select_related("user").get(user__email=email)


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"email": "no e-mail", "role": "viewer"}, "valid email address"),
        ({"email": "a@b.test", "role": "system_admin"}, "Select a valid choice"),
        ({"email": "a@b.test", "role": "worker"}, "Select a valid choice"),
        ({"email": "a@b.test", "role": "site_manager"}, "needs at least one site"),
        ({"email": "a@b.test", "role": "site_manager", "sites": [str(uuid4())]}, "Select a valid choice"),
        ({"email": "tenant_admin@acme.test", "role": "viewer"}, "is already a member"),
        ({"email": "x" * 250 + "@b.test", "role": "viewer"}, "at most 254"),
        ({"email": "m\u0131ke@b.test", "role": "viewer"}, "without accents"),
    ],
)
def test_an_invitation_that_cannot_be_is_refused(
    admin: Client, site: Site, form: dict[str, Any], words: str
) -> None:
    answer = admin.post("/members/", form)
    assert answer.status_code == 200
    assert words in answer.content.decode()
    assert Membership.objects.count() == 1
    assert not Invitation.objects.exists()


def test_a_role_is_changed_and_takes_effect_at_once(
    admin: Client, acme: Tenant, client_of: ClientOf, site: Site
) -> None:
    viewer = client_of(acme, Role.VIEWER)
    row = member("viewer@acme.test")
    assert "Polaris" not in admin.get(f"/members/{row.pk}/").content.decode()
    assert viewer.get("/members/").status_code == 403
    admin.post(f"/members/{row.pk}/", {"role": "tenant_admin"})
    assert viewer.get("/members/").status_code == 200
    admin.post(f"/members/{row.pk}/", {"role": "site_manager", "sites": [str(site.pk)]})
    assert viewer.get("/members/").status_code == 403
    assert site.name in viewer.get("/cameras/").content.decode()
    admin.post(f"/members/{row.pk}/", {"role": "viewer", "sites": [str(site.pk)]})
    assert member("viewer@acme.test").sites == []


def test_a_member_is_removed_and_out_at_once(admin: Client, acme: Tenant, client_of: ClientOf) -> None:
    viewer = client_of(acme, Role.VIEWER)
    row = member("viewer@acme.test")
    assert "Remove viewer@acme.test?" in admin.get(f"/members/{row.pk}/remove/").content.decode()
    assert viewer.get("/").status_code == 200
    admin.post(f"/members/{row.pk}/remove/")
    assert viewer.get("/").status_code == 302
    with installation():
        assert User.objects.filter(email="viewer@acme.test").exists()


def test_nobody_takes_their_own_rights_away(admin: Client, acme: Tenant) -> None:
    add_member(tenant=acme, email="second@acme.test", role=Role.TENANT_ADMIN)
    row = member("tenant_admin@acme.test")
    for path, form in ((f"/members/{row.pk}/", {"role": "viewer"}), (f"/members/{row.pk}/remove/", {})):
        answer = admin.post(path, form)
        assert answer.status_code == 200
        assert "Ask another administrator to do it" in answer.content.decode()
    assert member("tenant_admin@acme.test").role == "tenant_admin"


def test_the_last_administrator_stays_whoever_asks(acme: Tenant, member_of: Callable[..., User]) -> None:
    from django.core.exceptions import ValidationError

    member_of(acme, Role.TENANT_ADMIN)
    key = Access(tenant=acme, role=Role.TENANT_ADMIN, way="key")
    with pytest.raises(ValidationError, match="last administrator"):
        remove_member(access=key, member=member("tenant_admin@acme.test"))
    assert Membership.objects.count() == 1


def test_members_are_found_and_paged(admin: Client, acme: Tenant) -> None:
    for number in range(55):
        add_member(tenant=acme, email=f"m{number:02}@acme.test", role=Role.VIEWER)
    text = admin.get("/members/").content.decode()
    assert "56 members" in text
    assert "Page 1 of 2" in text
    assert "m54@acme.test" not in text
    part = admin.get("/members/", {"q": "M54"}, headers={"HX-Request": "true"}).content.decode()
    assert "m54@acme.test" in part
    assert "<html" not in part
    assert "No members found" in admin.get("/members/", {"q": "nobody"}).content.decode()


def test_members_of_another_customer_are_like_nobody(
    admin: Client, other: Tenant, member_of: Callable[..., User]
) -> None:
    user = member_of(other, Role.VIEWER)
    with installation():
        foreign = Membership.objects.get(user=user)
    for path in ("/members/{}/", "/members/{}/remove/"):
        answers = [admin.post(path.format(pk), {"role": "viewer"}) for pk in (foreign.pk, uuid4())]
        assert [answer.status_code for answer in answers] == [404, 404]
        assert answers[0].content == answers[1].content
    with installation():
        assert Membership.objects.filter(pk=foreign.pk).exists()
    assert user.email not in admin.get("/members/").content.decode()
