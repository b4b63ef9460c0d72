"""Support access: granted by the customer for some hours, seen on every page, and over by itself."""

from collections.abc import Callable
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import DatabaseError, transaction
from django.test import Client
from django.utils import timezone

from cameras.models import Camera
from tenants.isolation.context import installation
from tenants.models import SupportAccess, Tenant, User
from tenants.rules import Role
from tests.conftest import PASSWORD

ClientOf = Callable[..., Client]
FORM = {"email": "root@installation.test", "reason": "Ticket 12: no pictures", "hours": "2"}


@pytest.fixture
def root(db: None) -> User:
    with installation():
        return User.objects.create_superuser("root@installation.test", PASSWORD)


@pytest.fixture
def admin(acme: Tenant, root: User, client_of: ClientOf) -> Client:
    return client_of(acme)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[timedelta], None]:
    """Moves the time that rights are judged by; sessions have limits of their own."""

    def move(by: timedelta) -> None:
        def later() -> datetime:
            return timezone.now() + by

        monkeypatch.setattr("tenants.access.rights.timezone", SimpleNamespace(now=later))

    return move


def test_it_lets_somebody_look_and_nothing_else(
    admin: Client, acme: Tenant, root: User, client_of: ClientOf, camera: Camera, make_visit: Any
) -> None:
    visitor = make_visit(camera).visitor_id
    granted = " ".join(admin.post("/support/", FORM, follow=True).content.decode().split())
    assert "root@installation.test now has read-only access." in granted
    assert "Ticket 12: no pictures" in granted
    assert "by tenant_admin@acme.test" in granted
    supporter = client_of(acme, None, user=root)
    for page in ("/", "/visits/", f"/people/visitors/{visitor}/", "/admin/", "/admin/visits/visit/"):
        answer = supporter.get(page)
        assert answer.status_code == 200, page
        assert "Read-only support access to acme" in answer.content.decode(), page
    assert supporter.post(f"/people/visitors/{visitor}/", {"name": "Mine"}).status_code == 403
    assert supporter.post(f"/cameras/{camera.pk}/start/").status_code == 403
    assert supporter.get("/members/").status_code == 403
    assert "Read-only support access to" not in admin.get("/").content.decode()


def test_it_ends_by_itself(
    admin: Client,
    acme: Tenant,
    root: User,
    client_of: ClientOf,
    clock: Callable[[timedelta], None],
    settings: Any,
) -> None:
    settings.SESSION_COOKIE_AGE = 24 * 3600  # it is not the session that ends
    admin.post("/support/", FORM)
    supporter = client_of(acme, None, user=root)
    clock(timedelta(minutes=119))
    assert supporter.get("/").status_code == 200
    clock(timedelta(minutes=121))
    assert supporter.get("/").status_code == 403
    assert supporter.get("/api/v1/visits/").status_code == 403


def test_it_is_revoked(admin: Client, acme: Tenant, root: User, client_of: ClientOf) -> None:
    admin.post("/support/", FORM)
    supporter, support = client_of(acme, None, user=root), SupportAccess.objects.get()
    assert supporter.get("/").status_code == 200
    assert ">active</span>" in admin.get("/support/").content.decode()
    told = admin.post(f"/support/{support.pk}/revoke/", follow=True).content.decode()
    assert "has ended" in told
    assert "End now" not in told
    assert "Ticket 12" in told  # the record stays
    assert supporter.get("/").status_code == 403


def test_it_is_for_one_tenant(
    admin: Client, acme: Tenant, other: Tenant, root: User, client_of: ClientOf
) -> None:
    admin.post("/support/", FORM)
    assert client_of(other, None, user=root).get("/").status_code in (302, 403)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"reason": " "}, "This field is required"),
        ({"reason": "x" * 301}, "at most 300 characters"),
        ({"hours": "9"}, "Select a valid choice"),
        ({"hours": "0"}, "Select a valid choice"),
        ({"email": "nobody@installation.test"}, "No operator of FaceTrack has this e-mail"),
        ({"email": "tenant_admin@other.test"}, "No operator of FaceTrack has this e-mail"),
    ],
)
def test_what_cannot_be_granted_is_refused(
    admin: Client, other: Tenant, member_of: Any, change: dict[str, str], words: str
) -> None:
    member_of(other, Role.TENANT_ADMIN)
    answer = admin.post("/support/", FORM | change)
    assert answer.status_code == 200
    assert words in answer.content.decode()
    assert not SupportAccess.objects.exists()


def test_the_database_keeps_it_to_hours_and_to_the_customer(admin: Client, acme: Tenant, root: User) -> None:
    """Whatever the application thinks: no long ones, none made by the installation, none forgotten."""
    now = timezone.now()
    row = {"tenant": acme, "user": root, "reason": "x", "created_at": now}
    with pytest.raises(DatabaseError, match="support_ends_within_hours"), transaction.atomic():
        SupportAccess.objects.create(**row, expires_at=now + timedelta(hours=9))
    with installation(), pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
        SupportAccess.objects.create(**row, expires_at=now + timedelta(hours=1))
    admin.post("/support/", FORM)
    with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
        SupportAccess.objects.all().delete()


def test_an_empty_list_says_so_and_a_search_finds(admin: Client) -> None:
    assert "Grants are listed here" in admin.get("/support/").content.decode()
    admin.post("/support/", FORM)
    assert "Ticket 12" in admin.get("/support/?q=ROOT").content.decode()
    assert "Ticket 12" not in admin.get("/support/?q=somebody").content.decode()


def test_the_supporter_enters_from_the_installations_host(admin: Client, acme: Tenant, root: User) -> None:
    client = Client(SERVER_NAME="localhost")
    with installation():
        client.force_login(root)
    assert "No other customer" in client.get("/switch/").content.decode()
    admin.post("/support/", FORM)
    assert "acme" in client.get("/switch/").content.decode()
    assert "granted you support access" in client.get("/admin/").content.decode()
