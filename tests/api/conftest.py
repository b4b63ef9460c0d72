"""Clients of the API."""

from collections.abc import Callable

import pytest
from pytest_django import Settings
from rest_framework.test import APIClient

from tenants.models import Tenant, User
from tenants.rules import Role
from tests.api.answers import TOKEN
from tests.conftest import PASSWORD


@pytest.fixture(autouse=True)
def _quick(settings: Settings) -> None:
    """The real hasher takes a quarter of a second on purpose; WhiteNoise lists all static files."""
    settings.WHITENOISE_AUTOREFRESH = True
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def api_of(member_of: Callable[[Tenant, Role], User]) -> Callable[..., APIClient]:
    """A client on the tenant's host with a session of that role; nobody's session without a role."""

    def make(tenant: Tenant, role: Role | None = Role.TENANT_ADMIN, *, user: User | None = None) -> APIClient:
        client = APIClient(SERVER_NAME=f"{tenant.schema_name}.localhost")
        if user is None and role is not None:
            user = member_of(tenant, role)
        if user is not None:
            client.force_login(user)
        return client

    return make


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
