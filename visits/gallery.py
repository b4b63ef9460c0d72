"""Visitors by face: the index first, and PostgreSQL for whatever the index does not have yet."""

import logging
from collections.abc import Iterable, Mapping
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from staff.gallery import IndexUnavailable, Match, visitor_index
from tenants.models import Outbox, Tenant
from visits.models import Visitor

log = logging.getLogger(__name__)

SEARCH_SECONDS = 0.3
FALLBACK_LIMIT = 50_000
"""How many visitors are compared in memory while the index is away, latest first: 4 ms at 50,000."""


def nearest_visitors(tenant: Tenant, template: NDArray[np.float32], pack: str, limit: int = 5) -> list[Match]:
    """The nearest visitors of `tenant`, best first. Must be called inside that tenant."""
    # Before the search: a row that the drain carries over meanwhile is then seen twice, never not at all.
    pending = Outbox.objects.filter(tenant=tenant, topic=Outbox.Topic.VISITOR_TEMPLATE).values("subject")
    fresh = _compare(Visitor.objects.filter(pack=pack, pk__in=pending), template, limit)
    try:
        indexed = visitor_index(pack).search(tenant.pk, template, limit, SEARCH_SECONDS)
    except IndexUnavailable as error:
        log.warning("visitors of %s are compared in memory: %s", tenant, error)
        recent = Visitor.objects.filter(pack=pack).order_by("-last_seen_at")[:FALLBACK_LIMIT]
        return _compare(recent, template, limit)
    known = set(Visitor.objects.filter(pk__in=[person for person, _ in indexed]).values_list("pk", flat=True))
    best = {person: score for person, score in indexed if person in known}
    best |= {match.person: match.score for match in fresh}  # what is pending is newer than the index
    ranked = sorted(best.items(), key=lambda item: -item[1])[:limit]
    return [Match(person, score) for person, score in ranked]


def bring_up_to_date(tenant: Tenant, packs: Mapping[UUID, str]) -> None:
    """Make the index say of these visitors (with their model packs) what PostgreSQL says.

    Raises IndexUnavailable.
    """
    rows = {visitor.pk: visitor for visitor in Visitor.objects.filter(pk__in=packs)}
    by_pack: dict[str, list[tuple[UUID, NDArray[np.float32]]]] = {}
    for visitor in rows.values():
        by_pack.setdefault(visitor.pack, []).append((visitor.pk, visitor.template))
    for pack, entries in by_pack.items():
        visitor_index(pack).upsert(tenant.pk, entries)
    for pack in set(packs.values()):
        gone = [visitor for visitor in packs if packs[visitor] == pack and visitor not in rows]
        if gone:
            visitor_index(pack).delete(tenant.pk, gone)


def _compare(visitors: Iterable[Visitor], template: NDArray[np.float32], limit: int) -> list[Match]:
    rows = [(visitor.pk, visitor.template) for visitor in visitors]
    if not rows:
        return []
    scores = np.stack([known for _, known in rows]) @ template
    return [Match(rows[i][0], float(scores[i])) for i in np.argsort(-scores)[:limit]]
