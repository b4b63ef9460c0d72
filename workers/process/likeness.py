"""Whom a newly enrolled face resembles, by the thresholds that recognition uses."""

import threading
from datetime import datetime
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from staff.gallery import embeddings_of, faces_in_use, tenants_thresholds, told_apart
from staff.models import FaceImage
from staff.rules import Likeness
from tenants.queries import active_tenant
from workers.recognition.enrol import EnrolledFace
from workers.recognition.likeness import KnownFaces, resembled
from workers.recognition.models.catalogue import PACKS

_lock = threading.Lock()
_read: dict[tuple[UUID, datetime], NDArray[np.float32]] = {}
_read_for: tuple[UUID, str] | None = None
"""Embeddings of the tenant and pack that were compared last: decrypting all of them again for each picture of
a folder would take seconds a picture."""


def likeness_of(face_image: FaceImage, face: EnrolledFace, pack: str) -> Likeness | None:
    """Whom the face resembles, except people of whom a user has said that they are others. None: no one."""
    person = face_image.staff_member_id
    own = tenants_thresholds(pack)
    threshold = own.link if own else PACKS[pack].thresholds.match
    found = resembled(face.embedding, face.quality.score, str(person), _known(pack), threshold)
    apart = told_apart(person)
    left = [one for one in found if UUID(one.identity) not in apart]
    if not left:
        return None
    origin = f"{pack}, measured on pictures of this organisation" if own else pack
    return Likeness(tuple(UUID(one.identity) for one in left), left[0].score, threshold, origin)


def _known(pack: str) -> KnownFaces:
    """All enrolled faces of the active tenant."""
    global _read, _read_for
    tenant, rows = active_tenant().pk, faces_in_use(pack)
    with _lock:
        before = _read if _read_for == (tenant, pack) else {}
        missing = [key for key in rows if key not in before]
        read = embeddings_of([pk for pk, _ in missing])
        _read = {key: before[key] if key in before else read[key[0]] for key in rows}
        _read_for = (tenant, pack)
        embeddings = list(_read.values())
    return KnownFaces(
        people=[str(person) for person, _ in rows.values()],
        embeddings=np.stack(embeddings) if embeddings else np.empty((0, 512), dtype=np.float32),
        qualities=np.array([quality for _, quality in rows.values()], dtype=np.float32),
    )
