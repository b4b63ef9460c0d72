"""What PostgreSQL itself refuses: SQL of one tenant that reaches for another's rows, however written."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any, cast

import psycopg
import pytest
from django.apps import apps
from django.conf import settings
from django.core.checks import run_checks
from django.db import connection, transaction
from django.db.models import Model
from django.db.utils import DatabaseError, ProgrammingError
from django.test.utils import CaptureQueriesContext
from django_tenants.utils import schema_context, tenant_context

from tenants.isolation import policies
from tenants.isolation.backend.base import NotATenant, tenant_role
from tenants.isolation.backend.server import UnsafeServer, require_safe_server
from tenants.isolation.context import inside, installation
from tenants.isolation.owner import as_owner
from tenants.isolation.policies import RULES, label_of, shared_models
from tenants.models import Membership, Tenant, User
from tenants.rules import Role

TENANT_MODELS = [
    model
    for model in apps.get_models(include_auto_created=True)
    if apps.get_app_config(model._meta.app_label).name in settings.TENANT_APPS
]
WITH_TENANT = [
    model for model in shared_models() if any(f.column == "tenant_id" for f in model._meta.local_fields)
]


def ask(statement: str, *values: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchall() if cursor.description else []


def current_user() -> str:
    return str(ask("SELECT current_user")[0][0])


@pytest.mark.parametrize("model", TENANT_MODELS, ids=label_of)
def test_another_schema_is_closed(acme: Tenant, other: Tenant, model: type[Model]) -> None:
    table = model._meta.db_table
    for verb in ("SELECT * FROM other.{}", "DELETE FROM other.{}", "INSERT INTO other.{} DEFAULT VALUES"):
        with (
            pytest.raises(ProgrammingError, match="permission denied for schema other"),
            transaction.atomic(),
        ):
            ask(verb.format(table))
    assert ask(f"SELECT count(*) >= 0 FROM acme.{table}") == [(True,)]  # noqa: S608  a name of ours


@pytest.mark.parametrize("model", TENANT_MODELS, ids=label_of)
def test_the_installation_sees_nobodys_people(acme: Tenant, model: type[Model]) -> None:
    with installation(), pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
        ask(f"SELECT * FROM acme.{model._meta.db_table}")  # noqa: S608


@pytest.mark.parametrize("model", WITH_TENANT, ids=label_of)
def test_rows_of_others_in_shared_tables_are_not_there(
    acme: Tenant, other: Tenant, member_of: Callable[[Tenant, Role], User], model: type[Model]
) -> None:
    member_of(other, Role.VIEWER)
    if not RULES[label_of(model)].rights:
        return
    table = model._meta.db_table
    count = f"SELECT count(*) FROM {table} WHERE tenant_id IS DISTINCT FROM %s"  # noqa: S608
    assert ask(count, acme.pk) == [(0,)]
    ask("SELECT set_config('app.tenant_id', %s, true)", str(other.pk))  # as injected SQL could
    assert ask(f"SELECT count(*) FROM {table}") == [(0,)]  # noqa: S608


def test_people_who_are_no_members_are_not_there(acme: Tenant, other: Tenant, member_of: Any) -> None:
    mine, theirs = member_of(acme, Role.VIEWER), member_of(other, Role.VIEWER)
    assert list(User.objects.values_list("pk", flat=True)) == [mine.pk]
    with tenant_context(other):
        assert list(User.objects.values_list("pk", flat=True)) == [theirs.pk]
    with installation():
        assert User.objects.filter(pk__in=[mine.pk, theirs.pk]).count() == 2


def test_no_tenant_makes_a_member(acme: Tenant, other: Tenant, member_of: Any) -> None:
    user = member_of(acme, Role.VIEWER)
    for tenant in (acme, other):  # nor of itself: only who accepts an invitation becomes one
        with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
            Membership.objects.create(tenant=tenant, user=user, role=Role.TENANT_ADMIN)
    with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
        Membership.objects.update(user=user)
    assert Membership.objects.update(role=Role.VIEWER) == 1  # without a filter: only of this tenant


@pytest.mark.parametrize(
    "statement",
    [
        "DROP TABLE cameras_camera",
        "ALTER TABLE public.tenants_membership DISABLE ROW LEVEL SECURITY",
        "CREATE TABLE public.mine (number int)",
        "TRUNCATE visits_visit",
        "SELECT * FROM pg_authid",
        "COPY cameras_camera TO '/tmp/stolen'",
    ],
)
def test_a_tenant_owns_nothing(acme: Tenant, statement: str) -> None:
    with pytest.raises(ProgrammingError), transaction.atomic():
        ask(statement)


def test_the_login_alone_can_do_nothing(acme: Tenant) -> None:
    parameters = cast(Any, connection).get_connection_params()
    plain = {name: parameters[name] for name in ("host", "port", "dbname", "user", "password")}
    with psycopg.connect(**plain, autocommit=True) as fresh:
        for table in ("public.tenants_user", "public.tenants_domain", "acme.cameras_camera"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                fresh.execute(f"SELECT * FROM {table}".encode())  # noqa: S608


def test_who_is_active_after_rollback_savepoint_and_exception(acme: Tenant, other: Tenant) -> None:
    mine, theirs = tenant_role(acme.pk), tenant_role(other.pk)
    with tenant_context(other):
        with suppress(ZeroDivisionError), transaction.atomic():
            assert current_user() == theirs
            with tenant_context(acme):
                assert current_user() == mine
                raise ZeroDivisionError
        assert current_user() == theirs
        with pytest.raises(DatabaseError), transaction.atomic(), tenant_context(acme):
            ask("SELECT 1 / 0")
        assert current_user() == theirs
    assert current_user() == mine


@pytest.mark.usefixtures("django_db_setup")
def test_a_connection_that_is_used_again_is_nobodys(django_db_blocker: Any) -> None:
    with django_db_blocker.unblock():
        with installation():
            tenants = list(Tenant.objects.exclude(schema_name="public").order_by("name"))
        try:
            for tenant in tenants * 3:
                with inside(tenant):  # gives the connection back to the pool of the process
                    assert current_user() == tenant_role(tenant.pk)
                    with pytest.raises(DatabaseError), transaction.atomic():
                        ask("SELECT 1 / 0")
                    assert current_user() == tenant_role(tenant.pk)
            with installation():
                assert current_user() == "facetrack_app_installation"
        finally:
            connection.close()


def test_activation_is_one_statement(acme: Tenant, other: Tenant) -> None:
    with CaptureQueriesContext(connection) as queries:
        for tenant in (acme, other):
            with tenant_context(tenant):
                ask("SELECT 1")
                ask("SELECT 2")
    assert len(queries) == 2 * (1 + 2)


def test_a_schema_has_no_role_by_its_name(acme: Tenant) -> None:
    with schema_context("other"), pytest.raises(NotATenant, match="other"):
        ask("SELECT 1")


def test_an_error_of_activation_stops_the_query(acme: Tenant) -> None:
    nowhere = Tenant(name="nowhere", schema_name="nowhere")
    with pytest.raises(DatabaseError), transaction.atomic(), tenant_context(nowhere):
        ask("SELECT 1")
    assert current_user() == tenant_role(acme.pk)


def test_a_shared_table_without_a_rule_fails_the_check(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not [found for found in run_checks() if found.id == "tenants.E001"]
    monkeypatch.setattr(policies, "RULES", {k: v for k, v in RULES.items() if k != "tenants.outbox"})
    assert [found.msg for found in run_checks() if found.id == "tenants.E001"] == [
        "the shared table of tenants.outbox has no isolation rule"
    ]


def test_every_rule_has_its_table() -> None:
    assert set(RULES) == {label_of(model) for model in shared_models()}


def test_an_application_with_too_many_rights_does_not_start(acme: Tenant) -> None:
    with as_owner():
        owner = cast(Any, connection).get_connection_params()
    with pytest.raises(UnsafeServer, match="the owner of the database"):
        require_safe_server(owner)
    with pytest.raises(UnsafeServer, match="a superuser"):
        require_safe_server(owner | {"user": "postgres"})  # the embedded server's, behind the same password


def test_security_is_forced_for_the_owner_too(acme: Tenant) -> None:
    rows = ask(
        "SELECT relname, relrowsecurity AND relforcerowsecurity FROM pg_class WHERE relname = ANY(%s)",
        [model._meta.db_table for model in WITH_TENANT],
    )
    assert len(rows) >= len(WITH_TENANT)
    assert all(forced for _, forced in rows)
