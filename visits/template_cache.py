"""Visitors' templates in the memory of this process: each is read and decrypted once, until it changes."""

import threading
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import cast
from uuid import UUID

import numpy as np
from django.db.models import QuerySet
from numpy.typing import NDArray

from visits.models import Visitor

MAX_TEMPLATES = 60_000
"""How many are kept of one tenant and model pack: 120 MB. With more, it begins again with those in use."""
LATE = timedelta(minutes=1)
"""So long after the time that it carries a change may become visible: no transaction takes longer."""
FIRST_ROOM = 1_024

Scored = list[tuple[UUID, float]]


class TemplateCache:
    """One tenant's templates of one model pack. Safe for threads."""

    def __init__(self, pack: str) -> None:
        self._pack = pack
        self._lock = threading.Lock()
        self._places: dict[UUID, int] = {}
        self._sites: dict[UUID, UUID | None] = {}
        self._versions: dict[UUID, datetime] = {}
        self._templates = np.empty((FIRST_ROOM, 512), dtype=np.float32)
        self._until: datetime | None = None

    def nearest(self, visitors: QuerySet[Visitor], template: NDArray[np.float32], limit: int) -> Scored:
        """The best of these visitors and their similarity to a template, best first."""
        versions = list(visitors.order_by().values_list("pk", "updated_at"))
        if not versions:
            return []
        with self._lock:
            self._load(versions)
            people = [person for person, _ in versions if person in self._places]  # not deleted meanwhile
            scores = self._templates[[self._places[person] for person in people]] @ template
        return _best(people, scores, limit)

    def nearest_of_all(self, template: NDArray[np.float32], limit: int, site: UUID | None) -> Scored:
        """As `nearest`, of all visitors, or all of one site. Reads what has changed since the last time."""
        with self._lock:
            changed = Visitor.objects.filter(pack=self._pack)
            if self._until is not None:
                changed = changed.filter(updated_at__gte=self._until - LATE)
            versions = list(changed.order_by().values_list("pk", "updated_at"))
            self._load(versions)
            self._until = max([at for _, at in versions], default=self._until)
            people = list(self._places)
            scores = self._templates[: len(people)] @ template
            if site is not None:
                scores[[self._sites[person] != site for person in people]] = -np.inf
        return _best(people, scores, limit)

    def _load(self, versions: Sequence[tuple[UUID, datetime]]) -> None:
        stale = [person for person, at in versions if self._versions.get(person) != at]
        if len(self._places) + len(stale) > MAX_TEMPLATES:
            self._forget()
            stale = [person for person, _ in versions]
        if not stale:
            return
        rows = Visitor.objects.filter(pk__in=stale).order_by()
        for person, template, site, at in rows.values_list("pk", "template", "site", "updated_at").iterator():
            place = self._places.setdefault(person, len(self._places))
            if place == len(self._templates):
                self._templates = np.vstack([self._templates, np.empty_like(self._templates)])
            self._templates[place] = cast(NDArray[np.float32], template)
            self._sites[person], self._versions[person] = site, at

    def _forget(self) -> None:
        for kept in (self._places, self._sites, self._versions):
            kept.clear()
        self._templates = np.empty((FIRST_ROOM, 512), dtype=np.float32)
        self._until = None


@lru_cache(maxsize=32)
def template_cache(tenant: UUID, pack: str) -> TemplateCache:
    """The cache of a tenant, who has to be the active one when it is used."""
    return TemplateCache(pack)


def _best(people: Sequence[UUID], scores: NDArray[np.float32], limit: int) -> Scored:
    return [(people[i], float(scores[i])) for i in np.argsort(-scores)[:limit]]
