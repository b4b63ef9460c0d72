"""Examines uploaded pictures of staff: finds the one face, or tells the uploader what is wrong."""

import logging
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet

from facetrack.core import objects
from facetrack.core.images import BadPicture, read_picture
from staff.actions import accept_face, being_examined, refuse_face
from staff.models import FaceImage
from staff.queries import waiting_face_images
from tenants.queries import active_tenant
from workers.process.likeness import likeness_of
from workers.process.model_cache import loaded_models
from workers.recognition.enrol import PictureRefused, enrol_picture
from workers.recognition.types import Picture

log = logging.getLogger(__name__)

KEPT_MEGABYTES = 100
"""The limit for our own stored files, which were checked against the limits of their time."""
OVERDUE = timedelta(seconds=20)
"""Age after which a waiting picture counts as missed, for example during an outage of the broker."""


def examine_picture(face_image_id: UUID) -> FaceImage | None:
    """Make a waiting picture ready, held or refused. None if it was deleted or is already examined."""
    face_image = waiting_face_images().filter(pk=face_image_id).first()
    if face_image is None:
        return None
    models = loaded_models()
    try:
        face = enrol_picture(models, _pixels(face_image))
    except (PictureRefused, BadPicture) as refusal:
        with being_examined(face_image_id) as waiting:
            if waiting is not None:
                refuse_face(face_image=waiting, reason=str(refusal))
        return waiting
    pack = models.embedder.pack
    with being_examined(face_image_id) as waiting:
        if waiting is None:
            return None
        accept_face(
            face_image=waiting,
            box=face.box.tolist(),
            landmarks=face.landmarks.ravel().tolist(),
            quality=face.quality.score,
            embedding=face.embedding,
            pack=pack,
            likeness=likeness_of(waiting, face, pack),
        )
    return waiting


def _pixels(face_image: FaceImage) -> Picture:
    """Raises BadPicture, and Busy: the picture is then overdue after some time, and examined again."""
    with objects.open_object(active_tenant().pk, face_image.picture, bucket=objects.RAW) as file:
        return read_picture(file, megabytes=KEPT_MEGABYTES, megapixels=settings.FACETRACK_UPLOAD_MEGAPIXELS)


def overdue(now: datetime) -> QuerySet[FaceImage]:
    return waiting_face_images().filter(created_at__lt=now - OVERDUE)
