"""Clients of the API."""

from collections.abc import Callable
from functools import partial

import pytest
from rest_framework.test import APIClient

from tenants.models import Tenant, User
from tenants.rules import Role
from tests.api.answers import TOKEN
from tests.conftest import PASSWORD


@pytest.fixture
def api_of(client_of: Callable[..., APIClient]) -> Callable[..., APIClient]:
    """A client on the tenant's host with a session of that role; nobody's session without a role."""
    return partial(client_of, kind=APIClient)


@pytest.fixture
def api(acme: Tenant, api_of: Callable[..., APIClient]) -> APIClient:
    """An administrator of acme."""
    return api_of(acme)


@pytest.fixture
def nobody(acme: Tenant, api_of: Callable[..., APIClient]) -> APIClient:
    """Somebody on acme's host who is not logged in."""
    return api_of(acme, None)


@pytest.fixture
def tokens_of(
    member_of: Callable[[Tenant, Role], User], api_of: Callable[..., APIClient]
) -> Callable[..., dict[str, str]]:
    """The pair of tokens that a member gets for their password."""

    def make(tenant: Tenant, role: Role = Role.TENANT_ADMIN) -> dict[str, str]:
        email = member_of(tenant, role).email
        answer = api_of(tenant, None).post(TOKEN, {"email": email, "password": PASSWORD})
        assert answer.status_code == 200, answer.content
        return dict(answer.json())

    return make
