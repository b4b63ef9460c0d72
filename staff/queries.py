"""Queries about staff."""

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Count, Q, QuerySet

from facetrack.core import objects
from facetrack.core.rows import get_or_404
from staff.models import FaceImage, StaffMember
from staff.rules import likeness_reason, may_be_changed
from tenants.access.rights import Access
from tenants.access.sites import site_names
from tenants.queries import active_tenant

VIEW_PICTURES, ADD_PICTURES = "staff.view_faceimage", "staff.add_faceimage"


def staff_members(access: Access) -> QuerySet[StaffMember]:
    """Adds `usable_pictures`, by which each is recognised, and `held_pictures`, which wait for a decision.

    Only those whom `staff.rules.is_shown` shows.
    """
    ready = Count("face_images", filter=Q(face_images__status=FaceImage.Status.READY))
    held = Count("face_images", filter=Q(face_images__status=FaceImage.Status.HELD))
    rows = StaffMember.objects.annotate(usable_pictures=ready, held_pictures=held)
    if access.sites is None:
        return rows
    return rows.filter(Q(sites=[]) | Q(sites__overlap=list(access.sites)))


def get_staff_member(access: Access, member_id: UUID) -> StaffMember:
    """Raises Http404."""
    return get_or_404(staff_members(access), "This staff member does not exist.", pk=member_id)


def get_changeable(access: Access, member_id: UUID) -> StaffMember:
    """A staff member whom the user may change. Raises Http404, PermissionDenied."""
    member = get_staff_member(access, member_id)
    if not may_be_changed(member.sites, access.sites):
        raise PermissionDenied(
            f"{member} also works at sites that you do not manage: ask an administrator of your organisation."
        )
    return member


def face_images_of(
    access: Access, member_id: UUID, *, uploaded_by_key: UUID | None = None
) -> QuerySet[FaceImage]:
    """A staff member's pictures, without embeddings: all, or those that an API key has uploaded."""
    shown = staff_members(access).filter(pk=member_id).values("pk")
    rows = FaceImage.objects.filter(staff_member__in=shown).select_related("staff_member").defer("embedding")
    return rows.filter(uploaded_by_key=uploaded_by_key) if uploaded_by_key else rows


def get_face_image(
    access: Access, member_id: UUID, face_image_id: UUID, *, uploaded_by_key: UUID | None = None
) -> FaceImage:
    """A picture of this staff member, of those that `face_images_of` gives. Raises Http404."""
    rows = face_images_of(access, member_id, uploaded_by_key=uploaded_by_key)
    return get_or_404(rows, "This staff member has no such picture.", pk=face_image_id)


@dataclass(frozen=True, slots=True)
class ShownLikeness:
    """Whom a held picture resembles, as far as the reader may know it. `reason` is a text for users."""

    people: list[StaffMember]
    hidden: int
    reason: str


def shown_likeness(access: Access, face_image: FaceImage) -> ShownLikeness:
    """Names only people whom the caller may see; others are counted."""
    existing = set(StaffMember.objects.filter(pk__in=face_image.resembles).values_list("pk", flat=True))
    visible = staff_members(access).filter(pk__in=existing)
    shown = {member.pk: member for member in visible} if _may(access, "staff.view_staffmember") else {}
    people = [shown[pk] for pk in face_image.resembles if pk in shown]
    hidden = len(existing) - len(people)
    reason = likeness_reason(
        str(face_image.staff_member),
        [str(member) for member in people],
        hidden=hidden,
        same_picture=face_image.similarity is None,
        may_decide=_may(access, "staff.add_faceimage"),
    )
    return ShownLikeness(people, hidden, reason)


def _may(access: Access, permission: str) -> bool:
    """Commands and jobs are asked for no permission. A key that only enrols must not find out names."""
    return access.way == "machine" or access.may(permission)


def why(access: Access, face_image: FaceImage) -> str:
    """Why a picture is refused or held; empty for others."""
    if face_image.status == FaceImage.Status.HELD:
        return shown_likeness(access, face_image).reason
    return face_image.reason


def get_decidable(access: Access, member_id: UUID, face_image_id: UUID) -> FaceImage:
    """A picture about whose enrolment the user may decide. Raises Http404, PermissionDenied."""
    get_changeable(access, member_id)
    face_image = get_face_image(access, member_id, face_image_id)
    if face_image.status == FaceImage.Status.HELD and (likeness := shown_likeness(access, face_image)).hidden:
        raise PermissionDenied(likeness.reason)
    return face_image


def waiting_face_images() -> QuerySet[FaceImage]:
    return FaceImage.objects.filter(status=FaceImage.Status.PENDING)


def picture_url(face_image: FaceImage) -> str:
    return objects.url(active_tenant().pk, face_image.picture, bucket=objects.RAW)


def workplaces(access: Access, ids: Collection[UUID]) -> list[UUID]:
    """The sites where a person is to work, validated. Raises ValidationError."""
    if access.sites is not None:
        raise ValidationError("Only an administrator can change the sites where people work.")
    if not set(ids) <= set(site_names(archived=True)):
        raise ValidationError("One of these sites does not exist.")
    return sorted(set(ids))
