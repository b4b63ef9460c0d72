"""Queries of the activity log."""

from collections.abc import Iterable
from typing import Any, cast
from uuid import UUID

from django.db import connection
from django.db.models import Model, Q, QuerySet

from tenants.audit.descriptions import who
from tenants.models import Activity, ActorKind, Tenant
from tenants.queries import is_public


def lines_of(tenant: UUID | None) -> QuerySet[Activity]:
    """The sealed lines of one log, newest first; None for the installation's own."""
    return Activity.objects.filter(tenant=tenant, number__isnull=False).order_by("-number")


def lines_about(text: str) -> Q:
    """Lines with `text` in the name of the object or the actor, or in the reason."""
    return (
        Q(object_label__contains_folded=text)
        | Q(actor_label__contains_folded=text)
        | Q(reason__contains_folded=text)
    )


def lines_by(who: str) -> Q:
    """Lines of an actor: an id, a kind of actor, or part of a name."""
    if who in ActorKind.values:
        return Q(actor_kind=who)
    return Q(actor_label__contains_folded=who) | Q(actor_id=who)


def last_change_by(row: Model, fields: Iterable[str]) -> str:
    """Who last changed one of these fields of a row, in words; empty where the active log does not tell."""
    columns = {column.name: column.column for column in row._meta.concrete_fields}
    named = [columns[name] for name in fields if name in columns]
    tenant: Any = cast(Any, connection).tenant
    log = tenant.pk if isinstance(tenant, Tenant) and not is_public(tenant) else None
    lines = lines_of(log).filter(object_kind=row._meta.label_lower, object_id=str(row.pk))
    line = lines.filter(changes__has_any_keys=named).first()
    return who(line) if line else ""
