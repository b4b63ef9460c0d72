"""What somebody has shown is asked about again: whether it still opens what it opened."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import OperationalError
from django.utils import timezone
from rest_framework.test import APIClient

from tenants.access.rights import Access
from tenants.credentials.actions import create_key
from tenants.limits.slots import Kind, Slot
from tenants.models import Tenant, TokenFamily
from tenants.rules import Role
from tenants.web import access_recheck
from tenants.web.access_recheck import AccessRecheck, Ended, PresentedCredential, access_now
from tests.api.answers import TOKEN
from tests.conftest import PASSWORD

HOST = "acme.localhost"


@pytest.fixture
def token(
    acme: Tenant, client_of: Callable[..., APIClient], member_of: Callable[..., Any]
) -> PresentedCredential:
    """As a viewer of acme gets it."""
    login = {"email": member_of(acme, Role.VIEWER).email, "password": PASSWORD}
    answer = client_of(acme, None, kind=APIClient).post(TOKEN, login)
    return PresentedCredential(HOST, acme.pk, token=answer.json()["access"])


@pytest.fixture
def key(acme: Tenant) -> PresentedCredential:
    row, _ = create_key(tenant=acme, name="door", role=Role.VIEWER, scopes=("read",), by=None)
    return PresentedCredential(HOST, acme.pk, key=row.pk)


def test_a_token_counts_until_it_ends(token: PresentedCredential, monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(access_now(token), Access)
    later = timezone.now() + timedelta(minutes=6)
    with monkeypatch.context() as patched:
        patched.setattr("jwt.api_jwt.datetime", type("Clock", (), {"now": lambda tz: later}))
        assert access_now(token) is Ended.NOT_LOGGED_IN
    TokenFamily.objects.update(revoked_at=timezone.now())
    assert access_now(token) is Ended.NOT_LOGGED_IN


def test_another_tenants_host_knows_it_not(
    token: PresentedCredential, key: PresentedCredential, other: Tenant
) -> None:
    for shown in (token, key):
        assert isinstance(access_now(shown), Access)
        assert access_now(replace(shown, host="other.localhost")) is Ended.NO_TENANT
        assert access_now(replace(shown, host="other.localhost", tenant=other.pk)) is Ended.NOT_LOGGED_IN
    assert access_now(replace(key, key=uuid4())) is Ended.NOT_LOGGED_IN


def test_nothing_secret_is_in_its_representation(token: PresentedCredential) -> None:
    assert token.token not in repr(token)
    assert "cookie" not in repr(PresentedCredential(HOST, token.tenant, session="cookie"))


def test_what_it_takes_is_asked_as_well(acme: Tenant, key: PresentedCredential) -> None:
    access = access_now(key)
    assert isinstance(access, Access)
    slot = Slot(Kind.STREAM, acme.pk, "key.1")
    for permission, seen, ended in [
        ("cameras.view_camera", True, None),
        ("cameras.view_camera", False, Ended.CHANGED),
        ("tenants.export_activity", True, Ended.FORBIDDEN),
    ]:
        further: Callable[[Access], bool] = (lambda _: True) if seen else (lambda _: False)
        right = AccessRecheck(key, access, slot, permission=permission, further=further)
        assert right._look() is ended
    assert AccessRecheck(key, replace(access, role=Role.TENANT_ADMIN), slot)._look() is Ended.CHANGED
    assert AccessRecheck(key, replace(access, sites=frozenset()), slot)._look() is Ended.CHANGED


def test_where_nobody_can_tell_it_ends_after_a_while(
    acme: Tenant, key: PresentedCredential, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL's going away is played, and so is the clock."""
    access, now = access_now(key), [0.0]
    assert isinstance(access, Access)

    def away(_: PresentedCredential) -> None:
        raise OperationalError("gone")

    monkeypatch.setattr(access_recheck, "access_now", away)
    monkeypatch.setattr(access_recheck, "time", type("Clock", (), {"monotonic": lambda: now[0]}))
    right = AccessRecheck(key, access, Slot(Kind.STREAM, acme.pk, "key.1"))
    now[0] = 5.0
    assert right._look() is None
    now[0] = 10.1
    assert right._look() is Ended.CHANGED
