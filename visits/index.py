"""Visitors by face: from the index, and from PostgreSQL for what the index does not have yet.

The only door to Milvus.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby, islice
from operator import itemgetter
from typing import TYPE_CHECKING, cast
from uuid import UUID

import numpy as np
from django.conf import settings
from django.db.models import QuerySet
from numpy.typing import NDArray

from facetrack.core.breaker import Breaker
from facetrack.core.vector_errors import IndexUnavailable
from tenants.models import Outbox, Tenant
from visits.models import IdentityRejection, Visitor
from visits.template_cache import template_cache

if TYPE_CHECKING:
    from facetrack.core.vectors import VisitorIndex

__all__ = [
    "IndexUnavailable",
    "Match",
    "breaker_of",
    "bring_up_to_date",
    "fill",
    "nearest_visitors",
    "rejected_faces",
    "sites_share",
    "visitor_index",
    "without_rejected",
]

log = logging.getLogger(__name__)

SEARCH_SECONDS = 0.3
BATCH = 500
"""Number of visitors read and written in one batch."""
SPARE = 10
"""Extra rows requested: the index may still hold visitors who were merged or deleted."""
FALLBACK_LIMIT = 50_000
"""Maximum number of a tenant's visitors compared in memory while the index is away: 4 ms, 100 MB."""


@dataclass(frozen=True, slots=True)
class Match:
    """A person and the cosine similarity of their template."""

    person: UUID
    score: float


@lru_cache(maxsize=8)
def visitor_index(pack: str) -> "VisitorIndex":
    """The index of visitors' templates made with `pack`, shared by all tenants, partitioned by tenant."""
    from facetrack.core.vectors import VisitorIndex  # loads pandas: most commands can spare the second

    return VisitorIndex(settings.MILVUS_URI, pack)


def sites_share(tenant: Tenant) -> bool:
    """Whether all sites of the tenant share their visitors.

    The database is asked each time, because a worker keeps a tenant for days.
    """
    return bool(Tenant.objects.filter(pk=tenant.pk).values_list("visitors_shared", flat=True).first())


def nearest_visitors(
    tenant: Tenant, template: NDArray[np.float32], pack: str, limit: int = 5, *, site: UUID | None = None
) -> list[Match]:
    """The nearest visitors of `tenant`, best first. Must be called inside that tenant.

    `site` is where the face was seen: if sites do not share visitors, only that site's are considered.
    Visitors are left out if users rejected them for a face that is nearer to this one than they are.
    Raises IndexUnavailable if the index is away and the tenant has too many visitors for memory.
    """
    within = None if site is None or sites_share(tenant) else site
    own = (
        Visitor.objects.filter(pack=pack)
        if within is None
        else Visitor.objects.filter(pack=pack, site=within)
    )
    # Before the search: a row that the drain moves meanwhile is then seen twice instead of never.
    pending = Outbox.objects.filter(tenant=tenant, topic=Outbox.Topic.VISITOR_TEMPLATE).values("subject")
    cache = template_cache(tenant.pk, pack)
    fresh = cache.nearest(own.filter(pk__in=pending), template, limit)
    try:
        indexed = _indexed(tenant, template, pack, limit + SPARE, within)
        if not indexed and own.exclude(pk__in=pending).exists():
            raise IndexUnavailable(
                "the visitors' index has lost its rows; run `manage.py reindex` to restore them"
            )
    except IndexUnavailable as error:
        if Visitor.objects.filter(pack=pack).count() > FALLBACK_LIMIT:
            raise
        log.warning("visitors of %s are compared in memory: %s", tenant, error)
        indexed = cache.nearest_of_all(template, limit + SPARE, within)
    known = set(own.filter(pk__in=[person for person, _ in indexed]).values_list("pk", flat=True))
    best = {person: score for person, score in indexed if person in known}
    best |= dict(fresh)  # pending rows are newer than the index
    ranked = sorted(best.items(), key=lambda item: -item[1])[:limit]
    return without_rejected([Match(person, score) for person, score in ranked], template, pack)


def without_rejected(matches: list[Match], template: NDArray[np.float32], pack: str) -> list[Match]:
    """Without people who were rejected for a face that is nearer than they are."""
    anchors = IdentityRejection.objects.filter(pack=pack, person__in=[match.person for match in matches])
    nearest: dict[UUID, float] = {}
    for anchor in anchors:
        score = float(anchor.template @ template)
        nearest[anchor.person] = max(score, nearest.get(anchor.person, -1.0))
    return [match for match in matches if nearest.get(match.person, -1.0) <= match.score]


def rejected_faces(pack: str) -> dict[str, NDArray[np.float32]]:
    """The rejected faces (N, 512) by the id of the person."""
    rows: dict[str, list[NDArray[np.float32]]] = {}
    for anchor in IdentityRejection.objects.filter(pack=pack):
        rows.setdefault(str(anchor.person), []).append(anchor.template)
    return {person: np.stack(templates) for person, templates in rows.items()}


def bring_up_to_date(tenant: Tenant, packs: Mapping[UUID, str]) -> None:
    """Copy the state of these visitors (with their model packs) from PostgreSQL to the index.

    If the index holds nothing of the tenant, all its visitors are added. Raises IndexUnavailable.
    """
    changed = Visitor.objects.filter(pk__in=packs)
    for pack in {*packs.values(), *changed.values_list("pack", flat=True)}:
        own = Visitor.objects.filter(pack=pack)
        fill(tenant, own.filter(pk__in=packs) if visitor_index(pack).ready(tenant.pk) else own, pack)
    known = set(changed.values_list("pk", flat=True))
    for pack in set(packs.values()):
        gone = [visitor for visitor in packs if packs[visitor] == pack and visitor not in known]
        if gone:
            visitor_index(pack).delete(tenant.pk, gone)


def fill(
    tenant: Tenant, visitors: QuerySet[Visitor], pack: str, advance: Callable[[int], None] | None = None
) -> int:
    """Add these visitors to the index of their pack, site by site; returns their number.

    `advance` is called with the number done so far. Raises IndexUnavailable.
    """
    done = 0
    rows = visitors.order_by("site").values_list("site", "pk", "template").iterator(chunk_size=BATCH)
    for site, at_site in groupby(rows, key=itemgetter(0)):
        while some := list(islice(at_site, BATCH)):
            entries = [(person, cast(NDArray[np.float32], template)) for _, person, template in some]
            done += visitor_index(pack).upsert(tenant.pk, entries, site)
            if advance:
                advance(done)
    return done


@lru_cache(maxsize=8)
def breaker_of(pack: str) -> Breaker:
    return Breaker()


def _indexed(
    tenant: Tenant, template: NDArray[np.float32], pack: str, limit: int, site: UUID | None
) -> list[tuple[UUID, float]]:
    breaker = breaker_of(pack)
    if not breaker.allows():
        raise IndexUnavailable("the visitors' index failed several times; it is retried in some seconds")
    try:
        found = visitor_index(pack).search(tenant.pk, template, limit, SEARCH_SECONDS, site)
    except IndexUnavailable:
        breaker.failed()
        raise
    breaker.succeeded()
    return found
