"""What a tenant's role may do with each shared table, and the one step that makes PostgreSQL enforce it.

Every table of the shared schema has a rule, which the app that owns it declares; a system check fails for one
without. `secure` is
run as the owner after every migration. It is idempotent: policies and grants are recreated each time, so
that they are what the rules say, whatever they were before.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID

from django.apps import apps
from django.conf import settings
from django.core.checks import CheckMessage, Error, register
from django.db import connection, transaction
from django.db.models import Model
from psycopg import sql

from tenants.isolation.backend.base import installation_role, tenant_role, tenants_role
from tenants.models import Tenant
from tenants.rules.declarations import declare

EVERYTHING = "SELECT, INSERT, UPDATE, DELETE"
# An attacker who can write SQL could change the setting alone; taking another tenant's role cannot be done
# by setting it.
TENANT = (
    "NULLIF(current_setting('app.tenant_id', true), '')::uuid"
    " AND CURRENT_USER = 't_' || replace(current_setting('app.tenant_id', true), '-', '')"
)


@dataclass(frozen=True, slots=True)
class Rule:
    """`rights` are PostgreSQL's privileges of a tenant on the table, empty for none.

    `rows` is the SQL condition for the rows that a tenant sees and writes; None for a table in which no
    row belongs to a tenant. The installation's role sees all rows, and has all rights unless `kept` limits
    them.
    """

    rights: str
    rows: str | None = None
    kept: str = EVERYTHING


def by_tenant(rights: str = EVERYTHING, kept: str = EVERYTHING) -> Rule:
    """Rows whose `tenant_id` is the active tenant."""
    return Rule(rights, f"tenant_id = {TENANT}", kept)


def by_user(rights: str = EVERYTHING) -> Rule:
    """Rows of users whom the tenant sees (see the rule of `tenants.user`)."""
    return Rule(rights, "EXISTS (SELECT 1 FROM public.tenants_user u WHERE u.id = user_id)")


READ_ONLY = Rule("SELECT")
CLOSED = Rule("")

RULES: dict[str, Rule] = {}
"""By the label of the model. Each app declares those of its own tables when it starts, with `isolate`."""


def isolate(rules: Mapping[str, Rule]) -> None:
    """Declare what tenants may do with tables of the shared schema, by the labels of their models.

    For `ready` of the app that owns the tables. Raises ImproperlyConfigured for a table that has a rule.
    """
    declare(RULES, rules)


def shared_models() -> Iterator[type[Model]]:
    """The models whose tables are in the shared schema, with those that Django makes for relations."""
    shared = {config.label for config in apps.get_app_configs() if config.name in settings.SHARED_APPS}
    for model in apps.get_models(include_auto_created=True):
        options = model._meta
        if options.app_label in shared and options.managed and not options.proxy:
            yield model


def label_of(model: type[Model]) -> str:
    return model._meta.label_lower


@register
def every_shared_table_has_a_rule(**_: Any) -> list[CheckMessage]:
    """A shared table without a rule would be open to every tenant, or to none."""
    return [
        Error(
            f"the shared table of {label_of(model)} has no isolation rule",
            hint="declare in tables.py of its app which rows a tenant may see, and what it may do with them",
            id="tenants.E001",
        )
        for model in shared_models()
        if label_of(model) not in RULES
    ]


def secure() -> None:
    """Make roles, grants and policies what the rules say, for the shared tables and for each tenant."""
    with transaction.atomic():
        login = application_login()
        for role in (installation_role(login), tenants_role(login)):
            _make_role(role)
        _let_take(login, installation_role(login))
        _run("REVOKE ALL ON SCHEMA public FROM PUBLIC")
        for role in (installation_role(login), tenants_role(login)):
            _run("GRANT USAGE ON SCHEMA public TO {role}", role=role)
            _run("GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {role}", role=role)
        _run(
            "GRANT SELECT ON public.django_migrations TO {role}", role=installation_role(login)
        )  # `showmigrations` reads it
        for model in shared_models():
            _secure_table(model._meta.db_table, RULES[label_of(model)], login)
        for tenant in Tenant.objects.exclude(schema_name="public"):
            secure_tenant(tenant)


def secure_tenant(tenant: Tenant) -> None:
    """Give a tenant a role of its own, with rights on its schema and nowhere else."""
    login, role = application_login(), tenant_role(tenant.pk)
    with transaction.atomic():
        _make_role(role)
        _let_take(login, role)
        _run("GRANT {group} TO {role}", group=tenants_role(login), role=role)
        _run("GRANT USAGE ON SCHEMA {schema} TO {role}", schema=tenant.schema_name, role=role)
        for rights, kind in ((EVERYTHING, "TABLES"), ("USAGE", "SEQUENCES")):
            _run(
                f"GRANT {rights} ON ALL {kind} IN SCHEMA {{schema}} TO {{role}}",
                schema=tenant.schema_name,
                role=role,
            )


def forget_tenant(tenant: UUID) -> None:
    """Take a tenant's role away; its schema has to be gone."""
    _run("DROP ROLE IF EXISTS {role}", role=tenant_role(tenant))


def application_login() -> str:
    """The role that the application logs in as."""
    return str(settings.DATABASES["default"]["USER"])


def _secure_table(table: str, rule: Rule, login: str) -> None:
    installation, tenants = installation_role(login), tenants_role(login)
    for role, rights in ((installation, rule.kept), (tenants, rule.rights)):
        _run("REVOKE ALL ON public.{table} FROM {role}", table=table, role=role)
        if rights:
            _run(f"GRANT {rights} ON public.{{table}} TO {{role}}", table=table, role=role)
    for policy in ("facetrack_owner", "facetrack_installation", "facetrack_tenants"):
        _run("DROP POLICY IF EXISTS {policy} ON public.{table}", table=table, policy=policy)
    if rule.rows is None:
        _run("ALTER TABLE public.{table} DISABLE ROW LEVEL SECURITY", table=table)
        return
    _run("ALTER TABLE public.{table} ENABLE ROW LEVEL SECURITY", table=table)
    _run("ALTER TABLE public.{table} FORCE ROW LEVEL SECURITY", table=table)
    _run("CREATE POLICY facetrack_owner ON public.{table} TO CURRENT_USER USING (true)", table=table)
    _run(
        "CREATE POLICY facetrack_installation ON public.{table} TO {role} USING (true)",
        table=table,
        role=installation,
    )
    _run(
        f"CREATE POLICY facetrack_tenants ON public.{{table}} TO {{role}} USING ({rule.rows})",
        table=table,
        role=tenants,
    )


def _make_role(role: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role])
        known = cursor.fetchone() is not None
    if not known:
        _run("CREATE ROLE {role} NOLOGIN", role=role)


def _let_take(login: str, role: str) -> None:
    """The login may become the role, and has none of its rights until then."""
    _run("GRANT {role} TO {login} WITH INHERIT FALSE, SET TRUE", role=role, login=login)


def _run(statement: str, **names: str) -> None:
    """Run a statement of ours with names put in as identifiers."""
    composed = sql.SQL(cast(Any, statement)).format(
        **{name: sql.Identifier(value) for name, value in names.items()}
    )
    with connection.cursor() as cursor:
        cursor.execute(cast(Any, composed))
