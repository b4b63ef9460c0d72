"""Logins and refusals: always noted, and never so many that they fill the disk."""

from collections.abc import Callable
from uuid import uuid4

import pytest
from django.core.cache import cache
from django.db import DatabaseError, connection, transaction
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from rest_framework.test import APIClient

from cameras.models import Camera
from tenants.audit import log_limits
from tenants.audit.activity import note
from tenants.audit.middleware import ActivityMiddleware
from tenants.events import credential_issued, credential_refused, credential_revoked
from tenants.models import Activity, Tenant, User, Verb
from tenants.rules import Role
from tests.conftest import PASSWORD

Log = Callable[..., list[Activity]]
ClientOf = Callable[..., Client]


def test_logging_in_and_out_is_noted(
    acme: Tenant, client_of: ClientOf, member_of: Callable[..., User], log: Log
) -> None:
    user, client = member_of(acme, Role.VIEWER), client_of(acme, None)
    client.post("/login/", {"username": user.email, "password": PASSWORD})
    client.post("/logout/")
    came, went = log(acme, verb__in=[Verb.LOGGED_IN, Verb.LOGGED_OUT])
    assert (came.verb, came.actor_label, came.address) == (Verb.LOGGED_IN, user.email, "127.0.0.1")
    assert (went.verb, went.actor_label) == (Verb.LOGGED_OUT, user.email)


def test_a_failed_login_is_noted_and_a_password_in_the_wrong_field_is_not(
    acme: Tenant, client_of: ClientOf, log: Log
) -> None:
    client = client_of(acme, None)
    client.post("/login/", {"username": "Eve@acme.test", "password": "guess"})
    client.post("/login/", {"username": "my secret password", "password": ""})
    client.post("/login/", {"username": "my secret password", "password": "x"})
    lines = log(acme, verb=Verb.LOGIN_FAILED)
    assert [line.object_label for line in lines] == ["eve@acme.test", ""]


def test_a_refusal_is_noted_although_the_request_is_rolled_back(acme: Tenant, log: Log) -> None:
    def refuse(request: HttpRequest) -> HttpResponse:
        try:
            with transaction.atomic():
                note(Verb.CREDENTIAL_REFUSED, kind="key", label="ft_abc", reason="revoked")
                note(Verb.EXPORTED, label="rolled back with the rest")
                raise ZeroDivisionError
        except ZeroDivisionError:
            return HttpResponse(status=401)

    request = RequestFactory().get("/", REMOTE_ADDR="192.0.2.1")
    request.tenant = acme  # type: ignore[attr-defined]
    ActivityMiddleware(refuse)(request)
    line = log(acme)[-1]
    assert (line.verb, line.object_label, line.reason) == (Verb.CREDENTIAL_REFUSED, "ft_abc", "revoked")
    assert line.address == "192.0.2.1"
    assert not log(acme, verb=Verb.EXPORTED)


@pytest.mark.parametrize("header", ["Bearer nonsense", "Api-Key ft_no_such"])
def test_a_token_that_is_refused_leaves_a_line(acme: Tenant, log: Log, header: str) -> None:
    answer = APIClient(SERVER_NAME="acme.localhost", HTTP_AUTHORIZATION=header).get("/api/v1/visits/")
    assert answer.status_code == 401
    line = log(acme)[-1]
    assert line.verb == Verb.CREDENTIAL_REFUSED
    assert "nonsense" not in str(line.__dict__)


def test_somebody_who_merely_has_no_token_is_no_news(acme: Tenant, log: Log) -> None:
    before = len(log(acme))
    assert APIClient(SERVER_NAME="acme.localhost").get("/api/v1/visits/").status_code == 401
    assert len(log(acme)) == before


def test_what_a_role_may_not_do_is_noted(acme: Tenant, client_of: ClientOf, log: Log) -> None:
    assert client_of(acme, Role.VIEWER).get("/activity/").status_code == 403
    line = log(acme)[-1]
    assert (line.verb, line.object_label) == (Verb.PERMISSION_DENIED, "activity")
    assert (line.actor_label, line.changes) == ("viewer@acme.test", {"method": "GET"})


def test_looking_for_what_is_not_there_is_noted(
    acme: Tenant, other: Tenant, client_of: ClientOf, camera: Camera, log: Log
) -> None:
    client = client_of(other)
    for wanted in (camera.pk, uuid4()):
        assert client.post(f"/cameras/{wanted}/start/").status_code == 404
        line = log(other)[-1]
        assert (line.verb, line.object_id) == (Verb.NOT_FOUND, str(wanted))
    before = len(log(other))
    assert client.get("/favicon-of-old.ico").status_code == 404
    assert len(log(other)) == before


def test_a_host_that_is_nobodys_is_noted_in_the_installations_log(db: None, log: Log) -> None:
    assert Client(SERVER_NAME="nobody.localhost").get("/").status_code == 404
    line = log(None)[-1]
    assert (line.verb, line.object_label, line.address) == (Verb.NOT_FOUND, "nobody.localhost", "127.0.0.1")


def test_the_same_refusal_is_one_line_a_minute_that_counts_the_others(acme: Tenant, log: Log) -> None:
    for _ in range(25):
        note(Verb.CREDENTIAL_REFUSED, kind="key", label="ft_abc")
    assert len(log(acme, verb=Verb.CREDENTIAL_REFUSED)) == 1
    cache.delete(
        f"refused.{log_limits._name(str(acme.pk), '', Verb.CREDENTIAL_REFUSED, 'key', '', 'ft_abc')}"
    )
    note(Verb.CREDENTIAL_REFUSED, kind="key", label="ft_abc")
    first, second = log(acme, verb=Verb.CREDENTIAL_REFUSED)
    assert (first.changes, second.changes) == ({}, {"refused_without_a_line": 24})


def test_refusals_that_all_differ_are_bounded_too(acme: Tenant, log: Log) -> None:
    for number in range(log_limits.AN_ADDRESS + 20):
        note(Verb.LOGIN_FAILED, label=f"{number}@acme.test")
    assert len(log(acme, verb=Verb.LOGIN_FAILED)) == log_limits.AN_ADDRESS


def test_signals_of_credentials_become_lines_of_their_tenant(
    acme: Tenant, other: Tenant, member_of: Callable[..., User], log: Log
) -> None:
    user = member_of(acme, Role.VIEWER)
    credential_issued.send(None, kind="access", tenant=acme, user=user.pk, family="f1", address="192.0.2.1")
    credential_revoked.send(None, kind="key", tenant=acme, key="k1", reason="lost")
    credential_refused.send(None, kind="refresh", tenant=None, name="jti-1", reason="unknown")
    issued, revoked = log(acme)[-2:]
    assert log(None)[-1].object_label == "jti-1"
    assert (issued.verb, issued.object_kind, issued.object_id) == (Verb.CREDENTIAL_ISSUED, "access", "f1")
    assert (revoked.verb, revoked.object_id, revoked.reason) == (Verb.CREDENTIAL_REVOKED, "k1", "lost")


def test_a_row_change_cannot_be_made_up(acme: Tenant) -> None:
    with pytest.raises(DatabaseError, match="triggers only"), transaction.atomic():
        note(Verb.DELETED, label="never happened")


def test_the_functions_behind_are_the_owners_alone(acme: Tenant) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT proname FROM pg_proc"
            " WHERE proname LIKE 'facetrack_%' AND prorettype <> 'trigger'::regtype"
            " AND has_function_privilege('public', oid, 'EXECUTE') ORDER BY 1"
        )
        assert [name for (name,) in cursor.fetchall()] == [
            "facetrack_active_tenant",
            "facetrack_brief",
            "facetrack_note",
        ]
