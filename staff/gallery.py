"""The known faces of staff, and the thresholds that were measured for a tenant."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import cast
from uuid import UUID

import numpy as np
from django.db.models import Count
from numpy.typing import NDArray

from staff.models import FaceImage, GalleryVersion, MatchThresholds


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


def faces_in_use(pack: str) -> dict[tuple[UUID, datetime], tuple[UUID, float]]:
    """Person and quality of each picture in use, by its id and its last change. Also of those who have left.

    A person who is recognised again later must not resemble another one then.
    """
    rows = FaceImage.objects.filter(pack=pack, status=FaceImage.Status.READY).order_by("created_at")
    facts = rows.values_list("pk", "updated_at", "staff_member_id", "quality")
    return {(pk, at): (person, cast(float, quality)) for pk, at, person, quality in facts}


def embeddings_of(keys: Collection[UUID]) -> dict[UUID, NDArray[np.float32]]:
    """The embeddings of these pictures."""
    return cast(
        dict[UUID, NDArray[np.float32]],
        dict(FaceImage.objects.filter(pk__in=keys).values_list("pk", "embedding")),
    )


def told_apart(person: UUID) -> set[UUID]:
    """The people of whom a user has said that they are other people than this one, on either's picture."""
    of_this = FaceImage.objects.filter(staff_member=person).values_list("distinct_from", flat=True)
    of_others = FaceImage.objects.filter(distinct_from__contains=[person])
    return {other for others in of_this for other in others} | set(
        of_others.values_list("staff_member_id", flat=True)
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
