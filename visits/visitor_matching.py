"""Match an unknown face to a visitor, or create one.

The search takes long, so it is made without a lock (`look`). Under the lock (`same_or_new_visitor`) the
face is compared only with those who became visitors since.
"""

from dataclasses import dataclass
from typing import cast
from uuid import UUID

import numpy as np
from django.db.models import Count, IntegerField, Max, Q
from django.db.models.fields.json import KT
from django.db.models.functions import Cast
from numpy.typing import NDArray

from tenants.actions import announce
from tenants.models import Outbox
from tenants.queries import active_tenant
from visits.index import Match, nearest_visitors, sites_share, without_rejected
from visits.locks import lock_people, lock_strangers
from visits.models import Merge, SightingDecision, Visitor
from visits.rules import merge_templates
from visits.track_facts import TrackFacts


class LookAgain(Exception):
    """What was seen without a lock is no longer so: the transaction has to begin again with a new `look`."""


@dataclass(frozen=True, slots=True)
class Look:
    """Who was nearest to a face before the lock, and what tells who became a visitor since then."""

    nearest: Match | None
    last_number: int
    undone_merges: int


def look(facts: TrackFacts, *, site: UUID) -> Look:
    """Search for a face, before the transaction that records it. Raises IndexUnavailable."""
    # Before the search: who comes meanwhile is then seen twice, not never.
    numbers, undone = _merged_numbers()
    last = max(numbers, _last_number())
    nearest = nearest_visitors(active_tenant(), _template_of(facts), facts.pack, limit=1, site=site)
    return Look(nearest[0] if nearest else None, last, undone)


def known_visitor(facts: TrackFacts, site: UUID) -> Visitor:
    """The visitor whom the worker named. Raises LookAgain if deleted, or if this site may not know them."""
    if facts.person is None:
        raise LookAgain
    lock_people(facts.person)
    visitor = Visitor.objects.filter(pk=facts.person).order_by().first()
    if visitor is None or (visitor.site_id != site and not sites_share(active_tenant())):
        raise LookAgain
    return visitor


def same_or_new_visitor(
    facts: TrackFacts, found: Look, *, site: UUID, shot: str, match: float
) -> tuple[Visitor, SightingDecision, float]:
    """The visitor whom `found` names, or one who came since, or else a new one. Part of a transaction.

    Raises LookAgain if the visitor found was merged, deleted or changed since.
    """
    if found.nearest is not None and found.nearest.score >= match:
        visitor, score = _still_matching(found.nearest.person, facts, match)
        follow(visitor, facts, shot)
        return visitor, SightingDecision.VISITOR, score
    lock_strangers()
    merged, undone = _merged_numbers()
    if undone != found.undone_merges:
        raise LookAgain
    later = _newcomer(facts, found, site)
    if later is not None and later.score >= match:
        visitor, score = _still_matching(later.person, facts, match)
        follow(visitor, facts, shot)
        return visitor, SightingDecision.VISITOR, score
    visitor = Visitor.objects.create(
        number=max(merged, _last_number()) + 1,
        template=facts.template,
        template_weight=max(facts.quality, 0.1),
        pack=facts.pack,
        best_shot=shot,
        best_quality=facts.quality,
        site_id=site,
        first_seen_at=facts.started_at,
        last_seen_at=facts.last_seen_at,
    )
    announce(topic=Outbox.Topic.VISITOR_TEMPLATE, subject=visitor.pk, detail=visitor.pack)
    return visitor, SightingDecision.NEW_VISITOR, facts.score


def follow(visitor: Visitor, facts: TrackFacts, shot: str) -> None:
    """A known visitor, locked by the caller, was seen again: update the time and the template."""
    visitor.last_seen_at = max(visitor.last_seen_at, facts.last_seen_at)
    changed = ["last_seen_at", "updated_at"]
    if shot and facts.quality > visitor.best_quality:
        visitor.best_shot, visitor.best_quality = shot, facts.quality
        changed += ["best_shot", "best_quality"]
    if facts.template is not None and facts.pack == visitor.pack:
        visitor.template, visitor.template_weight = merge_templates(
            visitor.template, visitor.template_weight, facts.template, max(facts.quality, 0.1)
        )
        changed += ["template", "template_weight"]
        announce(topic=Outbox.Topic.VISITOR_TEMPLATE, subject=visitor.pk, detail=visitor.pack)
    visitor.save(update_fields=changed)  # not the name, which a user may be changing


def settle(visitor: Visitor) -> None:
    """A visitor belongs to the site of the earliest of their remaining visits."""
    site = visitor.visits.order_by("started_at", "pk").values_list("site", flat=True).first()
    if site is not None and site != visitor.site_id:
        visitor.site_id = site
        visitor.save(update_fields=["site", "updated_at"])
        announce(topic=Outbox.Topic.VISITOR_TEMPLATE, subject=visitor.pk, detail=visitor.pack)


def _still_matching(person: UUID, facts: TrackFacts, match: float) -> tuple[Visitor, float]:
    """The visitor, locked, and the similarity now. Raises LookAgain."""
    lock_people(person)
    visitor = Visitor.objects.filter(pk=person, pack=facts.pack).order_by().first()
    if visitor is None:
        raise LookAgain
    template = _template_of(facts)
    now = Match(person, float(visitor.template @ template))
    if now.score < match or not without_rejected([now], template, facts.pack):
        raise LookAgain
    return visitor, now.score


def _newcomer(facts: TrackFacts, found: Look, site: UUID) -> Match | None:
    """The nearest of those who became visitors since the search. Their numbers grow in that order."""
    later = Visitor.objects.filter(pack=facts.pack, number__gt=found.last_number)
    if not sites_share(active_tenant()):
        later = later.filter(site=site)
    rows = list(later.order_by().values_list("pk", "template"))
    if not rows:
        return None
    template = _template_of(facts)
    scores = np.stack([known for _, known in rows]) @ template
    best = int(np.argmax(scores))
    allowed = without_rejected([Match(rows[best][0], float(scores[best]))], template, facts.pack)
    return allowed[0] if allowed else None


def _template_of(facts: TrackFacts) -> NDArray[np.float32]:
    if facts.template is None:
        raise ValueError(f"track {facts.track} of camera {facts.camera} makes a visitor without a template")
    return facts.template


def _last_number() -> int:
    return cast(int, Visitor.objects.aggregate(last=Max("number"))["last"] or 0)


def _merged_numbers() -> tuple[int, int]:
    """The highest number that undoing a merge can bring back, and how many merges were undone."""
    found = Merge.objects.aggregate(
        last=Max(Cast(KT("gone__number"), IntegerField()), filter=Q(undone_at=None)),
        undone=Count("pk", filter=~Q(undone_at=None)),
    )
    return found["last"] or 0, found["undone"]
