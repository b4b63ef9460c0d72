"""One table of what each role may do, held against every kind of surface."""

from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from cameras.models import Camera
from tenants.access.rights import Access
from tenants.actions import grant_support
from tenants.isolation.context import installation
from tenants.models import Tenant, User
from tenants.rules import PERMISSIONS, Role, has_any, may
from tests.conftest import log_in
from visits.models import Sighting

ADMINISTRATION = (
    "tenants.manage_members",
    "tenants.manage_keys",
    "tenants.grant_support",
    "tenants.export_activity",
    "tenants.change_settings",
)
# permission, and who has it: administrator, site manager, viewer, worker, system_admin
TABLE = [
    ("cameras.view_camera", "AMV--"),
    ("tenants.view_activity", "A---S"),  # each of their own log only
    ("cameras.change_camera", "AM---"),
    ("cameras.add_camera", "A----"),
    ("cameras.delete_site", "A----"),
    ("staff.view_staffmember", "AMV--"),
    ("staff.change_staffmember", "AM---"),
    ("staff.add_faceimage", "A----"),
    ("visits.view_sighting", "AMV--"),
    ("visits.change_visitor", "AM---"),
    ("visits.delete_visitor", "A----"),
    *((permission, "A----") for permission in ADMINISTRATION),
    ("tenants.change_tenant", "----S"),
    ("tenants.view_user", "----S"),
    ("workers.run_cameras", "---W-"),
    ("workers.report_state", "---W-"),
    ("workers.view_worker", "A---S"),
    ("auth.view_group", "-----"),
    ("nonsense", "-----"),
    ("", "-----"),
]
COLUMNS = (Role.TENANT_ADMIN, Role.SITE_MANAGER, Role.VIEWER, Role.WORKER, Role.SYSTEM_ADMIN)


@pytest.mark.parametrize(("permission", "whose"), TABLE)
def test_the_table(permission: str, whose: str) -> None:
    assert [may(role, permission) for role in COLUMNS] == [mark != "-" for mark in whose]


def test_every_role_has_a_line() -> None:
    assert set(PERMISSIONS) == set(Role)
    assert [role for role in Role if has_any(role, "visits")] == list(COLUMNS[:3])


# method, address, and what each hears: administrator, site manager, viewer, support, system_admin, stranger
SURFACES = [
    ("get", "/", 200, 200, 200, 200, 302, 302),
    ("get", "/visits/", 200, 200, 200, 200, 302, 302),
    ("get", "/people/visitors/{visitor}/", 200, 200, 200, 200, 302, 302),
    ("post", "/people/visitors/{visitor}/", 302, 302, 403, 403, 302, 302),
    ("get", "/people/visitors/{visitor}/forget/", 200, 403, 403, 403, 302, 302),
    ("post", "/cameras/{camera}/start/", 200, 200, 403, 403, 302, 302),
    ("get", "/members/", 200, 403, 403, 403, 302, 302),
    ("post", "/members/", 200, 403, 403, 403, 302, 302),
    ("get", "/support/", 200, 403, 403, 403, 302, 302),
    ("get", "/switch/", 200, 200, 200, 200, 302, 302),
    ("get", "/admin/", 200, 200, 200, 200, 302, 302),
    ("get", "/admin/visits/visit/", 200, 200, 200, 200, 302, 302),
    ("get", "/admin/cameras/camera/{camera}/change/", 200, 200, 200, 200, 302, 302),
    ("post", "/admin/cameras/camera/{camera}/change/", 200, 200, 403, 403, 302, 302),
    ("get", "/admin/cameras/camera/add/", 200, 403, 403, 403, 302, 302),
    ("get", "/admin/cameras/camera/{camera}/delete/", 200, 403, 403, 403, 302, 302),
    ("get", "/api/v1/visits/", 200, 200, 200, 200, 401, 401),
    ("get", "/api/v1/cameras/{camera}/", 200, 200, 200, 200, 401, 401),
    ("patch", "/api/v1/cameras/{camera}/", 200, 200, 403, 403, 401, 401),
    ("post", "/api/v1/cameras/{camera}/stop/", 200, 200, 403, 403, 401, 401),
    ("post", "/api/v1/sites/", 400, 403, 403, 403, 401, 401),
    ("delete", "/api/v1/visitors/{visitor}/", 204, 403, 403, 403, 401, 401),
    ("get", "/api/v1/members/", 200, 403, 403, 403, 401, 401),
    ("post", "/api/v1/members/", 400, 403, 403, 403, 401, 401),
    ("get", "/api/v1/schema/", 200, 200, 200, 200, 401, 401),
]


WHY = {"X-Reason": "a test"}
"""Deleting asks for it."""


@pytest.fixture
def system_admin(db: None) -> User:
    with installation():
        return User.objects.create_superuser("root@installation.test")


@pytest.fixture
def people(
    acme: Tenant, camera: Camera, client_of: Callable[..., APIClient], system_admin: User
) -> Callable[[], list[APIClient]]:
    """Administrator, site manager, viewer, supporter, system_admin without leave, stranger."""

    def come() -> list[APIClient]:
        roles = [Role.TENANT_ADMIN, Role.SITE_MANAGER, Role.VIEWER]
        clients = [client_of(acme, role, kind=APIClient) for role in roles]
        grant_support(
            access=Access(tenant=acme, role=Role.TENANT_ADMIN),
            email=system_admin.email,
            reason="a ticket",
            hours=1,
            now=timezone.now(),
        )
        supporter = client_of(acme, None, user=system_admin, kind=APIClient)
        with installation():
            nobody = User.objects.create_superuser("other-root@installation.test")
        outside = client_of(acme, None, kind=APIClient)
        log_in(outside, nobody, acme)
        return [*clients, supporter, outside, client_of(acme, None, kind=APIClient)]

    return come


@pytest.mark.parametrize(("method", "address", "answers"), [(one[0], one[1], one[2:]) for one in SURFACES])
def test_every_surface_reads_it(
    people: Callable[[], list[APIClient]],
    camera: Camera,
    make_visit: Callable[..., Sighting],
    method: str,
    address: str,
    answers: tuple[int, ...],
) -> None:
    for client, expected in zip(people(), answers, strict=True):
        path = address.format(camera=camera.pk, visitor=make_visit(camera).visitor_id)
        form = "json" if "/api/" in path or method == "get" else "multipart"
        assert getattr(client, method)(path, {}, format=form, headers=WHY).status_code == expected


def test_a_superuser_is_nobody_in_a_tenant(acme: Tenant, system_admin: User) -> None:
    """Django lets superusers do everything; here only the role counts."""
    assert not system_admin.has_perm("visits.view_visit")
    assert not system_admin.has_perm("tenants.manage_members")
    assert not system_admin.has_module_perms("visits")


def test_who_runs_the_installation_is_a_member_nowhere(acme: Tenant, system_admin: User) -> None:
    """Not even where a membership was made: by the public host's admin, or before."""
    from tenants.access.rights import member_access
    from tenants.models import Membership

    with installation():
        Membership.objects.create(tenant=acme, user=system_admin, role=Role.TENANT_ADMIN)
    assert member_access(system_admin, acme) is None
    client = Client(SERVER_NAME="acme.localhost")
    log_in(client, system_admin, acme)
    answer = client.get("/")
    assert answer.status_code == 403
    assert "grant you support access" in answer.content.decode()
    assert client.get(f"/people/visitors/{uuid4()}/").status_code == 403


def test_support_is_over_when_its_hours_are(acme: Tenant, system_admin: User) -> None:
    from tenants.access.rights import member_access

    admin, long_ago = Access(tenant=acme, role=Role.TENANT_ADMIN), timezone.now() - timedelta(hours=3)
    grant_support(access=admin, email=system_admin.email, reason="a ticket", hours=2, now=long_ago)
    assert member_access(system_admin, acme) is None
    grant_support(access=admin, email=system_admin.email, reason="a ticket", hours=4, now=long_ago)
    access = member_access(system_admin, acme)
    assert access
    assert (access.way, access.role, access.until) == ("support", Role.VIEWER, long_ago + timedelta(hours=4))
