"""What is asked about visits and the people who make them."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from django.db.models import Count, Max, Min, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce
from django.http import Http404

from facetrack.lib import objects
from tenants.queries import active_tenant
from visits.models import Decision, LiveEvent, PassageCount, Sighting, Visit, Visitor

MISSED_LIMIT = 200
"""A page that has missed more than this loads itself anew."""


def visits() -> QuerySet[Visit]:
    return Visit.objects.select_related("site", "camera", "camera__site", "staff_member", "visitor").defer(
        "visitor__template"
    )


def sightings() -> QuerySet[Sighting]:
    return (
        Sighting.objects.select_related("camera", "camera__site", "staff_member", "visitor")
        .defer("template", "visitor__template")
        .all()
    )


def visitors() -> QuerySet[Visitor]:
    """With `visit_count`; without templates, which only the gallery needs."""
    # Counted by a subquery, for the rows of a page: a join would count everybody's visits before it cuts.
    own = Visit.objects.filter(visitor=OuterRef("pk")).order_by().values("visitor")
    count = Coalesce(Subquery(own.annotate(n=Count("pk")).values("n")), 0)
    return Visitor.objects.defer("template").annotate(visit_count=count)


def get_visitor(visitor_id: UUID) -> Visitor:
    """Raises Http404."""
    visitor = visitors().filter(pk=visitor_id).first()
    if visitor is None:
        raise Http404("There is no such visitor.")
    return visitor


def get_visit(visit_id: UUID) -> Visit:
    """Raises Http404."""
    visit = visits().filter(pk=visit_id).first()
    if visit is None:
        raise Http404("There is no such visit.")
    return visit


def get_sighting(sighting_id: UUID) -> Sighting:
    """Raises Http404."""
    sighting = sightings().filter(pk=sighting_id).first()
    if sighting is None:
        raise Http404("There is no such sighting.")
    return sighting


def search_visits(text: str) -> QuerySet[Visit]:
    """Visits of people whose name contains `text`; `visitor 12` or `12` finds a visitor by number."""
    return visits().filter(_called(text))


def search_sightings(text: str) -> QuerySet[Sighting]:
    """Sightings of people found as in `search_visits`."""
    return sightings().filter(_called(text))


def search_visitors(text: str) -> QuerySet[Visitor]:
    """Visitors whose name contains `text`, or whose number it is, named or not."""
    found = Q(name__icontains=text.strip())
    if (number := _number(text)) is not None:
        found |= Q(number=number)
    return visitors().filter(found)


def of_person(person_id: UUID) -> Q:
    """A visit or sighting of this staff member or visitor."""
    return Q(staff_member=person_id) | Q(visitor=person_id)


def present() -> QuerySet[Visit]:
    """Visits that are still open."""
    return visits().filter(ended_at=None)


def live_cursor() -> int:
    """The id of the newest live event: what a page that is loaded now has seen."""
    return LiveEvent.objects.aggregate(last=Max("id"))["last"] or 0


def missed(after: int) -> tuple[list[Visit], list[Visit], int] | None:
    """What happened after the live event `after`: visits opened (newest first), visits changed, new cursor.

    None where it is more than MISSED_LIMIT events, or where the journal no longer reaches back so far.
    """
    ends = LiveEvent.objects.aggregate(oldest=Min("id"), newest=Max("id"))
    if after > (ends["newest"] or 0) or after + 1 < (ends["oldest"] or 0):
        return None
    events = list(LiveEvent.objects.filter(pk__gt=after).order_by("pk")[: MISSED_LIMIT + 1])
    if len(events) > MISSED_LIMIT:
        return None
    cursor = events[-1].pk if events else after
    opened = {event.visit_id for event in events if event.kind == LiveEvent.Kind.VISIT_OPENED}
    changed = {event.visit_id for event in events if event.kind == LiveEvent.Kind.VISIT_CHANGED} - opened
    touched = {visit_id for visit_id in opened | changed if visit_id}
    rows = {visit.pk: visit for visit in visits().filter(pk__in=touched)}
    return (
        [visit for visit in rows.values() if visit.pk in opened],
        [visit for visit in rows.values() if visit.pk in changed],
        cursor,
    )


def still_there(shown: Collection[UUID]) -> set[UUID]:
    """Those of these visits that were not withdrawn or forgotten meanwhile."""
    return set(Visit.objects.filter(pk__in=shown).values_list("pk", flat=True))


def counts(since: datetime) -> dict[str, int]:
    """Figures of the dashboard: who is present, and what has happened since `since`."""
    seen = Sighting.objects.filter(started_at__gte=since)
    return {
        "present": present().count(),
        "visits": Visit.objects.filter(started_at__gte=since).count(),
        "new_visitors": Visitor.objects.filter(first_seen_at__gte=since).count(),
        "unsure": seen.filter(decision=Decision.UNSURE).count(),
        "not_recognisable": PassageCount.objects.filter(day__gte=since.date()).aggregate(n=Sum("tracks"))["n"]
        or 0,
    }


def shot_url(key: str) -> str:
    """A short-lived URL of a best shot; empty where there is none."""
    return objects.url(active_tenant().pk, key) if key else ""


def _called(text: str) -> Q:
    text = text.strip()
    if not text:
        return Q()
    found = Q(staff_member__name__icontains=text) | Q(visitor__name__icontains=text)
    if (number := _number(text)) is not None:
        found |= Q(visitor__number=number, visitor__name="")
    return found


def _number(text: str) -> int | None:
    """The 12 of "12", "visitor 12" or "Visitor12"; None for other texts."""
    digits = text.lower().strip().removeprefix("visitor").strip()
    return int(digits) if digits.isdecimal() and len(digits) < 9 else None
