"""Two tenants full of canaries, inside the test's own transaction."""

from collections.abc import Iterator
from typing import Any

import pytest

from tenants.models import Tenant
from tests.probe.world import World, made_world, one_connection


@pytest.fixture
def world(acme: Tenant, other: Tenant, settings: Any) -> Iterator[World]:
    """`acme` is A, who tries; `other` is B."""
    settings.FACETRACK_THROTTLE = False  # attempts shall be refused for what they ask, not for how often
    settings.AXES_ENABLED = False
    with one_connection():
        yield made_world(acme, other)
