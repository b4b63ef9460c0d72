"""A sighting joins a visit of its person, or opens one. Part of a transaction that has locked the person."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from cameras.models import Camera
from visits.live_events import record_event
from visits.models import LiveEvent, Visit, Visitor
from visits.rules import TimeSpan
from visits.track_facts import TrackFacts


@dataclass(frozen=True, slots=True)
class Place:
    """Where a camera is, and how long a visit there goes on after the person was last seen."""

    camera: UUID
    site: UUID
    reentry_seconds: int


def place_of(facts: TrackFacts) -> Place:
    return Place(
        *Camera.objects.order_by().values_list("pk", "site_id", "site__reentry_seconds").get(pk=facts.camera)
    )


def join_or_open(
    facts: TrackFacts, place: Place, staff_id: UUID | None, visitor: Visitor | None, shot: str, score: float
) -> Visit:
    window, seen = place.reentry_seconds, TimeSpan(facts.started_at, facts.last_seen_at)
    own = Visit.objects.filter(site=place.site, staff_member_id=staff_id, visitor=visitor)
    near = own.filter(
        last_seen_at__gte=seen.started_at - timedelta(seconds=window),
        started_at__lte=seen.last_seen_at + timedelta(seconds=window),
    )
    visit = near.order_by("-last_seen_at").first()
    if visit is not None:
        _join(visit, seen, facts, shot, score)
        return visit
    newest = own.filter(ended_at=None).order_by().first()
    late = newest is not None and newest.started_at > seen.last_seen_at
    if newest is not None and not late:
        close(newest)
    return open_visit(facts, place, staff_id, visitor, shot, score, late=late)


def open_visit(
    facts: TrackFacts,
    place: Place,
    staff_id: UUID | None,
    visitor: Visitor | None,
    shot: str,
    score: float,
    *,
    late: bool,
) -> Visit:
    """`late`: the person was seen again since, so that the visit is over already."""
    visit = Visit.objects.create(
        site_id=place.site,
        camera_id=facts.camera,
        staff_member_id=staff_id,
        visitor=visitor,
        started_at=facts.started_at,
        last_seen_at=facts.last_seen_at,
        ended_at=facts.last_seen_at if late else None,
        score=score,
        best_shot=shot,
        best_quality=facts.quality,
    )
    record_event(LiveEvent.Kind.VISIT_OPENED, visit=visit)
    return visit


def _join(visit: Visit, seen: TimeSpan, facts: TrackFacts, shot: str, score: float) -> None:
    whole = TimeSpan(visit.started_at, visit.last_seen_at).and_also(seen)
    if seen.started_at < visit.started_at:
        visit.camera_id = facts.camera
    visit.started_at, visit.last_seen_at = whole.started_at, whole.last_seen_at
    visit.ended_at = None if visit.ended_at is None else whole.last_seen_at
    visit.sighting_count += 1
    visit.score = max(visit.score, score)
    if shot and facts.quality > visit.best_quality:
        visit.best_shot, visit.best_quality = shot, facts.quality
    visit.save()
    record_event(LiveEvent.Kind.VISIT_CHANGED, visit=visit)


def close(visit: Visit) -> None:
    visit.ended_at = visit.last_seen_at
    visit.save(update_fields=["ended_at", "updated_at"])
    record_event(LiveEvent.Kind.VISIT_CHANGED, visit=visit)
