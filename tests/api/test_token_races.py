"""What happens to a login between the look at it and the change: by another request or connection."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connections
from django.utils import timezone
from pytest_django.plugin import DjangoDbBlocker
from rest_framework.test import APIClient

from tenants.actions import add_member
from tenants.credentials import queries
from tenants.isolation.context import installation
from tenants.models import Membership, Tenant, TokenFamily, User
from tenants.rules import Role
from tests.api.answers import REFRESH, TOKEN, V1, bearer
from tests.conftest import PASSWORD

EMAIL = "races@acme.test"


@pytest.fixture
def committed(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[dict[str, str]]:
    """The tokens of a member whom every connection sees; gone afterwards."""
    with django_db_blocker.unblock():
        with installation():
            acme = Tenant.objects.get(schema_name="acme")
        try:
            add_member(tenant=acme, email=EMAIL, role=Role.VIEWER, password=PASSWORD)
            login = {"email": EMAIL, "password": PASSWORD}
            yield APIClient(SERVER_NAME="acme.localhost").post(TOKEN, login).json()
        finally:
            with installation():
                TokenFamily.objects.filter(user__email=EMAIL).delete()
                Membership.objects.filter(user__email=EMAIL).delete()
                rows = User.objects.filter(email=EMAIL)
                rows._raw_delete(rows.db)  # what tenants keep of an account has no tables out here


def test_exactly_one_of_two_gets_a_pair_and_the_other_ends_the_family(
    committed: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    both_have_looked, answers = threading.Barrier(2, timeout=20), []
    look = queries.token_access

    def looked(*args: Any) -> Any:
        found = look(*args)
        both_have_looked.wait()
        return found

    def refresh() -> None:
        try:
            host = APIClient(SERVER_NAME="acme.localhost")
            answers.append(host.post(REFRESH, {"refresh": committed["refresh"]}))
        finally:
            connections.close_all()

    monkeypatch.setattr("tenants.credentials.actions.families.token_access", looked)
    both = [threading.Thread(target=refresh) for _ in "12"]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
    assert sorted(answer.status_code for answer in answers) == [200, 401]
    monkeypatch.undo()
    with installation():
        assert TokenFamily.objects.get(user__email=EMAIL).reason == "reuse"
    (won,) = (answer.json() for answer in answers if answer.status_code == 200)
    for token in (won["access"], committed["access"]):
        assert bearer("acme.localhost", token).get(f"{V1}/sites/").status_code == 401


def test_a_login_that_ends_meanwhile_gives_no_pair(
    acme: Tenant, tokens_of: Callable[..., dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    pair, look = tokens_of(acme), queries.token_access

    def looked(*args: Any) -> Any:
        found = look(*args)
        TokenFamily.objects.update(revoked_at=timezone.now(), reason=TokenFamily.Reason.LOGOUT)
        return found

    monkeypatch.setattr("tenants.credentials.actions.families.token_access", looked)
    host = APIClient(SERVER_NAME="acme.localhost")
    assert host.post(REFRESH, {"refresh": pair["refresh"]}).status_code == 401
    assert TokenFamily.objects.get().reason == "logout"
