"""What is asked about staff."""

from uuid import UUID

from django.db.models import Count, Q, QuerySet
from django.http import Http404

from facetrack.lib import objects
from staff.models import FaceImage, StaffMember
from tenants.queries import active_tenant


def staff_members() -> QuerySet[StaffMember]:
    """With `usable_pictures`: how many pictures each is recognised by."""
    ready = Count("face_images", filter=Q(face_images__status=FaceImage.Status.READY))
    return StaffMember.objects.annotate(usable_pictures=ready)


def get_staff_member(member_id: UUID) -> StaffMember:
    """Raises Http404."""
    member = staff_members().filter(pk=member_id).first()
    if member is None:
        raise Http404("There is no such staff member.")
    return member


def face_images_of(member_id: UUID) -> QuerySet[FaceImage]:
    """A staff member's pictures, without embeddings, which only the gallery needs."""
    return FaceImage.objects.filter(staff_member=member_id).defer("embedding")


def get_face_image(member_id: UUID, face_image_id: UUID) -> FaceImage:
    """A picture of this staff member. Raises Http404."""
    face_image = face_images_of(member_id).filter(pk=face_image_id).first()
    if face_image is None:
        raise Http404("There is no such picture of this staff member.")
    return face_image


def waiting_face_images() -> QuerySet[FaceImage]:
    return FaceImage.objects.filter(status=FaceImage.Status.PENDING)


def picture_url(face_image: FaceImage) -> str:
    return objects.url(active_tenant().pk, face_image.picture, bucket=objects.RAW)
