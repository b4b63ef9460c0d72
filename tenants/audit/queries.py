"""Queries of the activity log."""

from uuid import UUID

from django.db.models import Q, QuerySet

from tenants.models import Activity, ActorKind


def lines_of(tenant: UUID | None) -> QuerySet[Activity]:
    """The sealed lines of one log, newest first; None for the installation's own."""
    return Activity.objects.filter(tenant=tenant, number__isnull=False).order_by("-number")


def lines_about(text: str) -> Q:
    """Lines with `text` in the name of the object or the actor, or in the reason."""
    return Q(object_label__icontains=text) | Q(actor_label__icontains=text) | Q(reason__icontains=text)


def lines_by(who: str) -> Q:
    """Lines of an actor: an id, a kind of actor, or part of a name."""
    if who in ActorKind.values:
        return Q(actor_kind=who)
    return Q(actor_label__icontains=who) | Q(actor_id=who)
