"""Queries about visits and people."""

from collections.abc import Collection
from datetime import datetime
from typing import Any, TypedDict
from uuid import UUID

from django.core.exceptions import ImproperlyConfigured
from django.db.models import (
    BooleanField,
    Case,
    Count,
    Exists,
    ExpressionWrapper,
    F,
    Max,
    Min,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Sum,
    Value,
    When,
)
from django.db.models.functions import Coalesce
from django.urls import reverse
from django.utils.http import urlencode

from facetrack.core import objects
from facetrack.core.crypto import decrypt, encrypt
from facetrack.core.rows import get_or_404
from staff.models import StaffMember
from tenants.access.rights import Access
from tenants.queries import active_tenant
from visits.models import LiveEvent, PassageCount, Sighting, SightingDecision, Visit, Visitor
from visits.periods import TODAY, counted_today, first_seen_today, sightings_of, visits_of

RESET = "reset"
MAX_FOUND = 1_000
"""So many people are looked up by name before their visits; more of them have visits among the latest."""
MISSED_LIMIT = 200
"""A page that has missed more events than this reloads."""


def visits(access: Access) -> QuerySet[Visit]:
    """Adds `shown_first`, whether it is the first visit that the user may see, and `shown_score`.

    The score of such a visit is hidden from site managers: it would reveal a person known at other sites.
    """
    rows = Visit.objects.select_related("site", "camera", "camera__site", "staff_member", "visitor").defer(
        "visitor__template"
    )
    of_visitor = Q(visitor__isnull=False)
    if access.sites is None:
        first = of_visitor & Q(visitor__first_seen_at__gte=F("started_at"))
        return rows.annotate(shown_first=_truth(first), shown_score=F("score"))
    here = Visit.objects.filter(site__in=access.sites)
    earlier = here.filter(visitor=OuterRef("visitor"), started_at__lt=OuterRef("started_at"))
    rows = rows.filter(site__in=access.sites).annotate(shown_first=_truth(of_visitor & ~Exists(earlier)))
    return rows.annotate(shown_score=Case(When(shown_first=False, then=F("score"))))


def sightings(access: Access) -> QuerySet[Sighting]:
    """Adds `shown_decision`, `shown_score` and `shown_reason`: the result as the user may see it.

    To a site manager a visitor is new if none of their sites has seen them before. Neither score nor reason
    then reveals that another site has.
    """
    rows = (
        Sighting.objects.select_related("camera", "camera__site", "staff_member", "visitor")
        .defer("template", "visitor__template")
        .all()
    )
    if access.sites is None:
        return rows.annotate(shown_decision=F("decision"), shown_score=F("score"), shown_reason=F("reason"))
    before = Q(started_at__lt=OuterRef("started_at")) | Q(
        started_at=OuterRef("started_at"), pk__lt=OuterRef("pk")
    )
    here = Sighting.objects.filter(camera__site__in=access.sites)
    decision = Case(
        When(visitor__isnull=True, then=F("decision")),
        When(
            Exists(here.filter(before, visitor=OuterRef("visitor"))),
            then=Value(SightingDecision.VISITOR.value),
        ),
        default=Value(SightingDecision.NEW_VISITOR.value),
    )
    known = ~Q(shown_decision=SightingDecision.NEW_VISITOR)
    return (
        rows.filter(camera__site__in=access.sites)
        .annotate(shown_decision=decision)
        .annotate(
            shown_score=Case(When(known, then=F("score"))),
            shown_reason=Case(When(known, then=F("reason")), default=Value("")),
        )
    )


def visitors(access: Access) -> QuerySet[Visitor]:
    """Adds `visit_count`, `shown_first_seen_at`, `shown_last_seen_at` and `shown_shot`; latest first.

    All values are computed from the sites that the user can access; visitors never seen there are excluded.
    Templates are not loaded.
    """
    # Counted by a subquery, for the rows of a page: a join would count all visits before it limits them.
    own = Visit.objects.filter(visitor=OuterRef("pk")).order_by()
    if access.sites is not None:
        own = own.filter(site__in=access.sites)
    count = Coalesce(Subquery(own.values("visitor").annotate(n=Count("pk")).values("n")), 0)
    rows = Visitor.objects.defer("template").annotate(visit_count=count)
    if access.sites is None:
        return rows.annotate(
            shown_first_seen_at=F("first_seen_at"),
            shown_last_seen_at=F("last_seen_at"),
            shown_shot=F("best_shot"),
        )
    seen = Sighting.objects.filter(visitor=OuterRef("pk"), camera__site__in=access.sites)
    shots = seen.exclude(best_shot="").order_by("-quality", "pk").values("best_shot")
    return (
        rows.filter(Exists(seen))
        .annotate(
            shown_first_seen_at=Subquery(seen.order_by("started_at").values("started_at")[:1]),
            shown_last_seen_at=Subquery(seen.order_by("-last_seen_at").values("last_seen_at")[:1]),
            shown_shot=Coalesce(Subquery(shots[:1]), Value("")),
        )
        .order_by("-shown_last_seen_at", "pk")
    )


def get_visitor(access: Access, visitor_id: UUID) -> Visitor:
    """Raises Http404."""
    return get_or_404(visitors(access), "This visitor does not exist.", pk=visitor_id)


def get_visit(access: Access, visit_id: UUID) -> Visit:
    """Raises Http404."""
    return get_or_404(visits(access), "This visit does not exist.", pk=visit_id)


def get_sighting(access: Access, sighting_id: UUID) -> Sighting:
    """Raises Http404."""
    return get_or_404(sightings(access), "This sighting does not exist.", pk=sighting_id)


def of_people_called(text: str) -> Q:
    """Visits or sightings of people whose name contains `text`; `visitor 12` or `12` finds a number.

    The people are looked up first and not joined to every row: their visits and sightings have an index.
    """
    text = text.strip()
    if not text:
        return Q()
    found = _of("staff_member", StaffMember.objects.filter(name__contains_folded=text))
    found |= _of("visitor", Visitor.objects.filter(_named(text)))
    if (number := _number(text)) is not None:
        found |= _of("visitor", Visitor.objects.filter(number=number, name=""))
    return found


def visitors_called(text: str, of: str = "") -> Q:
    """Visitors whose name contains `text`, or whose number it is; `of` is the lookup path to them."""
    found = _named(text.strip(), of)
    if (number := _number(text)) is not None:
        found |= Q(**{f"{of}number": number})
    return found


def _named(text: str, of: str = "") -> Q:
    """Most visitors have no name: an index has those who do."""
    return Q(**{f"{of}name__contains_folded": text}) & ~Q(**{f"{of}name": ""})


def _of(path: str, people: QuerySet[Any]) -> Q:
    """Rows of these people: of few, their own are read; of many, there are some among the latest of all."""
    found = list(people.order_by().values_list("pk", flat=True)[: MAX_FOUND + 1])
    return Q(**{f"{path}__in": found if len(found) <= MAX_FOUND else people.order_by().values("pk")})


def of_person(person_id: UUID) -> Q:
    """A visit or sighting of this staff member or visitor."""
    return Q(staff_member=person_id) | Q(visitor=person_id)


def live_cursor(access: Access) -> str:
    """The newest live event: the cursor of a page that is loaded now."""
    return _cursor(access, LiveEvent.objects.aggregate(last=Max("id"))["last"] or 0)


def event_of(access: Access, cursor: str) -> int:
    """The id of the live event that a cursor stands for; `0` is before the first event.

    Raises ValueError for an invalid cursor.
    """
    if access.sites is None or cursor == "0":
        number = int(cursor) if cursor.isascii() and cursor.isdecimal() else -1
    else:
        try:
            number = int(decrypt(cursor.encode()))
        except ImproperlyConfigured:  # not made with any of our keys
            number = -1
    if not 0 <= number < 2**63:
        raise ValueError("this is not a cursor")
    return number


def missed(access: Access, after: int) -> tuple[list[Visit], list[Visit], str] | None:
    """The events after the live event `after`: visits opened (newest first), visits changed, new cursor.

    None if there are more than MISSED_LIMIT events, or if the journal no longer reaches back that far.
    """
    ends = LiveEvent.objects.aggregate(oldest=Min("id"), newest=Max("id"))
    newest = ends["newest"] or 0
    if after > newest or after + 1 < (ends["oldest"] or 0):
        return None
    rows = LiveEvent.objects.filter(pk__gt=after, pk__lte=newest).order_by("pk")
    if access.sites is not None:
        rows = rows.filter(site__in=access.sites)
    events = list(rows[: MISSED_LIMIT + 1])
    if len(events) > MISSED_LIMIT:
        return None
    opened = {event.visit_id for event in events if event.kind == LiveEvent.Kind.VISIT_OPENED}
    changed = {event.visit_id for event in events if event.kind == LiveEvent.Kind.VISIT_CHANGED} - opened
    touched = {visit_id for visit_id in opened | changed if visit_id}
    found = {visit.pk: visit for visit in visits(access).filter(pk__in=touched)}
    return (
        [visit for visit in found.values() if visit.pk in opened],
        [visit for visit in found.values() if visit.pk in changed],
        _cursor(access, newest),
    )


class EventPayload(TypedDict):
    """One event of the journal in the form that clients of the stream receive."""

    id: str
    event: str
    data: dict[str, Any]


def events_after(access: Access, after: int) -> tuple[list[EventPayload], int]:
    """The events after the live event `after` that the user may see, and the number of the last event.

    If the journal no longer reaches back that far, or more than MISSED_LIMIT were missed: one `reset`, whose
    data say where `event_page` goes on.
    """
    oldest, newest = _ends()
    events = list(_journal(access, after, newest)[: MISSED_LIMIT + 1])
    if after > newest or after + 1 < oldest or len(events) > MISSED_LIMIT:
        missed = {"after": _cursor(access, min(after, newest))}
        missed["events"] = f"{reverse('api-event-list')}?{urlencode(missed)}"
        return [{"id": _cursor(access, newest), "event": RESET, "data": missed}], newest
    return [_payload(access, event) for event in events], newest


class EventPage(TypedDict):
    """A part of the journal, oldest first."""

    results: list[EventPayload]
    more: bool
    """Whether there are events after the last of `results`."""
    after: str
    """Where to go on: with the next page, or with the stream."""
    gap: bool
    """Whether events after the one that was asked for are no longer kept."""


def event_page(access: Access, after: int | None, size: int) -> EventPage:
    """At most `size` events after the live event `after`; None: from the oldest that is kept."""
    oldest, newest = _ends()
    start = max(0, oldest - 1) if after is None else after
    events = list(_journal(access, start, newest)[: size + 1])
    more, events = len(events) > size, events[:size]
    return {
        "results": [_payload(access, event) for event in events],
        "more": more,
        "after": _cursor(access, events[-1].pk if more else newest),
        "gap": start > newest or start + 1 < oldest,
    }


def _ends() -> tuple[int, int]:
    """The numbers of the oldest and the newest event that are kept."""
    ends = LiveEvent.objects.aggregate(oldest=Min("id"), newest=Max("id"))
    return ends["oldest"] or 0, ends["newest"] or 0


def _journal(access: Access, after: int, newest: int) -> QuerySet[LiveEvent]:
    """The events after `after` that the user may see, with all that their payloads tell."""
    rows = LiveEvent.objects.filter(pk__gt=after, pk__lte=newest).order_by("pk")
    if access.sites is not None:
        rows = rows.filter(site__in=access.sites)
    return rows.select_related(
        "visit__site", "visit__staff_member", "visit__visitor", "visit__camera", "sighting__camera", "camera"
    ).defer("visit__visitor__template", "sighting__template")


def _payload(access: Access, event: LiveEvent) -> EventPayload:
    return {"id": _cursor(access, event.pk), "event": event.kind, "data": _data_of(event)}


def _data_of(event: LiveEvent) -> dict[str, Any]:
    """The present state of the event's subject; clients request more by the ids."""
    data: dict[str, Any] = {"site": str(event.site_id)}
    if visit := event.visit:
        data |= {
            "visit": str(visit.pk),
            "camera": str(visit.camera_id),
            "person": {"kind": "staff" if visit.staff_member else "visitor", "name": str(visit.person)},
            "started_at": visit.started_at.isoformat(),
            "last_seen_at": visit.last_seen_at.isoformat(),
            "ended_at": visit.ended_at.isoformat() if visit.ended_at else None,
        }
    elif sighting := event.sighting:
        data |= {"sighting": str(sighting.pk), "camera": str(sighting.camera_id)}
    elif camera := event.camera:
        data |= {
            "camera": str(camera.pk),
            "name": camera.name,
            "enabled": camera.enabled,
            "status": camera.status,
            "detail": camera.status_detail,
            "worker": camera.worker,
        }
    return data


def still_there(access: Access, shown: Collection[UUID]) -> set[UUID]:
    """The visits among these that still exist."""
    return set(visits(access).filter(pk__in=shown).values_list("pk", flat=True))


def counts(access: Access, now: datetime) -> dict[str, int]:
    """Figures of the dashboard: people present, and what happened today, by the clock of each site."""
    stays, seen = visits(access), sightings(access).filter(sightings_of(TODAY, now))
    passed = PassageCount.objects.filter(counted_today(now))
    if access.sites is None:
        new: QuerySet[Any] = Visitor.objects.filter(first_seen_today(now))
    else:
        passed = passed.filter(camera__site__in=access.sites)
        new = seen.filter(Q(shown_decision=SightingDecision.NEW_VISITOR))  # the first sighting of each
    return {
        "present": stays.filter(ended_at=None).count(),
        "visits": stays.filter(visits_of(TODAY, now)).count(),
        "new_visitors": new.count(),
        "unsure": seen.filter(decision=SightingDecision.UNSURE).count(),
        "not_recognisable": passed.aggregate(n=Sum("tracks"))["n"] or 0,
    }


def shot_url(key: str) -> str:
    """A short-lived URL of a best shot; empty if there is none."""
    return objects.url(active_tenant().pk, key) if key else ""


def small_shot_url(key: str) -> str:
    """As `shot_url`, of the small copy that lists show."""
    return objects.small_url(active_tenant().pk, key) if key else ""


def _truth(condition: Any) -> ExpressionWrapper[Any]:
    return ExpressionWrapper(condition, output_field=BooleanField())


def _cursor(access: Access, event_id: int) -> str:
    """Ids count the events of the whole tenant, so a site manager's cursor is encrypted."""
    text = str(event_id)
    return text if access.sites is None else encrypt(text.encode()).decode()


def _number(text: str) -> int | None:
    """The 12 of "12", "visitor 12" or "Visitor12"; None for other texts."""
    digits = text.lower().strip().removeprefix("visitor").strip()
    return int(digits) if digits.isdecimal() and len(digits) < 9 else None
