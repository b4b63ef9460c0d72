"""Who gets in: members of the host's tenant, and nobody else, whatever the page."""

from collections.abc import Callable
from uuid import uuid4

import pytest
from django.test import Client
from django_tenants.utils import tenant_context

from cameras.models import Camera
from staff.models import StaffMember
from tenants.models import Tenant, User
from tenants.rules import MEMBER_ROLES, Role
from tests.conftest import PASSWORD
from visits.models import Sighting, Visitor

ClientOf = Callable[..., Client]
PAGES = ["/", "/live/visits/?after=0", "/visits/", "/sightings/", "/visitors/", "/cameras/"]


@pytest.mark.parametrize("page", PAGES)
def test_a_stranger_is_sent_to_the_login_and_back(acme: Tenant, client_of: ClientOf, page: str) -> None:
    answer = client_of(acme, None).get(page)
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("/login/?next=/")


@pytest.mark.parametrize("page", PAGES)
def test_who_is_no_member_any_more_is_a_stranger(
    acme: Tenant, client_of: ClientOf, outsider: User, page: str
) -> None:
    answer = client_of(acme, None, user=outsider).get(page)
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("/login/?next=/")


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("role", MEMBER_ROLES)
def test_every_member_may_look(
    acme: Tenant, client_of: ClientOf, camera: Camera, page: str, role: Role
) -> None:
    assert client_of(acme, role).get(page).status_code == 200


def test_a_member_logs_in_by_e_mail(
    acme: Tenant, client_of: ClientOf, member_of: Callable[..., User]
) -> None:
    user, client = member_of(acme, Role.VIEWER), client_of(acme, None)
    page = client.get("/login/").content.decode()
    assert "acme" in page
    answer = client.post("/login/", {"username": user.email, "password": PASSWORD, "next": "/visitors/"})
    assert answer.headers["Location"] == "/visitors/"
    dashboard = client.get("/").content.decode()
    assert "acme" in dashboard
    assert user.email in dashboard
    client.post("/logout/")
    assert client.get("/").status_code == 302


def test_a_wrong_password_and_an_outsider_hear_the_same(
    acme: Tenant, client_of: ClientOf, outsider: User, member_of: Callable[..., User]
) -> None:
    def refusal(email: str, password: str) -> str:
        answer = client_of(acme, None).post("/login/", {"username": email, "password": password})
        text = answer.content.decode()
        assert answer.status_code == 200
        return text[text.index('role="alert"') :].partition("</div>")[0]

    member = member_of(acme, Role.VIEWER)
    assert refusal(member.email, "wrong") == refusal(outsider.email, PASSWORD)


def test_another_tenants_people_and_cameras_are_not_found(
    acme: Tenant,
    other: Tenant,
    client_of: ClientOf,
    camera: Camera,
    employee: StaffMember,
    make_visit: Callable[..., Sighting],
) -> None:
    visitor = make_visit(camera).visitor
    assert visitor is not None
    theirs = [
        ("get", f"/people/visitors/{visitor.pk}/"),
        ("post", f"/people/visitors/{visitor.pk}/"),
        ("post", f"/people/visitors/{visitor.pk}/forget/"),
        ("get", f"/people/staff/{employee.pk}/"),
        ("post", f"/cameras/{camera.pk}/start/"),
        ("post", f"/cameras/{camera.pk}/stop/"),
    ]
    stranger = client_of(other)
    for method, path in theirs:
        assert getattr(stranger, method)(path).status_code == 404, path
    with tenant_context(acme):
        assert Visitor.objects.filter(pk=visitor.pk).exists()
        camera.refresh_from_db()
        assert not camera.enabled
        assert client_of(acme).get(theirs[0][1]).status_code == 200


def test_another_tenant_sees_nothing_of_it(
    acme: Tenant, other: Tenant, client_of: ClientOf, camera: Camera, make_visit: Callable[..., Sighting]
) -> None:
    sighting = make_visit(camera)
    stranger = client_of(other)
    for page in PAGES:
        text = stranger.get(page).content.decode()
        assert str(sighting.visitor_id) not in text
        assert camera.name not in text


@pytest.mark.parametrize("kind", ["visitors", "staff"])
def test_an_unknown_person_is_not_found(acme: Tenant, client_of: ClientOf, kind: str) -> None:
    answer = client_of(acme).get(f"/people/{kind}/{uuid4()}/")
    assert answer.status_code == 404
    assert "does not exist" in answer.content.decode()
