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
from workers.process.clients.direct_run_client import DIRECT_RUN_CLIENT
from workers.process.clients.run_client import RunClient, StaffGallery
from workers.process.sinks import outage
from workers.recognition.models.loading import FaceModels
from workers.recognition.slots import CPU_SLOTS
from workers.recognition.stages.match import nearest
from workers.recognition.types import Candidate

log = logging.getLogger(__name__)

FRESH_SECONDS = 1.0
"""Seconds until a worker knows a person who was enrolled elsewhere."""


class TenantGallery:
    """One per tenant and process, shared by the threads of its cameras."""

    def __init__(self, tenant: Tenant, pack: str, run_client: RunClient = DIRECT_RUN_CLIENT) -> None:
        self._tenant, self._pack, self._run_client = tenant, pack, run_client
        self._checked = float("-inf")
        self._lock = threading.Lock()
        self._known = StaffGallery(
            version=-1, people=[], templates=np.empty((0, 512), dtype=np.float32), denied={}
        )

    def staff(self, template: NDArray[np.float32]) -> list[Candidate]:
        """The staff. During an outage, those who were known before."""
        if self._is_due():
            # The turn is released before waiting for the lock: the lock's holder may be waiting for a turn.
            with CPU_SLOTS.left(), self._lock:
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
            with CPU_SLOTS.left():
                return self._run_client.visitors(self._tenant, template, self._pack, site)
        except outage.Unavailable:
            return []

    def _is_due(self) -> bool:
        return time.monotonic() - self._checked > FRESH_SECONDS and not outage.on()

    def _look_again(self) -> None:
        """Reload if a person was enrolled, changed or removed."""
        if not self._is_due():  # another thread has reloaded meanwhile
            return
        with suppress(outage.Unavailable):
            self._known = self._run_client.known(self._tenant, self._pack, self._known.version) or self._known
        self._checked = time.monotonic()


@dataclass(frozen=True, slots=True)
class SiteGallery:
    """A tenant's known people as the cameras of one site see them. Implements
    `workers.recognition.types.Gallery`."""

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


def tuned(tenant: Tenant, models: FaceModels, run_client: RunClient = DIRECT_RUN_CLIENT) -> FaceModels:
    """The models with the thresholds measured for this tenant, if there are any. Raises Unavailable."""
    tuning = run_client.tuning(tenant, models.embedder.pack)
    if tuning.others:
        made = ", ".join(f"{count} with {pack}" for pack, count in tuning.others.items())
        log.warning(
            "%s has enrolment pictures that were examined with another model pack (%s) and are not compared: "
            "run `manage.py enrol --again --tenant %s`",
            tenant,
            made,
            tenant.schema_name,
        )
    return models if tuning.own is None else replace(models, thresholds=tuning.own)


_galleries: dict[tuple[object, str, RunClient], TenantGallery] = {}
_galleries_lock = threading.Lock()


def gallery_of(
    tenant: Tenant, pack: str, site: UUID, run_client: RunClient = DIRECT_RUN_CLIENT
) -> SiteGallery:
    with _galleries_lock:
        known = _galleries.setdefault((tenant.pk, pack, run_client), TenantGallery(tenant, pack, run_client))
    return SiteGallery(known, site)
