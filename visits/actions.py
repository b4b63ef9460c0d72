"""Create, change and delete visitors, sightings and visits. All records of workers pass through here."""

import logging
from collections.abc import Callable
from contextlib import ExitStack
from datetime import datetime
from functools import partial
from itertools import count
from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.utils import timezone
from msgspec.structs import replace

from cameras.models import Camera
from cameras.queries import zone_of
from staff.models import StaffMember
from tenants.actions import announce, delete_row_first
from tenants.isolation import storage
from tenants.models import Outbox, User
from tenants.queries import active_tenant
from visits.events import visitor_leaving
from visits.index import IndexUnavailable, bring_up_to_date
from visits.live_events import journalled, record_event, record_visits_gone
from visits.locks import lock_people, lock_track
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
from visits.shots import KeptShot, delete_unused, kept_shot
from visits.stays import close, join_or_open, open_visit, place_of
from visits.track_facts import TrackFacts
from visits.visitor_matching import (
    Look,
    LookAgain,
    follow,
    known_visitor,
    look,
    same_or_new_visitor,
    settle,
)

log = logging.getLogger(__name__)

MAX_LOOKS = 5
"""How often a track is compared with people who change meanwhile. Then it waits to be compared later."""

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

    Records of different people do not wait for each other (`visits.locks`).
    """
    right = put_right(TimeSpan(facts.started_at, facts.last_seen_at), timezone.now())
    facts = replace(facts, started_at=right.started_at, last_seen_at=right.last_seen_at)
    with kept_shot(facts) as shot:
        return _recorded(facts, shot, match, guard)


def _recorded(facts: TrackFacts, shot: KeptShot, match: float, guard: Callable[[], None]) -> Sighting | None:
    found: Look | IndexUnavailable | None = None
    if facts.decision == SightingDecision.NEW_VISITOR and facts.sequence == 0:
        found = _look(facts)
    for looks in count(1):
        try:
            with journalled():
                guard()
                lock_track(facts.sighting_id)
                return _written(facts, shot, match, found)
        except LookAgain:
            if facts.decision in (SightingDecision.VISITOR, SightingDecision.NEW_VISITOR):
                found = _look(facts) if looks < MAX_LOOKS else IndexUnavailable("the people near it change")
    return None


def _written(
    facts: TrackFacts, shot: KeptShot, match: float, found: Look | IndexUnavailable | None
) -> Sighting | None:
    """Raises LookAgain."""
    known = Sighting.objects.filter(pk=facts.sighting_id).exists()
    if facts.decision == SightingDecision.REJECTED:
        _count(facts)
    elif not known:
        if shot.left_out:
            storage.note_left_out()
        sighting = _first_report(facts, shot.key, match, found)
        shot.used = bool(shot.key)
        return sighting
    if not known:
        return None
    try:
        sighting = locked_sighting(facts.sighting_id)
    except Sighting.DoesNotExist:  # deleted with its person, while this waited for them
        raise LookAgain from None
    if facts.decision != SightingDecision.REJECTED and facts.sequence > sighting.sequence:
        shot.used = _later_report(sighting, facts, shot.key)
    return sighting


def locked_sighting(sighting_id: UUID) -> Sighting:
    """The sighting of a locked track, with its person locked. Raises LookAgain, Sighting.DoesNotExist."""
    rows = Sighting.objects.filter(pk=sighting_id)
    people = rows.order_by().values_list("visitor", "staff_member").first()
    lock_people(*filter(None, people or ()))
    sighting = rows.select_related("camera", "visit", "visitor", "staff_member").get()
    if people != (sighting.visitor_id, sighting.staff_member_id):  # merged meanwhile
        raise LookAgain
    return sighting


def _look(facts: TrackFacts) -> Look | IndexUnavailable | None:
    """A search without a lock; where the index is away, the track is compared later."""
    if not Camera.objects.filter(pk=facts.camera).exists():
        return None  # deleted, as the guard will say
    try:
        return look(facts, site=place_of(facts).site)
    except IndexUnavailable as error:
        return error


def close_visits(*, now: datetime) -> int:
    """Close the visits that no sighting can join any more; returns their number. They end when last seen."""
    closed = 0
    for visit in Visit.objects.filter(ended_at=None).select_related("site").order_by():
        if is_over(visit.last_seen_at, now, visit.site.reentry_seconds):
            closed += _closed_if_over(visit, now)
    return closed


def _closed_if_over(visit: Visit, now: datetime) -> bool:
    """A transaction of its own: a person who is seen again meanwhile stays."""
    with journalled():
        lock_people(*filter(None, (visit.visitor_id, visit.staff_member_id)))
        present = Visit.objects.filter(pk=visit.pk, ended_at=None).order_by().first()
        if present is None or not is_over(present.last_seen_at, now, visit.site.reentry_seconds):
            return False
        close(present)
        return True


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
    merged = Merge.objects.filter(gone__id=str(visitor.pk))
    with journalled():
        lock_people(visitor.pk, *set(merged.values_list("kept", flat=True)) - {visitor.pk})
        delete_row_first(visitor)
        keys = set(visitor.sightings.values_list("best_shot", flat=True))
        keys |= set(visitor.visits.values_list("best_shot", flat=True)) | {visitor.best_shot}
        announce(topic=Outbox.Topic.VISITOR_TEMPLATE, subject=visitor.pk, detail=visitor.pack)
        sites = set(visitor.visits.values_list("site", flat=True))
        visitor_leaving.send(sender=Visitor, visitor_id=visitor.pk)
        IdentityRejection.objects.filter(person=visitor.pk).delete()
        merged.delete()  # undone merges still hold the face and the name
        visitor.delete()
        for site in sites:
            record_visits_gone(site)
        for key in filter(None, keys):
            transaction.on_commit(partial(storage.discard, key))


def forget_shots_of_staff(staff_member_id: UUID, deletion: ExitStack, **_: object) -> None:
    """A staff member is being deleted with their sightings and visits: delete the pictures too, on commit.

    Open pages drop the visits: the journal says so when `deletion`, the block of the deletion, ends.
    """
    deletion.enter_context(journalled())
    lock_people(staff_member_id)
    seen = Sighting.objects.filter(staff_member=staff_member_id)
    stays = Visit.objects.filter(staff_member=staff_member_id)
    keys = {*seen.values_list("best_shot", flat=True), *stays.values_list("best_shot", flat=True)}
    for site in set(stays.values_list("site", flat=True)):
        record_visits_gone(site)
    for key in filter(None, keys):
        transaction.on_commit(partial(storage.discard, key))


def forget_rejections_of_staff(staff_member_id: UUID, **_: object) -> None:
    IdentityRejection.objects.filter(person=staff_member_id).delete()


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
        try:
            done += _compared_now(pk, match)
        except LookAgain:
            continue  # the next time
        except IndexUnavailable as error:
            log.warning("%s sighting(s) still wait for the visitors' index: %s", waiting.count(), error)
            break
    return done


def _compared_now(pk: UUID, match: float) -> bool:
    """Whether it was still pending. Raises LookAgain, IndexUnavailable."""
    pending = Sighting.objects.filter(pk=pk, decision=SightingDecision.PENDING).order_by()
    sighting = pending.first()
    if sighting is None:
        return False
    kept = {name: getattr(sighting, name) for name in OF_THE_TRACK}
    facts = TrackFacts(camera=sighting.camera_id, ended=True, **kept)
    place = place_of(facts)
    found = look(facts, site=place.site)
    with journalled():
        lock_track(pk)
        sighting = pending.first()
        if sighting is None:
            return False
        visitor, decision, score = same_or_new_visitor(
            facts, found, site=place.site, shot=sighting.best_shot, match=match
        )
        sighting.visitor, sighting.decision, sighting.score = visitor, decision, score
        sighting.visit = join_or_open(facts, place, None, visitor, sighting.best_shot, score)
        sighting.save()
    return True


def compare_anew(**_: object) -> None:
    """Sites share visitors again: compare all visitors once more, for duplicates across sites."""
    with transaction.atomic():
        # Locked in the order of `visits.locks`: a merge holds two of these rows.
        len(Visitor.objects.select_for_update(no_key=True).order_by("pk").values_list("pk"))
        Visitor.objects.update(compared_at=None)


def forget_counted_tracks(*, before: datetime) -> int:
    """Delete the markers of counted tracks; the counts stay. An older record could be counted again."""
    done, _ = CountedTrack.objects.filter(counted_at__lt=before).delete()
    return done


def _first_report(
    facts: TrackFacts, shot: str, match: float, found: Look | IndexUnavailable | None
) -> Sighting:
    """Raises LookAgain."""
    decision, staff_id, visitor, score = SightingDecision(facts.decision), None, None, facts.score
    place = place_of(facts)
    if decision is SightingDecision.STAFF:
        staff_id = _present_staff(facts.person)
        decision = SightingDecision.STAFF if staff_id else SightingDecision.UNSURE  # deleted since
    elif decision is SightingDecision.VISITOR and found is None:
        visitor = known_visitor(facts, place.site)
        follow(visitor, facts, shot)
    elif decision in (SightingDecision.VISITOR, SightingDecision.NEW_VISITOR):
        if found is None:
            raise LookAgain
        if isinstance(found, IndexUnavailable):
            log.warning("track %s of camera %s will be compared later: %s", facts.track, facts.camera, found)
            decision = SightingDecision.PENDING
        else:
            visitor, decision, score = same_or_new_visitor(
                facts, found, site=place.site, shot=shot, match=match
            )
    visit = None
    if decision not in (SightingDecision.UNSURE, SightingDecision.PENDING):
        if decision is SightingDecision.NEW_VISITOR and visitor:
            visit = open_visit(facts, place, None, visitor, shot, score, late=False)
        else:
            visit = join_or_open(facts, place, staff_id, visitor, shot, score)
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


def _present_staff(staff_id: UUID | None) -> UUID | None:
    """The staff member, locked; None if deleted since."""
    if staff_id is None:
        return None
    lock_people(staff_id)
    return staff_id if StaffMember.objects.filter(pk=staff_id).exists() else None


def _later_report(sighting: Sighting, facts: TrackFacts, shot: str) -> bool:
    """Update the sighting of a track that continues. Returns whether its new shot is kept."""
    if facts.decision == SightingDecision.UNSURE != sighting.decision:
        take_back(sighting, facts.reason)
    better = bool(shot) and facts.quality > sighting.quality
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
        transaction.on_commit(partial(delete_unused, former))
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


def _count(facts: TrackFacts) -> None:
    """Count a track once: a record is sent again if its first commit was not confirmed."""
    _, fresh = CountedTrack.objects.get_or_create(pk=facts.sighting_id)
    if not fresh:
        return
    camera = Camera.objects.select_related("site").get(pk=facts.camera)
    day = facts.started_at.astimezone(zone_of(camera.site)).date()
    PassageCount.objects.get_or_create(camera_id=facts.camera, day=day)
    PassageCount.objects.filter(camera_id=facts.camera, day=day).update(tracks=F("tracks") + 1)
