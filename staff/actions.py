"""Create, change and delete staff members and their pictures."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime
from functools import partial
from uuid import UUID

import numpy as np
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import F
from numpy.typing import NDArray

from facetrack.core import objects
from facetrack.core.images import CleanPicture
from facetrack.core.rows import hold
from staff.events import face_image_added, staff_member_leaving, staff_member_left
from staff.models import FaceImage, GalleryVersion, MatchThresholds, StaffMember
from staff.rules import Likeness
from tenants.access.actor import because, current
from tenants.actions import delete_row_first
from tenants.isolation import storage
from tenants.isolation.quotas import Resource, require_room
from tenants.models import User
from tenants.queries import active_tenant
from tenants.rules.conflicts import CONFLICT

STAFF_FIELDS = ("name", "employee_number", "department", "email", "active", "sites")
"""The fields of a staff member that people write."""
LIKENESS_FIELDS = ("resembles", "similarity", "threshold", "threshold_from")
"""Why a picture is held."""
ENROLLED_ALL_THE_SAME = "enrolled all the same: the people whom it resembles are other people"
"""What the activity log says where no reason was given."""
OTHERS_BY_NOW = (
    "By now this picture resembles other people than those who were shown. Reload, and decide again."
)


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
        gallery_changed()
    return member


def delete_staff_member(*, member: StaffMember) -> None:
    """Remove a staff member with all their pictures, sightings and visits; the activity log has one line."""
    person = member.pk
    with transaction.atomic(), ExitStack() as deletion:
        hold(StaffMember, person)
        staff_member_leaving.send(sender=StaffMember, staff_member_id=person, deletion=deletion)
        lock_gallery()
        delete_row_first(member)
        staff_member_left.send(sender=StaffMember, staff_member_id=person)
        for face_image in member.face_images.all():
            _forget_picture(face_image)
        member.delete()
        _examine_held(person)
        gallery_changed()


def add_face_image(
    *, member: StaffMember, picture: CleanPicture, by: User | None, key: UUID | None = None
) -> FaceImage:
    """Store a picture of a staff member. A worker examines it next, unless another person has it: it is held.

    A duplicate is not stored twice, and is `repeated`; one that was refused is examined again. Returns the
    stored row. `key` is the API key that uploads it. Raises QuotaExceeded.
    """
    tenant = active_tenant()
    if known := member.face_images.filter(digest=picture.digest).first():
        return _repeated(known)
    name = objects.save(tenant.pk, "enrolment", picture.jpeg, bucket=objects.RAW)
    try:
        with transaction.atomic():
            require_room(tenant, Resource.PICTURES)
            storage.require(len(picture.jpeg))
            lock_gallery()  # of two people who get one picture at once, the second is seen to be that
            owners = _other_owners(member.pk, picture.digest)
            face_image = FaceImage.objects.create(
                staff_member=member,
                picture=name,
                digest=picture.digest,
                uploaded_by_key=key,
                status=FaceImage.Status.HELD if owners else FaceImage.Status.PENDING,
                resembles=owners,
                created_by=by,
                updated_by=by,
            )
            if not owners:
                _announce(face_image)
    except BaseException as error:
        objects.delete(tenant.pk, name, bucket=objects.RAW)
        twin = (
            member.face_images.filter(digest=picture.digest).first()
            if isinstance(error, IntegrityError)
            else None
        )
        if twin is None:
            raise
        return _repeated(twin)  # a concurrent upload of the same picture
    return face_image


def add_face_images(
    *, member: StaffMember, pictures: Sequence[CleanPicture], by: User | None
) -> list[FaceImage]:
    """Store all of these pictures or none. Returns their rows. Raises as `add_face_image`."""
    added: set[str] = set()
    rows: list[FaceImage] = []
    try:
        with transaction.atomic():
            for picture in pictures:
                rows.append(add_face_image(member=member, picture=picture, by=by))
                added.add(rows[-1].picture)
            return rows
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
    likeness: Likeness | None = None,
) -> None:
    """The picture shows one good face: it is used for recognition from now on.

    With `likeness`, it resembles other people: it is held until a user decides.
    """
    with transaction.atomic():
        face_image.box, face_image.landmarks = list(box), list(landmarks)
        face_image.quality, face_image.embedding, face_image.pack = quality, embedding, pack
        face_image.status, face_image.reason = FaceImage.Status.READY, ""
        _clear_likeness(face_image)
        if likeness is not None:
            face_image.status, face_image.resembles = FaceImage.Status.HELD, list(likeness.people)
            face_image.similarity, face_image.threshold = likeness.similarity, likeness.threshold
            face_image.threshold_from = likeness.threshold_from
        face_image.save(
            update_fields=[
                *("box", "landmarks", "quality", "embedding", "pack", "status", "reason", "updated_at"),
                *LIKENESS_FIELDS,
            ]
        )
        gallery_changed()


@contextmanager
def being_examined(face_image_id: UUID) -> Iterator[FaceImage | None]:
    """A waiting picture, in a transaction in which no other face comes into use; None if there is none.

    Of two pictures that resemble each other, the one that is compared second finds the first.
    """
    with transaction.atomic():
        lock_gallery()
        found = FaceImage.objects.select_for_update(of=("self",)).select_related("staff_member")
        yield found.filter(pk=face_image_id, status=FaceImage.Status.PENDING).first()


def confirm_face_image(*, face_image: FaceImage, by: User | None) -> FaceImage:
    """Enrol a held picture all the same: the people whom it resembles are other people.

    It is examined again, and held again if it resembles further people. Pictures of the same pair of people
    are not held later unless they are identical. Raises ValidationError if the picture is not held, or by now
    because of others than `face_image` says.
    """
    with transaction.atomic():
        lock_gallery()
        held = FaceImage.objects.select_for_update().filter(pk=face_image.pk, status=FaceImage.Status.HELD)
        found = held.first()
        if found is None:
            raise ValidationError("This picture does not wait for a decision: reload the page.", CONFLICT)
        if set(found.resembles) != set(face_image.resembles):
            raise ValidationError(OTHERS_BY_NOW, CONFLICT)
        found.distinct_from = sorted({*found.distinct_from, *found.resembles})
        found.confirmed_by = found.updated_by = by
        with because(current().reason or ENROLLED_ALL_THE_SAME):
            found.save(update_fields=["distinct_from", "confirmed_by", "updated_by"])
        return _examine_again(found)


def refuse_face(*, face_image: FaceImage, reason: str) -> None:
    """Refuse the picture. `reason` tells the uploader what is wrong and what to do."""
    with transaction.atomic():
        lock_gallery()
        face_image.status, face_image.reason = FaceImage.Status.REFUSED, reason[:300]
        _clear_likeness(face_image)
        face_image.save(update_fields=["status", "reason", *LIKENESS_FIELDS, "updated_at"])
        _examine_held(face_image.staff_member_id)


def delete_face_image(*, face_image: FaceImage) -> None:
    with transaction.atomic():
        lock_gallery()
        _forget_picture(face_image)
        face_image.delete()
        _examine_held(face_image.staff_member_id)
        gallery_changed()


def apply_thresholds(*, thresholds: MatchThresholds) -> MatchThresholds:
    """Set this tenant's thresholds for their pack; they replace earlier ones."""
    with transaction.atomic():
        MatchThresholds.objects.filter(pack=thresholds.pack).delete()
        thresholds.full_clean(exclude=["created_by", "updated_by"])
        thresholds.save()
        gallery_changed()
    return thresholds


def examine_again(*, pack: str) -> int:
    """Re-examine every picture in use that was examined with another model pack. Returns their number.

    Their embeddings cannot be compared with those of `pack`.
    """
    others = FaceImage.objects.filter(status=FaceImage.Status.READY).exclude(pack=pack)
    for face_image in others:
        _examine_again(face_image)
    gallery_changed()
    return len(others)


def lock_gallery() -> None:
    """Until the transaction ends, no other one changes which faces are in use.

    A transaction that also locks staff members locks them before, and pictures afterwards.
    """
    GalleryVersion.objects.get_or_create(pk=1)
    hold(GalleryVersion, 1)


def _other_owners(person: UUID, digest: str, *, before: datetime | None = None) -> list[UUID]:
    """People besides `person` who have this picture (since `before`), as far as it shows a usable face."""
    same = FaceImage.objects.filter(digest=digest).exclude(staff_member=person)
    if before is not None:
        same = same.filter(created_at__lt=before)
    used = same.exclude(status=FaceImage.Status.REFUSED)
    return list(used.order_by("created_at").values_list("staff_member_id", flat=True))


def _repeated(known: FaceImage) -> FaceImage:
    if known.status == FaceImage.Status.REFUSED:
        known = _examine_again(known)
    known.repeated = True
    return known


def _examine_held(person: UUID) -> None:
    """Examine the pictures again that are held because of a person who has lost a picture.

    One that further people had before stays held because of them.
    """
    held = FaceImage.objects.filter(status=FaceImage.Status.HELD, resembles__contains=[person])
    for face_image in held:
        owners = _other_owners(face_image.staff_member_id, face_image.digest, before=face_image.created_at)
        if face_image.similarity is None and owners:
            face_image.resembles = owners
            face_image.save(update_fields=["resembles", "updated_at"])
        else:
            _examine_again(face_image)


def _examine_again(face_image: FaceImage) -> FaceImage:
    with transaction.atomic():
        face_image.status, face_image.reason = FaceImage.Status.PENDING, ""
        _clear_likeness(face_image)
        face_image.save(update_fields=["status", "reason", *LIKENESS_FIELDS, "updated_at"])
        _announce(face_image)
    return face_image


def _clear_likeness(face_image: FaceImage) -> None:
    face_image.resembles, face_image.similarity = [], None
    face_image.threshold, face_image.threshold_from = None, ""


def _announce(face_image: FaceImage) -> None:
    transaction.on_commit(partial(face_image_added.send, sender=FaceImage, face_image_id=face_image.pk))


def _forget_picture(face_image: FaceImage) -> None:
    """Delete the object after the transaction commits; a rollback keeps the picture."""
    transaction.on_commit(partial(storage.discard, face_image.picture, bucket=objects.RAW))


def gallery_changed() -> None:
    """Make the workers reload the tenant's gallery. Part of the caller's transaction."""
    GalleryVersion.objects.get_or_create(pk=1)
    GalleryVersion.objects.filter(pk=1).update(number=F("number") + 1)
