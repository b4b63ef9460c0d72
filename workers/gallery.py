"""The known people of one tenant, as the pipeline of a camera sees them."""

import logging
import threading
import time
from dataclasses import dataclass, replace
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from staff.gallery import IndexUnavailable, enrolled_faces, gallery_version, other_packs, tenants_thresholds
from tenants.context import inside
from tenants.models import Tenant
from visits.gallery import denied_people, nearest_visitors
from workers.config import Thresholds
from workers.engines import Engines
from workers.sinks import outage
from workers.stages.embed import template_of
from workers.stages.match import nearest
from workers.turns import TURNS
from workers.types import Candidate

log = logging.getLogger(__name__)

FRESH_SECONDS = 1.0
"""How long a worker may still miss somebody who was enrolled elsewhere."""


@dataclass(frozen=True, slots=True)
class _Known:
    """One template a staff member, whose each is, and the faces that are not theirs. Never changed."""

    templates: NDArray[np.float32]
    people: list[str]
    denied: dict[str, NDArray[np.float32]]


class TenantGallery:
    """One a tenant and process, shared by the threads of its cameras."""

    def __init__(self, tenant: Tenant, pack: str) -> None:
        self._tenant, self._pack = tenant, pack
        self._version = -1
        self._checked = float("-inf")
        self._lock = threading.Lock()
        self._known = _Known(np.empty((0, 512), dtype=np.float32), [], {})

    def staff(self, template: NDArray[np.float32]) -> list[Candidate]:
        """While the database is away, those who were known before."""
        if self._is_due():
            # The turn is left before the lock is waited for: who has the lock may be waiting for a turn.
            with TURNS.left(), self._lock:
                self._look_again()
        known = self._known
        found = nearest(template, known.templates, known.people)
        return [one for one in found if not _denied(one, known.denied, template)]

    def visitors(self, template: NDArray[np.float32], site: UUID | None = None) -> list[Candidate]:
        """Those who may be known at a site; without one, all of them.

        While the database is away, nobody: a record of a new visitor is compared again when it arrives.
        """
        if outage.on():
            return []
        try:
            with TURNS.left(), inside(self._tenant):
                matches = nearest_visitors(self._tenant, template, self._pack, site=site)
        except outage.AWAY:
            outage.note()
            return []
        except IndexUnavailable as error:
            log.warning("visitors of %s cannot be compared now: %s", self._tenant, error)
            return []  # whoever records the track has it compared later
        return [Candidate(identity=str(match.person), score=match.score) for match in matches]

    def _is_due(self) -> bool:
        return time.monotonic() - self._checked > FRESH_SECONDS and not outage.on()

    def _look_again(self) -> None:
        if not self._is_due():  # somebody else has meanwhile
            return
        try:
            with inside(self._tenant):
                self._refresh()
        except outage.AWAY:
            outage.note()
        self._checked = time.monotonic()

    def _refresh(self) -> None:
        """Load anew if anybody was enrolled, changed or removed: one template a person."""
        if gallery_version() == self._version:
            return
        faces = enrolled_faces(self._pack)
        rows: dict[str, list[int]] = {}
        for row, person in enumerate(faces.people):
            rows.setdefault(str(person), []).append(row)
        templates = [template_of(faces.embeddings[of], faces.qualities[of]) for of in rows.values()]
        stacked = np.stack(templates) if templates else np.empty((0, 512), dtype=np.float32)
        self._known = _Known(stacked, list(rows), denied_people(self._pack))
        self._version = faces.version


@dataclass(frozen=True, slots=True)
class SiteGallery:
    """A tenant's known people as the cameras of one site see them. Implements `workers.types.Gallery`."""

    known: TenantGallery
    site: UUID

    def staff(self, template: NDArray[np.float32]) -> list[Candidate]:
        return self.known.staff(template)

    def visitors(self, template: NDArray[np.float32]) -> list[Candidate]:
        return self.known.visitors(template, self.site)


def _denied(one: Candidate, denied: dict[str, NDArray[np.float32]], template: NDArray[np.float32]) -> bool:
    """Whether the face is more like one that somebody said is not this person than like the person."""
    anchors = denied.get(one.identity)
    return anchors is not None and float((anchors @ template).max()) > one.score


def tuned(tenant: Tenant, engines: Engines) -> Engines:
    """The engines with the thresholds that were measured for this tenant, if any were."""
    with inside(tenant):
        own = tenants_thresholds(engines.embedder.pack)
        others = other_packs(engines.embedder.pack)
    if others:
        made = ", ".join(f"{count} with {pack}" for pack, count in others.items())
        log.warning(
            "%s has enrolment pictures that were examined with another model pack (%s) and are not compared: "
            "run `manage.py enrol --again --tenant %s`",
            tenant,
            made,
            tenant.schema_name,
        )
    if own is None:
        return engines
    return replace(engines, thresholds=Thresholds(link=own.link, review=own.review, margin=own.margin))


_galleries: dict[tuple[object, str], TenantGallery] = {}
_galleries_lock = threading.Lock()


def gallery_of(tenant: Tenant, pack: str, site: UUID) -> SiteGallery:
    with _galleries_lock:
        known = _galleries.setdefault((tenant.pk, pack), TenantGallery(tenant, pack))
    return SiteGallery(known, site)
