"""Match an unknown face to a visitor, or create one. Part of the caller's transaction, under its lock."""

from uuid import UUID

from django.db.models import IntegerField, Max
from django.db.models.fields.json import KT
from django.db.models.functions import Cast

from tenants.actions import announce
from tenants.models import Outbox
from tenants.queries import active_tenant
from visits.index import nearest_visitors, sites_share
from visits.models import Merge, SightingDecision, Visitor
from visits.rules import merge_templates
from visits.track_facts import TrackFacts


def known_visitor(facts: TrackFacts, site: UUID) -> Visitor | None:
    """The visitor whom the worker named; None if deleted since, or if this site may not know them."""
    visitor = Visitor.objects.filter(pk=facts.person).first() if facts.person else None
    if visitor is None or visitor.site_id == site or sites_share(active_tenant()):
        return visitor
    return None


def same_or_new_visitor(
    facts: TrackFacts, *, site: UUID, shot: str, match: float
) -> tuple[Visitor, SightingDecision, float]:
    """Search once more, now that no other writer can interfere: another camera may have met the same person.

    Raises IndexUnavailable.
    """
    if facts.template is None:
        raise ValueError(f"track {facts.track} of camera {facts.camera} makes a visitor without a template")
    nearest = nearest_visitors(active_tenant(), facts.template, facts.pack, limit=1, site=site)
    if nearest and nearest[0].score >= match:
        visitor = Visitor.objects.get(pk=nearest[0].person)
        follow(visitor, facts, shot)
        return visitor, SightingDecision.VISITOR, nearest[0].score
    visitor = Visitor.objects.create(
        number=_next_number(),
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
    """A known visitor was seen again: update the time and the template."""
    visitor.last_seen_at = max(visitor.last_seen_at, facts.last_seen_at)
    if shot and facts.quality > visitor.best_quality:
        visitor.best_shot, visitor.best_quality = shot, facts.quality
    if facts.template is not None and facts.pack == visitor.pack:
        visitor.template, visitor.template_weight = merge_templates(
            visitor.template, visitor.template_weight, facts.template, max(facts.quality, 0.1)
        )
        announce(topic=Outbox.Topic.VISITOR_TEMPLATE, subject=visitor.pk, detail=visitor.pack)
    # Not the name and the note: a user may be writing them at this moment.
    fields = ["last_seen_at", "best_shot", "best_quality", "template", "template_weight", "updated_at"]
    visitor.save(update_fields=fields)


def settle(visitor: Visitor) -> None:
    """A visitor belongs to the site of the earliest of their remaining visits."""
    site = visitor.visits.order_by("started_at", "pk").values_list("site", flat=True).first()
    if site is not None and site != visitor.site_id:
        visitor.site_id = site
        visitor.save(update_fields=["site", "updated_at"])
        announce(topic=Outbox.Topic.VISITOR_TEMPLATE, subject=visitor.pk, detail=visitor.pack)


def _next_number() -> int:
    """The next number that no visitor has, and that undoing a merge cannot bring back."""
    visitors = Visitor.objects.aggregate(last=Max("number"))["last"] or 0
    merged = Merge.objects.filter(undone_at=None).aggregate(
        last=Max(Cast(KT("gone__number"), IntegerField()))
    )["last"]
    return max(visitors, merged or 0) + 1
