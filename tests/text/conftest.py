"""Clients for tests about text and days."""

from collections.abc import Callable

import pytest
from django.test import Client

from tenants.models import Tenant


@pytest.fixture
def browser(acme: Tenant, client_of: Callable[..., Client]) -> Client:
    """An administrator of acme, for pages and the API."""
    return client_of(acme)
