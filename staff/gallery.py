"""The known faces of one tenant: staff exactly and in memory, visitors through the index.

The only door to Milvus; everything takes the tenant as an argument.
"""

import threading
from dataclasses import dataclass
from functools import lru_cache
from typing import cast
from uuid import UUID

import numpy as np
from django.conf import settings
from numpy.typing import NDArray

from facetrack.lib.vectors import IndexUnavailable, VisitorIndex
from staff.models import FaceImage, GalleryVersion

__all__ = ["IndexUnavailable", "Match", "StaffGallery", "visitor_index"]


@dataclass(frozen=True, slots=True)
class Match:
    """A person and the cosine similarity of their nearest face."""

    person: UUID
    score: float


class StaffGallery:
    """Every usable face of a tenant's active staff as one float32 matrix (faces, 512), kept fresh by version.

    Must be used inside its tenant. Threads share one; a stale matrix is replaced, never changed.
    """

    def __init__(self, pack: str) -> None:
        self.pack = pack
        self._lock = threading.Lock()
        self._version = -1
        self._people: list[UUID] = []
        self._faces: NDArray[np.float32] = np.empty((0, 512), dtype=np.float32)

    def refresh(self) -> None:
        """Load anew if anybody was enrolled, changed or removed since."""
        version = GalleryVersion.objects.values_list("number", flat=True).first() or 0
        with self._lock:
            if version == self._version:
                return
            rows = list(
                FaceImage.objects.filter(
                    pack=self.pack, status=FaceImage.Status.READY, staff_member__active=True
                ).values_list("staff_member_id", "embedding")
            )
            self._people = [person for person, _ in rows]
            faces = [cast(NDArray[np.float32], face) for _, face in rows]
            self._faces = np.stack(faces) if faces else np.empty((0, 512), dtype=np.float32)
            self._version = version

    def nearest(self, template: NDArray[np.float32], limit: int = 5) -> list[Match]:
        """The nearest people, best first: a person counts by the best of their pictures."""
        with self._lock:
            people, faces = self._people, self._faces
        best: dict[UUID, float] = {}
        for person, score in zip(people, (faces @ template).tolist(), strict=True):
            best[person] = max(score, best.get(person, -1.0))
        ranked = sorted(best.items(), key=lambda item: -item[1])[:limit]
        return [Match(person, score) for person, score in ranked]


@lru_cache(maxsize=8)
def visitor_index(pack: str) -> VisitorIndex:
    """The index of visitors' templates made with `pack`, shared by all tenants, partitioned by tenant."""
    return VisitorIndex(settings.MILVUS_URI, pack)
