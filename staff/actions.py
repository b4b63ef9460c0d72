"""Create, change and delete staff members and their pictures."""

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from functools import partial

import numpy as np
from django.db import IntegrityError, transaction
from django.db.models import F
from numpy.typing import NDArray

from facetrack.core import objects
from facetrack.core.images import CleanPicture
from staff.events import face_image_added, staff_member_leaving, staff_member_left
from staff.models import FaceImage, GalleryVersion, MatchThresholds, StaffMember
from tenants.actions import delete_row_first
from tenants.isolation import storage
from tenants.isolation.quotas import Resource, require_room
from tenants.models import User
from tenants.queries import active_tenant

STAFF_FIELDS = ("name", "employee_number", "department", "email", "active", "sites")
"""The fields of a staff member that people write."""


def save_staff_member(
    *, member: StaffMember, by: User | None, only: Iterable[str] = STAFF_FIELDS
) -> StaffMember:
    """Create a staff member, or change the fields `only` of one. Raises ValidationError, QuotaExceeded."""
    member.updated_by = by
    fields: list[str] | None = [*only, "updated_by", "updated_at"]
    if adding := member._state.adding:
        member.created_by, fields = by, None
    with transaction.atomic():
        if adding:
            require_room(active_tenant(), Resource.STAFF)
        member.full_clean(exclude=["created_by", "updated_by"])
        member.save(update_fields=fields)
        _gallery_changed()
    return member


def delete_staff_member(*, member: StaffMember) -> None:
    """Remove a staff member with all their pictures, sightings and visits; the activity log has one line."""
    with transaction.atomic(), ExitStack() as deletion:
        staff_member_leaving.send(sender=StaffMember, staff_member_id=member.pk, deletion=deletion)
        delete_row_first(member)
        staff_member_left.send(sender=StaffMember, staff_member_id=member.pk)
        for face_image in member.face_images.all():
            _forget_picture(face_image)
        member.delete()
        _gallery_changed()


def add_face_image(*, member: StaffMember, picture: CleanPicture, by: User | None) -> FaceImage:
    """Store a picture of a staff member. A worker examines it next.

    A duplicate is not stored twice; a duplicate that was refused is examined again. Returns the stored row.
    Raises QuotaExceeded.
    """
    tenant = active_tenant()
    if known := member.face_images.filter(digest=picture.digest).first():
        return _examine_again(known) if known.status == FaceImage.Status.REFUSED else known
    key = objects.save(tenant.pk, "enrolment", picture.jpeg, bucket=objects.RAW)
    try:
        with transaction.atomic():
            require_room(tenant, Resource.PICTURES)
            storage.require(len(picture.jpeg))
            face_image = FaceImage.objects.create(
                staff_member=member, picture=key, digest=picture.digest, created_by=by, updated_by=by
            )
            _announce(face_image)
    except BaseException as error:
        objects.delete(tenant.pk, key, bucket=objects.RAW)
        twin = (
            member.face_images.filter(digest=picture.digest).first()
            if isinstance(error, IntegrityError)
            else None
        )
        if twin is None:
            raise
        return twin  # a concurrent upload of the same picture
    return face_image


def add_face_images(*, member: StaffMember, pictures: Sequence[CleanPicture], by: User | None) -> None:
    """Store all of these pictures or none. Raises as `add_face_image`."""
    added: set[str] = set()
    try:
        with transaction.atomic():
            for picture in pictures:
                added.add(add_face_image(member=member, picture=picture, by=by).picture)
    except BaseException:
        kept = FaceImage.objects.filter(picture__in=added).values_list("picture", flat=True)
        for key in added.difference(kept):  # their rows are rolled back
            objects.delete(active_tenant().pk, key, bucket=objects.RAW)
        raise


def accept_face(
    *,
    face_image: FaceImage,
    box: Sequence[float],
    landmarks: Sequence[float],
    quality: float,
    embedding: NDArray[np.float32],
    pack: str,
) -> None:
    """The picture shows one good face: it is used for recognition from now on."""
    with transaction.atomic():
        face_image.box, face_image.landmarks = list(box), list(landmarks)
        face_image.quality, face_image.embedding, face_image.pack = quality, embedding, pack
        face_image.status, face_image.reason = FaceImage.Status.READY, ""
        face_image.save(
            update_fields=[
                *("box", "landmarks", "quality", "embedding", "pack", "status", "reason", "updated_at")
            ]
        )
        _gallery_changed()


def refuse_face(*, face_image: FaceImage, reason: str) -> None:
    """Refuse the picture. `reason` tells the uploader what is wrong and what to do."""
    face_image.status, face_image.reason = FaceImage.Status.REFUSED, reason[:300]
    face_image.save(update_fields=["status", "reason", "updated_at"])


def delete_face_image(*, face_image: FaceImage) -> None:
    with transaction.atomic():
        _forget_picture(face_image)
        face_image.delete()
        _gallery_changed()


def apply_thresholds(*, thresholds: MatchThresholds) -> MatchThresholds:
    """Set this tenant's thresholds for their pack; they replace earlier ones."""
    with transaction.atomic():
        MatchThresholds.objects.filter(pack=thresholds.pack).delete()
        thresholds.full_clean(exclude=["created_by", "updated_by"])
        thresholds.save()
        _gallery_changed()
    return thresholds


def examine_again(*, pack: str) -> int:
    """Re-examine every picture in use that was examined with another model pack. Returns their number.

    Their embeddings cannot be compared with those of `pack`.
    """
    others = FaceImage.objects.filter(status=FaceImage.Status.READY).exclude(pack=pack)
    for face_image in others:
        _examine_again(face_image)
    _gallery_changed()
    return len(others)


def _examine_again(face_image: FaceImage) -> FaceImage:
    with transaction.atomic():
        face_image.status, face_image.reason = FaceImage.Status.PENDING, ""
        face_image.save(update_fields=["status", "reason", "updated_at"])
        _announce(face_image)
    return face_image


def _announce(face_image: FaceImage) -> None:
    transaction.on_commit(partial(face_image_added.send, sender=FaceImage, face_image_id=face_image.pk))


def _forget_picture(face_image: FaceImage) -> None:
    """Delete the object after the transaction commits; a rollback keeps the picture."""
    transaction.on_commit(partial(storage.discard, face_image.picture, bucket=objects.RAW))


def gallery_changed() -> None:
    """Make the workers reload the tenant's gallery. Part of the caller's transaction."""
    _gallery_changed()


def _gallery_changed() -> None:
    GalleryVersion.objects.get_or_create(pk=1)
    GalleryVersion.objects.filter(pk=1).update(number=F("number") + 1)
