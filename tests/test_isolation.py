"""A customer's rows are invisible on another's host, whoever asks."""

from collections.abc import Callable

import pytest
from django.test import Client
from django_tenants.utils import tenant_context

from cameras.models import Camera
from tenants.models import Tenant, User
from tenants.queries import TenantMissing, active_tenant
from tenants.rules import Role
from visits.models import Sighting, Visit

REFUSED = [("/admin/", 302), ("/api/v1/visits/", 401), ("/admin/visits/visit/", 302)]
"""Whoever is no member is not even known here: pages ask for a login, the API for a token."""


def test_rows_of_one_tenant_are_not_in_the_other(
    acme: Tenant, other: Tenant, camera: Camera, make_visit: Callable[..., Sighting]
) -> None:
    make_visit(camera)
    assert Visit.objects.count() == 1
    with tenant_context(other):
        assert Visit.objects.count() == 0


def test_it_refuses_work_without_a_tenant(db: None) -> None:
    with pytest.raises(TenantMissing, match="no tenant is active"):
        active_tenant()


@pytest.mark.parametrize(("path", "status"), REFUSED)
def test_an_account_without_membership_is_nobody(
    acme: Tenant, outsider: User, client_of: Callable[..., Client], path: str, status: int
) -> None:
    assert client_of(acme, None, user=outsider).get(path).status_code == status


@pytest.mark.parametrize(("path", "status"), REFUSED)
def test_a_member_of_another_tenant_is_nobody(
    acme: Tenant,
    other: Tenant,
    member_of: Callable[[Tenant, Role], User],
    client_of: Callable[..., Client],
    path: str,
    status: int,
) -> None:
    stranger = member_of(other, Role.TENANT_ADMIN)
    assert client_of(acme, None, user=stranger).get(path).status_code == status


def test_an_unknown_host_is_nobody(db: None) -> None:
    answer = Client(SERVER_NAME="nobody.localhost").get("/")
    assert answer.status_code == 404
    assert b"acme" not in answer.content
