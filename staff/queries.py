"""Queries about staff."""

from collections.abc import Collection
from uuid import UUID

from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Count, Q, QuerySet

from facetrack.core import objects
from facetrack.core.rows import get_or_404
from staff.models import FaceImage, StaffMember
from staff.rules import may_be_changed
from tenants.access.rights import Access
from tenants.access.sites import site_names
from tenants.queries import active_tenant


def staff_members(access: Access) -> QuerySet[StaffMember]:
    """Adds `usable_pictures`: the number of pictures by which each is recognised.

    Only those whom `staff.rules.is_shown` shows.
    """
    ready = Count("face_images", filter=Q(face_images__status=FaceImage.Status.READY))
    rows = StaffMember.objects.annotate(usable_pictures=ready)
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


def face_images_of(access: Access, member_id: UUID) -> QuerySet[FaceImage]:
    """A staff member's pictures, without embeddings."""
    shown = staff_members(access).filter(pk=member_id).values("pk")
    return FaceImage.objects.filter(staff_member__in=shown).defer("embedding")


def get_face_image(access: Access, member_id: UUID, face_image_id: UUID) -> FaceImage:
    """A picture of this staff member. Raises Http404."""
    return get_or_404(
        face_images_of(access, member_id), "This staff member has no such picture.", pk=face_image_id
    )


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
