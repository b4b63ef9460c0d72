"""The known people of one tenant, as the pipeline of a camera sees them."""

import threading
import time

import numpy as np
from numpy.typing import NDArray

from staff.gallery import Match, StaffGallery
from tenants.context import inside
from tenants.models import Tenant
from visits.gallery import nearest_visitors
from workers.types import Candidate

FRESH_SECONDS = 1.0
"""How long a worker may still miss somebody who was enrolled elsewhere."""


class TenantGallery:
    """Implements `workers.types.Gallery`; one a tenant and process, shared by the threads of its cameras."""

    def __init__(self, tenant: Tenant, pack: str) -> None:
        self._tenant, self._pack = tenant, pack
        self._staff = StaffGallery(pack)
        self._checked = float("-inf")
        self._lock = threading.Lock()

    def staff(self, template: NDArray[np.float32]) -> list[Candidate]:
        with self._lock:
            if time.monotonic() - self._checked > FRESH_SECONDS:
                with inside(self._tenant):
                    self._staff.refresh()
                self._checked = time.monotonic()
        return _candidates(self._staff.nearest(template))

    def visitors(self, template: NDArray[np.float32]) -> list[Candidate]:
        with inside(self._tenant):
            return _candidates(nearest_visitors(self._tenant, template, self._pack))


_galleries: dict[tuple[object, str], TenantGallery] = {}
_galleries_lock = threading.Lock()


def gallery_of(tenant: Tenant, pack: str) -> TenantGallery:
    with _galleries_lock:
        return _galleries.setdefault((tenant.pk, pack), TenantGallery(tenant, pack))


def _candidates(matches: list[Match]) -> list[Candidate]:
    return [Candidate(identity=str(match.person), score=match.score) for match in matches]
