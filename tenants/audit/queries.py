"""Queries of the activity log."""

from datetime import datetime
from uuid import UUID

from django.db.models import Q, QuerySet

from tenants.models import Activity, ActorKind


def lines_of(tenant: UUID | None) -> QuerySet[Activity]:
    """The sealed lines of one log, newest first; None for the installation's own."""
    return Activity.objects.filter(tenant=tenant, number__isnull=False).order_by("-number")


def narrowed(
    lines: QuerySet[Activity],
    *,
    text: str = "",
    who: str = "",
    verb: str = "",
    kind: str = "",
    object_id: str = "",
    since: datetime | None = None,
    until: datetime | None = None,
) -> QuerySet[Activity]:
    """Lines that fit everything that is given. `who` is an id, a kind of actor, or part of a name."""
    found = Q()
    if text:
        found &= Q(object_label__icontains=text) | Q(actor_label__icontains=text) | Q(reason__icontains=text)
    if who in ActorKind.values:
        found &= Q(actor_kind=who)
    elif who:
        found &= Q(actor_label__icontains=who) | Q(actor_id=who)
    exact = {"verb": verb, "object_kind": kind, "object_id": object_id, "at__gte": since, "at__lt": until}
    return lines.filter(found, **{field: value for field, value in exact.items() if value})
