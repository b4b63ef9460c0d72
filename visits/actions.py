"""Create, change and delete visitors, sightings and visits. All records of workers pass through here."""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.utils import timezone
from msgspec.structs import replace

from cameras.models import Camera
from facetrack.core import objects
from staff.models import StaffMember
from tenants.actions import announce
from tenants.isolation import storage
from tenants.models import Outbox, User
from tenants.queries import active_tenant
from visits.events import visitor_leaving
from visits.index import IndexUnavailable, bring_up_to_date
from visits.live_events import locked, record_event, record_visits_gone
from visits.models import (
    CountedTrack,
    IdentityRejection,
    LiveEvent,
    Merge,
    PassageCount,
    Sighting,
    SightingDecision,
    Visit,
    Visitor,
)
from visits.rules import TimeSpan, is_over, put_right
from visits.track_facts import TrackFacts
from visits.visitor_matching import follow, known_visitor, same_or_new_visitor, settle

log = logging.getLogger(__name__)

OF_THE_TRACK = tuple(
    field.name
    for field in Sighting._meta.concrete_fields
    if field.name in TrackFacts.__struct_fields__ and not field.is_relation
)
"""The fields of a sighting that are copied from its track's report."""


def record_track(*, facts: TrackFacts, match: float, guard: Callable[[], None]) -> Sighting | None:
    """Save a worker's report of a track: sighting, visit, outbox and live event in one transaction.

    `match` is the similarity from which two templates of this pack are taken for one person. Recording the
    same report twice changes nothing. Returns None for a rejected track, which is only counted. Raises
    StaleEpoch for a run that has lost its camera; `known_at` is for records that waited on disk (see
    `require_epoch`). If the tenant's storage is full, the picture is left out and the rest is saved.
    """
    tenant = active_tenant()
    right = put_right(TimeSpan(facts.started_at, facts.last_seen_at), timezone.now())
    facts = replace(facts, started_at=right.started_at, last_seen_at=right.last_seen_at)
    shot = objects.save(tenant.pk, "shots", facts.shot) if facts.shot else ""
    kept = False
    try:
        with locked():
            guard()
            sighting = (
                Sighting.objects.filter(pk=facts.sighting_id).select_related("visit", "visitor").first()
            )
            if facts.decision == SightingDecision.REJECTED:
                _count(facts)
            elif sighting is None:
                fits = bool(shot) and storage.take(len(facts.shot or b""))
                if shot and not fits:
                    storage.note_left_out()
                sighting = _first_report(facts, shot if fits else "", match)
                kept = fits
            elif facts.sequence > sighting.sequence:
                kept = _later_report(sighting, facts, shot)
    finally:
        if shot and not kept:
            objects.delete(tenant.pk, shot)
    return sighting


def close_visits(*, now: datetime) -> int:
    """Close the visits that no sighting can join any more; returns their number. They end when last seen."""
    closed = 0
    with locked():
        for visit in Visit.objects.filter(ended_at=None).select_related("site"):
            if is_over(visit.last_seen_at, now, visit.site.reentry_seconds):
                _close(visit)
                closed += 1
    return closed


def rename_visitor(
    *, visitor: Visitor, by: User | None, name: str | None = None, note: str | None = None
) -> Visitor:
    """Give a visitor a name, a note or both; None leaves it as it is. Raises ValidationError."""
    given = {"name": name, "note": note}
    texts = {field: text.strip() for field, text in given.items() if text is not None}
    for field, text in texts.items():
        setattr(visitor, field, text)
    visitor.updated_by = by
    visitor.full_clean(exclude=["created_by", "updated_by", "template"])
    visitor.save(update_fields=[*texts, "updated_by", "updated_at"])
    return visitor


def delete_visitor(*, visitor: Visitor) -> None:
    """Delete a visitor: sightings, visits, merges, pictures, and the template in the index."""
    with locked():
        keys = set(visitor.sightings.values_list("best_shot", flat=True))
        keys |= set(visitor.visits.values_list("best_shot", flat=True)) | {visitor.best_shot}
        announce(topic=Outbox.Topic.VISITOR_TEMPLATE, subject=visitor.pk, detail=visitor.pack)
        sites = set(visitor.visits.values_list("site", flat=True))
        visitor_leaving.send(sender=Visitor, visitor_id=visitor.pk)
        IdentityRejection.objects.filter(person=visitor.pk).delete()
        Merge.objects.filter(
            gone__id=str(visitor.pk)
        ).delete()  # undone merges still hold the face and the name
        visitor.delete()
        for site in sites:
            record_visits_gone(site)
        for key in filter(None, keys):
            transaction.on_commit(partial(storage.discard, key))


def forget_shots_of_staff(staff_member_id: UUID, **_: object) -> None:
    """A staff member is being deleted with their sightings and visits: delete the pictures too, on commit."""
    IdentityRejection.objects.filter(person=staff_member_id).delete()
    keys = set(Sighting.objects.filter(staff_member=staff_member_id).values_list("best_shot", flat=True))
    keys |= set(Visit.objects.filter(staff_member=staff_member_id).values_list("best_shot", flat=True))
    for key in filter(None, keys):
        transaction.on_commit(partial(storage.discard, key))


def bring_index_up_to_date(*, rows: list[Outbox]) -> int:
    """Apply the current tenant's outbox rows; returns their number. Raises IndexUnavailable."""
    bring_up_to_date(active_tenant(), {row.subject: row.detail for row in rows})
    done, _ = Outbox.objects.filter(pk__in=[row.pk for row in rows]).delete()
    return done


def resolve_pending(*, match: float, pack: str, max_sightings: int = 200) -> int:
    """Compare the sightings that waited for the index, oldest first; returns the number settled."""
    done = 0
    waiting = Sighting.objects.filter(decision=SightingDecision.PENDING, pack=pack, template__isnull=False)
    for pk in list(waiting.order_by("started_at").values_list("pk", flat=True)[:max_sightings]):
        with locked():
            sighting = Sighting.objects.filter(pk=pk, decision=SightingDecision.PENDING).first()
            if sighting is None:
                continue
            try:
                _compare_now(sighting, match)
            except IndexUnavailable as error:
                log.warning("%s sighting(s) still wait for the visitors' index: %s", waiting.count(), error)
                return done
            done += 1
    return done


def _compare_now(sighting: Sighting, match: float) -> None:
    """Raises IndexUnavailable."""
    kept = {name: getattr(sighting, name) for name in OF_THE_TRACK}
    facts = TrackFacts(camera=sighting.camera_id, ended=True, **kept)
    visitor, decision, score = same_or_new_visitor(
        facts, site=_site_of(facts), shot=sighting.best_shot, match=match
    )
    sighting.visitor, sighting.decision, sighting.score = visitor, decision, score
    sighting.visit = _join_or_open(facts, None, visitor, sighting.best_shot, score)
    sighting.save()


def compare_anew(**_: object) -> None:
    """Sites share visitors again: compare all visitors once more, for duplicates across sites."""
    Visitor.objects.update(compared_at=None)


def forget_counted_tracks(*, before: datetime) -> int:
    """Delete the markers of counted tracks; the counts stay. An older record could be counted again."""
    done, _ = CountedTrack.objects.filter(counted_at__lt=before).delete()
    return done


def _first_report(facts: TrackFacts, shot: str, match: float) -> Sighting:
    decision, staff_id, visitor, score = SightingDecision(facts.decision), None, None, facts.score
    if decision is SightingDecision.STAFF:
        staff_id = facts.person
        if staff_id is None or not StaffMember.objects.filter(pk=staff_id).exists():  # deleted since
            staff_id, decision = None, SightingDecision.UNSURE
    elif decision is SightingDecision.VISITOR:
        visitor = known_visitor(facts, _site_of(facts))
        decision = SightingDecision.VISITOR if visitor else SightingDecision.NEW_VISITOR
    if decision is SightingDecision.NEW_VISITOR:
        try:
            visitor, decision, score = same_or_new_visitor(
                facts, site=_site_of(facts), shot=shot, match=match
            )
        except IndexUnavailable as error:
            log.warning("track %s of camera %s will be compared later: %s", facts.track, facts.camera, error)
            decision = SightingDecision.PENDING
    elif visitor:
        follow(visitor, facts, shot)
    visit = None
    if decision not in (SightingDecision.UNSURE, SightingDecision.PENDING):
        visit = _join_or_open(facts, staff_id, visitor, shot, score)
    copied = {name: getattr(facts, name) for name in OF_THE_TRACK}
    sighting = Sighting.objects.create(
        pk=facts.sighting_id,
        camera_id=facts.camera,
        visit=visit,
        staff_member_id=staff_id,
        visitor=visitor,
        best_shot=shot,
        **(copied | {"decision": decision, "score": score}),
    )
    if decision is SightingDecision.UNSURE:
        record_event(LiveEvent.Kind.UNSURE, sighting=sighting)
    return sighting


def _later_report(sighting: Sighting, facts: TrackFacts, shot: str) -> bool:
    """Update the sighting of a track that continues. Returns whether its new shot is kept."""
    if facts.decision == SightingDecision.UNSURE != sighting.decision:
        take_back(sighting, facts.reason)
    better = bool(shot) and facts.quality > sighting.quality and storage.take(len(facts.shot or b""))
    sighting.sequence, sighting.faces = facts.sequence, facts.faces
    sighting.last_seen_at = max(sighting.last_seen_at, facts.last_seen_at)
    former = sighting.best_shot if better else ""
    if better:
        sighting.best_shot, sighting.quality = shot, facts.quality
    sighting.save()
    if visit := sighting.visit:
        visit.last_seen_at = max(visit.last_seen_at, facts.last_seen_at)
        if better and visit.best_shot == former:
            visit.best_shot, visit.best_quality = shot, facts.quality
        visit.save()
        record_event(LiveEvent.Kind.VISIT_CHANGED, visit=visit)
    if visitor := sighting.visitor:
        visitor.last_seen_at = max(visitor.last_seen_at, facts.last_seen_at)
        if better and visitor.best_shot == former:
            visitor.best_shot, visitor.best_quality = shot, facts.quality
        visitor.save(update_fields=["last_seen_at", "best_shot", "best_quality", "updated_at"])
    if former:
        transaction.on_commit(partial(_delete_unused, former))
    return better


def take_back(sighting: Sighting, reason: str) -> None:
    """Make a sighting unsure: the worker found a person with a better claim, or a user rejected the match.

    Part of the caller's transaction, under its lock. A visit, or a visitor, that rests on this sighting
    alone is deleted.
    """
    visit, visitor = sighting.visit, sighting.visitor
    sighting.decision, sighting.reason = SightingDecision.UNSURE, reason[:300]
    sighting.visit = sighting.staff_member = sighting.visitor = None
    sighting.save()
    if visit and not visit.sightings.exists():
        visit.delete()
        record_visits_gone(visit.site_id)
    elif visit:
        visit.sighting_count = visit.sightings.count()
        visit.save(update_fields=["sighting_count", "updated_at"])
        record_event(LiveEvent.Kind.VISIT_CHANGED, visit=visit)
    if visitor and not visitor.sightings.exists():
        announce(topic=Outbox.Topic.VISITOR_TEMPLATE, subject=visitor.pk, detail=visitor.pack)
        visitor.delete()
    elif visitor:
        settle(visitor)
    record_event(LiveEvent.Kind.UNSURE, sighting=sighting)


def _join_or_open(
    facts: TrackFacts, staff_id: UUID | None, visitor: Visitor | None, shot: str, score: float
) -> Visit:
    camera = Camera.objects.select_related("site").get(pk=facts.camera)
    window, seen = camera.site.reentry_seconds, TimeSpan(facts.started_at, facts.last_seen_at)
    own = Visit.objects.filter(site=camera.site, staff_member_id=staff_id, visitor=visitor)
    near = own.filter(
        last_seen_at__gte=seen.started_at - timedelta(seconds=window),
        started_at__lte=seen.last_seen_at + timedelta(seconds=window),
    )
    visit = near.order_by("-last_seen_at").first()
    if visit is not None:
        _join(visit, seen, facts, shot, score)
        return visit
    newest = own.filter(ended_at=None).first()
    late = newest is not None and newest.started_at > seen.last_seen_at
    if newest is not None and not late:
        _close(newest)
    visit = Visit.objects.create(
        site=camera.site,
        camera=camera,
        staff_member_id=staff_id,
        visitor=visitor,
        started_at=seen.started_at,
        last_seen_at=seen.last_seen_at,
        ended_at=seen.last_seen_at if late else None,  # the report is late: the person was seen again since
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


def _close(visit: Visit) -> None:
    visit.ended_at = visit.last_seen_at
    visit.save(update_fields=["ended_at", "updated_at"])
    record_event(LiveEvent.Kind.VISIT_CHANGED, visit=visit)


def _site_of(facts: TrackFacts) -> UUID:
    return Camera.objects.values_list("site_id", flat=True).get(pk=facts.camera)


def _count(facts: TrackFacts) -> None:
    """Count a track once: a record is sent again if its first commit was not confirmed."""
    _, fresh = CountedTrack.objects.get_or_create(pk=facts.sighting_id)
    if not fresh:
        return
    day = timezone.localtime(facts.started_at).date()
    PassageCount.objects.get_or_create(camera_id=facts.camera, day=day)
    PassageCount.objects.filter(camera_id=facts.camera, day=day).update(tracks=F("tracks") + 1)


def _delete_unused(key: str) -> None:
    """A shot may be shown by its sighting, its visit and its visitor: delete it after the last of them."""
    used = (model.objects.filter(best_shot=key).exists() for model in (Sighting, Visit, Visitor))
    if not any(used):
        storage.discard(key)
