"""The known people of one tenant, as a camera's pipeline uses them."""

import logging
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from tenants.models import Tenant
from workers.engines import Engines
from workers.links.desk import Desk, Known
from workers.links.direct_desk import DESK
from workers.sinks import outage
from workers.stages.match import nearest
from workers.turns import TURNS
from workers.types import Candidate

log = logging.getLogger(__name__)

FRESH_SECONDS = 1.0
"""Seconds until a worker knows a person who was enrolled elsewhere."""


class TenantGallery:
    """One per tenant and process, shared by the threads of its cameras."""

    def __init__(self, tenant: Tenant, pack: str, desk: Desk = DESK) -> None:
        self._tenant, self._pack, self._desk = tenant, pack, desk
        self._checked = float("-inf")
        self._lock = threading.Lock()
        self._known = Known(version=-1, people=[], templates=np.empty((0, 512), dtype=np.float32), denied={})

    def staff(self, template: NDArray[np.float32]) -> list[Candidate]:
        """The staff. During an outage, those who were known before."""
        if self._is_due():
            # The turn is released before waiting for the lock: the lock's holder may be waiting for a turn.
            with TURNS.left(), self._lock:
                self._look_again()
        known = self._known
        found = nearest(template, known.templates, known.people)
        return [one for one in found if not _denied(one, known.denied, template)]

    def visitors(self, template: NDArray[np.float32], site: UUID | None = None) -> list[Candidate]:
        """The visitors who may be known at a site; without a site, all of them.

        Empty during an outage: the record of a new visitor is compared again when it arrives.
        """
        if outage.on():
            return []
        try:
            with TURNS.left():
                return self._desk.visitors(self._tenant, template, self._pack, site)
        except outage.Away:
            return []

    def _is_due(self) -> bool:
        return time.monotonic() - self._checked > FRESH_SECONDS and not outage.on()

    def _look_again(self) -> None:
        """Reload if a person was enrolled, changed or removed."""
        if not self._is_due():  # another thread has reloaded meanwhile
            return
        with suppress(outage.Away):
            self._known = self._desk.known(self._tenant, self._pack, self._known.version) or self._known
        self._checked = time.monotonic()


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
    """Whether the face is more like one for which users rejected this person than like the person."""
    anchors = denied.get(one.identity)
    return anchors is not None and float((anchors @ template).max()) > one.score


def tuned(tenant: Tenant, engines: Engines, desk: Desk = DESK) -> Engines:
    """The engines with the thresholds measured for this tenant, if there are any. Raises Away."""
    tuning = desk.tuning(tenant, engines.embedder.pack)
    if tuning.others:
        made = ", ".join(f"{count} with {pack}" for pack, count in tuning.others.items())
        log.warning(
            "%s has enrolment pictures that were examined with another model pack (%s) and are not compared: "
            "run `manage.py enrol --again --tenant %s`",
            tenant,
            made,
            tenant.schema_name,
        )
    return engines if tuning.own is None else replace(engines, thresholds=tuning.own)


_galleries: dict[tuple[object, str, Desk], TenantGallery] = {}
_galleries_lock = threading.Lock()


def gallery_of(tenant: Tenant, pack: str, site: UUID, desk: Desk = DESK) -> SiteGallery:
    with _galleries_lock:
        known = _galleries.setdefault((tenant.pk, pack, desk), TenantGallery(tenant, pack, desk))
    return SiteGallery(known, site)
