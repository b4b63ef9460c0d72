"""The known faces: those of staff, and the index of visitors' templates.

The only door to Milvus.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import cast
from uuid import UUID

import numpy as np
from django.conf import settings
from django.db.models import Count
from numpy.typing import NDArray

from facetrack.lib.vectors import IndexUnavailable, VisitorIndex
from staff.models import FaceImage, GalleryVersion, MatchThresholds

__all__ = [
    "EnrolledFaces",
    "IndexUnavailable",
    "Match",
    "enrolled_faces",
    "gallery_version",
    "other_packs",
    "tenants_thresholds",
    "visitor_index",
]


@dataclass(frozen=True, slots=True)
class Match:
    """A person and the cosine similarity of their template."""

    person: UUID
    score: float


@dataclass(frozen=True, slots=True)
class EnrolledFaces:
    """The usable pictures of a tenant's active staff at `version`.

    `embeddings` is float32 (N, 512), `qualities` float32 (N,); `people` holds the person of each row.
    """

    version: int
    people: list[UUID]
    embeddings: NDArray[np.float32]
    qualities: NDArray[np.float32]


def gallery_version() -> int:
    """A number that grows with each enrolment, change or removal in the active tenant. One small query."""
    return GalleryVersion.objects.values_list("number", flat=True).first() or 0


def enrolled_faces(pack: str) -> EnrolledFaces:
    """The people of the active tenant who can be recognised with `pack`."""
    version = gallery_version()  # read before the faces: a concurrent enrolment then causes another load
    rows = list(
        FaceImage.objects.filter(
            pack=pack, status=FaceImage.Status.READY, staff_member__active=True
        ).values_list("staff_member_id", "embedding", "quality")
    )
    embeddings = [cast(NDArray[np.float32], embedding) for _, embedding, _ in rows]
    return EnrolledFaces(
        version=version,
        people=[person for person, _, _ in rows],
        embeddings=np.stack(embeddings) if embeddings else np.empty((0, 512), dtype=np.float32),
        qualities=np.array([quality for _, _, quality in rows], dtype=np.float32),
    )


def other_packs(pack: str) -> dict[str, int]:
    """The other model packs with which pictures in use were examined, and the number of pictures of each.

    Embeddings of two packs are never compared: a person who has only such pictures is not recognised.
    """
    ready = FaceImage.objects.filter(status=FaceImage.Status.READY, staff_member__active=True)
    rows = ready.exclude(pack=pack).values_list("pack").annotate(n=Count("pk")).order_by("pack")
    return dict(rows)


def tenants_thresholds(pack: str) -> MatchThresholds | None:
    """The active tenant's measured thresholds; None where the pack's own apply."""
    return MatchThresholds.objects.filter(pack=pack).first()


@lru_cache(maxsize=8)
def visitor_index(pack: str) -> VisitorIndex:
    """The index of visitors' templates made with `pack`, shared by all tenants, partitioned by tenant."""
    return VisitorIndex(settings.MILVUS_URI, pack)
