"""Users' decisions about identity: rejecting a match, merging two visitors, undoing a merge."""

import logging
from datetime import datetime
from typing import Any
from uuid import UUID

import numpy as np
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F, Max, Min, Q
from numpy.typing import NDArray

from staff.actions import gallery_changed
from tenants.actions import announce
from tenants.models import Outbox, User
from tenants.queries import active_tenant
from tenants.rules.conflicts import CONFLICT
from visits.actions import locked_sighting, take_back
from visits.index import IndexUnavailable, Match, nearest_visitors, sites_share
from visits.live_events import journalled
from visits.locks import lock_people, lock_strangers, lock_track
from visits.models import IdentityRejection, Merge, MergeProposal, Sighting, Visit, Visitor
from visits.rules import merge_templates
from visits.visitor_matching import LookAgain, settle

log = logging.getLogger(__name__)

DECIDED = "This pair was decided in the meantime, or one of the two was deleted: reload the list."
CHANGED = "This person was merged with another one in the meantime: reload the page."
KEPT_FIELDS = ("number", "name", "note", "pack", "best_shot", "best_quality", "template_weight")
NEIGHBOURS = 4
"""The number of nearest visitors, the visitor among them, that are considered for a merge proposal."""


def not_this_person(*, sighting: Sighting, by: User | None) -> Sighting:
    """Reject the sighting's person: it goes back to review, and similar faces do not match them again.

    An employee goes on to be recognised where the enrolled pictures say so: see `visits.rules.outweighs`.
    `withdraw_rejection` takes it back. Raises ValidationError if the sighting has no person, or if its face
    was not kept.
    """
    with journalled():
        lock_track(sighting.pk)
        try:
            sighting = locked_sighting(sighting.pk)
        except LookAgain:
            raise ValidationError(CHANGED, CONFLICT) from None
        person = sighting.person
        if person is None:
            raise ValidationError("This sighting has no person: there is no match to reject.", CONFLICT)
        if sighting.template is None:
            raise ValidationError(
                "The face of this sighting was not kept, so the match cannot be rejected.", CONFLICT
            )
        IdentityRejection.objects.create(
            person=person.pk,
            template=sighting.template,
            pack=sighting.pack,
            sighting=sighting,
            created_by=by,
            updated_by=by,
        )
        take_back(sighting, f"a user rejected the match with {person}")
        gallery_changed()
    return sighting


def withdraw_rejection(*, rejection: IdentityRejection) -> None:
    """Similar faces may match the person again, on running cameras within a second.

    The sighting stays unsure: what it was is not known. Raises ValidationError if it was withdrawn already.
    """
    with transaction.atomic():
        done, _ = IdentityRejection.objects.filter(pk=rejection.pk).delete()
        if not done:
            raise ValidationError("This was withdrawn in the meantime, or the person was deleted.", CONFLICT)
        gallery_changed()


def propose_merges(*, match: float, pack: str, now: datetime, max_visitors: int = 100) -> int:
    """Propose pairs of visitors whose templates match, if one of them has changed since the last time.

    A pair is proposed once, whatever was decided about it. Visitors of different sites are not paired if
    sites do not share visitors. Returns the number of new pairs.
    """
    new = 0
    changed = Q(compared_at=None) | Q(compared_at__lt=F("updated_at"))
    if not sites_share(active_tenant()):
        changed &= Q(site__isnull=False)
    for visitor in Visitor.objects.filter(changed, pack=pack).order_by("-last_seen_at")[:max_visitors]:
        try:
            matches = nearest_visitors(
                active_tenant(), visitor.template, pack, limit=NEIGHBOURS, site=visitor.site_id
            )
        except IndexUnavailable as error:
            log.warning("merges will be proposed later: %s", error)
            return new
        for near in matches:
            if near.person == visitor.pk or near.score < match:
                continue
            new += _proposed(visitor.pk, near)
        Visitor.objects.filter(pk=visitor.pk).update(compared_at=now)
    return new


def _proposed(visitor: UUID, near: Match) -> bool:
    """Whether it is a new pair. No pair is made of a visitor who was deleted or merged meanwhile."""
    first, second = sorted((visitor, near.person))
    with transaction.atomic():
        lock_people(first, second)
        if Visitor.objects.filter(pk__in=(first, second)).count() < 2:
            return False
        _, made = MergeProposal.objects.get_or_create(
            first_id=first, second_id=second, defaults={"score": near.score}
        )
    return made


def keep_apart(*, proposal: MergeProposal, by: User | None) -> MergeProposal:
    """Mark the pair as different people. Raises ValidationError if it was decided in the meantime."""
    with transaction.atomic():
        pair = _open_pair(proposal)
        pair.state, pair.updated_by = MergeProposal.State.DISTINCT, by
        pair.save(update_fields=["state", "updated_by", "updated_at"])
    return pair


def merge_proposed(*, proposal: MergeProposal, by: User | None) -> Merge:
    """Merge the pair. The named visitor is kept; otherwise the one who was seen first.

    Raises ValidationError, also if the pair was decided or one of them was deleted in the meantime.
    """
    with journalled():
        lock_people(proposal.first_id, proposal.second_id)
        pair = _open_pair(proposal)
        kept, gone = sorted((pair.first, pair.second), key=lambda one: (not one.name, one.number))
        return merge_visitors(kept=kept, gone=gone, by=by)


def _open_pair(proposal: MergeProposal) -> MergeProposal:
    """Raises ValidationError."""
    found = MergeProposal.objects.filter(pk=proposal.pk, state=MergeProposal.State.OPEN)
    pair = found.select_for_update(of=("self",)).select_related("first", "second").first()
    if pair is None:
        raise ValidationError(DECIDED, CONFLICT)
    return pair


def merge_visitors(*, kept: Visitor, gone: Visitor, by: User | None) -> Merge:
    """Merge `gone` into `kept`: sightings and visits move. Can be undone. Raises ValidationError."""
    if kept.pk == gone.pk:
        raise ValidationError("These two are already the same visitor.", CONFLICT)
    if kept.pack != gone.pack:
        raise ValidationError(
            f"{kept} was seen with the model pack {kept.pack} and {gone} with {gone.pack}: "
            "their faces cannot be compared.",
            CONFLICT,
        )
    if kept.site_id != gone.site_id and not sites_share(active_tenant()):
        raise ValidationError(
            "They belong to different sites, and your sites do not share visitors.", CONFLICT
        )
    with journalled():
        lock_people(kept.pk, gone.pk)
        both = Visitor.objects.select_for_update().order_by("pk").in_bulk([kept.pk, gone.pk])
        if len(both) < 2:
            raise ValidationError(DECIDED, CONFLICT)
        kept, gone = both[kept.pk], both[gone.pk]
        merge = Merge.objects.create(
            kept=kept,
            kept_template=kept.template,
            gone_template=gone.template,
            gone=_facts(gone)
            | {
                "kept_weight": kept.template_weight,
                "denials": _denials_moved(gone, kept),
                "merges": _merges_moved(gone, kept),
            },
            sightings=_moved(Sighting, gone, kept),
            visits=_visits_moved(gone, kept),
            created_by=by,
            updated_by=by,
        )
        template, weight = merge_templates(
            kept.template, kept.template_weight, gone.template, gone.template_weight
        )
        if gone.first_seen_at < kept.first_seen_at:
            kept.first_seen_at, kept.site_id = gone.first_seen_at, gone.site_id
        kept.last_seen_at = max(kept.last_seen_at, gone.last_seen_at)
        _look(kept, template, weight)
        announce(topic=Outbox.Topic.VISITOR_TEMPLATE, subject=gone.pk, detail=gone.pack)
        gone.delete()
    return merge


def undo_merge(*, merge: Merge, by: User | None, now: datetime) -> Visitor:
    """Undo a merge: each visitor gets back what was theirs; what was seen since stays with the one kept.

    Raises ValidationError if it was already undone, or if a later merge has to be undone first.
    """
    with journalled():
        lock_strangers()  # as those who compare themselves must not miss the visitor who comes back
        lock_people(merge.kept_id, UUID(merge.gone["id"]))
        kept_id = merge.kept_id
        merge = Merge.objects.select_for_update(of=("self",)).select_related("kept").get(pk=merge.pk)
        if merge.kept_id != kept_id:
            raise ValidationError(CHANGED, CONFLICT)
        if merge.undone_at is not None:
            raise ValidationError("This merge was already undone.", CONFLICT)
        later = Merge.objects.filter(kept=merge.kept, undone_at=None, created_at__gt=merge.created_at).last()
        if later is not None:
            raise ValidationError(
                f"Visitor {later.gone['number']} was merged into {merge.kept} later: undo that merge first.",
                CONFLICT,
            )
        facts = merge.gone
        restored = Visitor(
            pk=UUID(facts["id"]),
            template=merge.gone_template,
            first_seen_at=datetime.fromisoformat(facts["first_seen_at"]),
            last_seen_at=datetime.fromisoformat(facts["last_seen_at"]),
            created_by=by,
            updated_by=by,
            **{name: facts[name] for name in KEPT_FIELDS},
        )
        restored.save(force_insert=True)
        for model, keys in ((Sighting, merge.sightings), (Visit, merge.visits)):
            model.objects.filter(pk__in=keys, visitor=merge.kept).update(visitor=restored)
        IdentityRejection.objects.filter(pk__in=facts["denials"]).update(person=restored.pk)
        Merge.objects.filter(pk__in=facts.get("merges", ())).update(kept=restored)
        settle(restored)
        _look(merge.kept, merge.kept_template, facts["kept_weight"])
        _seen_again(merge.kept)
        announce(topic=Outbox.Topic.VISITOR_TEMPLATE, subject=restored.pk, detail=restored.pack)
        first, second = sorted((merge.kept.pk, restored.pk))
        MergeProposal.objects.update_or_create(
            first_id=first,
            second_id=second,
            defaults={
                "score": float(merge.kept_template @ merge.gone_template),
                "state": MergeProposal.State.DISTINCT,
                "updated_by": by,
            },
        )
        merge.undone_at, merge.updated_by = now, by
        merge.save(update_fields=["undone_at", "updated_by", "updated_at"])
    return restored


def _facts(visitor: Visitor) -> dict[str, Any]:
    return {
        "id": str(visitor.pk),
        "first_seen_at": visitor.first_seen_at.isoformat(),
        "last_seen_at": visitor.last_seen_at.isoformat(),
        **{name: getattr(visitor, name) for name in KEPT_FIELDS},
    }


def _moved(model: type[Sighting] | type[Visit], gone: Visitor, kept: Visitor) -> list[str]:
    rows = model.objects.filter(visitor=gone)
    keys = [str(key) for key in rows.values_list("pk", flat=True)]
    rows.update(visitor=kept)
    return keys


def _denials_moved(gone: Visitor, kept: Visitor) -> list[str]:
    """Rejections of either visitor apply to the merged one."""
    rows = IdentityRejection.objects.filter(person=gone.pk)
    keys = [str(key) for key in rows.values_list("pk", flat=True)]
    rows.update(person=kept.pk)
    return keys


def _merges_moved(gone: Visitor, kept: Visitor) -> list[str]:
    """What was merged into `gone` earlier belongs to `kept` until this merge is undone."""
    rows = Merge.objects.filter(kept=gone)
    keys = [str(key) for key in rows.values_list("pk", flat=True)]
    rows.update(kept=kept)
    return keys


def _visits_moved(gone: Visitor, kept: Visitor) -> list[str]:
    """A person has one open visit per site: of two, the one that was seen last stays open."""
    for visit in Visit.objects.filter(visitor=gone, ended_at=None):
        twin = Visit.objects.filter(visitor=kept, site=visit.site_id, ended_at=None).first()
        if twin is not None:
            older = min((visit, twin), key=lambda one: one.last_seen_at)
            older.ended_at = older.last_seen_at
            older.save(update_fields=["ended_at", "updated_at"])
    return _moved(Visit, gone, kept)


def _look(visitor: Visitor, template: NDArray[np.float32], weight: float) -> None:
    visitor.template, visitor.template_weight = template, weight
    # Not the name and the note: a user may be writing them at this moment.
    fields = ["template", "template_weight", "first_seen_at", "last_seen_at", "site", "updated_at"]
    visitor.save(update_fields=fields)
    announce(topic=Outbox.Topic.VISITOR_TEMPLATE, subject=visitor.pk, detail=visitor.pack)


def _seen_again(visitor: Visitor) -> None:
    """When a visitor was first and last seen, and where first, from their remaining visits."""
    ends = visitor.sightings.aggregate(first=Min("started_at"), last=Max("last_seen_at"))
    if ends["first"] is not None:
        visitor.first_seen_at, visitor.last_seen_at = ends["first"], ends["last"]
        visitor.save(update_fields=["first_seen_at", "last_seen_at", "updated_at"])
    settle(visitor)
