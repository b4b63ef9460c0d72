"""Staff and their pictures as JSON. Embeddings are never included."""

from typing import Any
from uuid import UUID

from django.utils.functional import cached_property
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from staff.models import FaceImage, StaffMember
from staff.queries import ShownLikeness, picture_url, shown_likeness, workplaces
from tenants.access.rights import granted
from tenants.rest.serializers import PictureField, StrictSerializer

SITES_LIMIT = 1_000


class WorkplacesField(serializers.ListField):
    """Ids of sites. Site managers see only their own sites here, and cannot change them."""

    child = serializers.UUIDField()

    def to_representation(self, ids: list[UUID]) -> list[str]:
        access = granted(self.context["request"])
        return [str(site) for site in ids if access.sees(site)]

    def to_internal_value(self, data: Any) -> list[UUID]:
        ids: list[UUID] = super().to_internal_value(data)
        return workplaces(granted(self.context["request"]), ids)


class StaffMemberSerializer(StrictSerializer[StaffMember]):
    """An employee whom FaceTrack recognises by name."""

    sites = WorkplacesField(
        required=False,
        max_length=SITES_LIMIT,
        help_text="Sites where the person works; empty: all. Site managers see the people of their sites.",
    )
    usable_pictures = serializers.SerializerMethodField(help_text="Number of pictures used for recognition.")
    held_pictures = serializers.SerializerMethodField(
        help_text="Number of pictures that resemble another person and wait for a decision."
    )

    class Meta:
        model = StaffMember
        fields = (
            "id",
            "name",
            "employee_number",
            "department",
            "email",
            "active",
            "sites",
            "usable_pictures",
            "held_pictures",
            "created_at",
            "updated_at",
        )

    def get_usable_pictures(self, member: StaffMember) -> int:
        return getattr(member, "usable_pictures", 0)  # a new member has none

    def get_held_pictures(self, member: StaffMember) -> int:
        return getattr(member, "held_pictures", 0)


class ResembledSerializer(serializers.ModelSerializer[StaffMember]):
    """Another person who has the same picture, or whom its face resembles."""

    class Meta:
        model = StaffMember
        fields = ("id", "name")
        read_only_fields = fields


class FaceImageSerializer(serializers.ModelSerializer[FaceImage]):
    """`pending` until a worker has examined the picture; then `ready`, or `refused` with the reason.

    `held` if another person has the same picture or a face like it: it is not used until it is confirmed.
    """

    picture = PictureField(picture_url, source="*")
    reason = serializers.SerializerMethodField(help_text="Why it is refused or held, and what to do.")
    resembles = serializers.SerializerMethodField(
        help_text="Whom a held picture resembles, most similar first; only people whom the caller may see."
    )
    similarity = serializers.SerializerMethodField(
        help_text="To the most similar of them; null if it is the same picture, or if the caller may not see "
        "all of them."
    )

    class Meta:
        model = FaceImage
        fields = (
            "id",
            "status",
            "reason",
            "resembles",
            "similarity",
            "threshold",
            "threshold_from",
            "box",
            "landmarks",
            "quality",
            "pack",
            "picture",
            "created_at",
        )
        read_only_fields = fields
        extra_kwargs = {
            "threshold": {"help_text": "From this similarity on, two faces count as one person."},
            "threshold_from": {"help_text": "The model pack of the threshold, and where it was measured."},
        }

    def get_reason(self, face_image: FaceImage) -> str:
        return self._likeness(face_image).reason

    @extend_schema_field(ResembledSerializer(many=True))
    def get_resembles(self, face_image: FaceImage) -> list[dict[str, str]]:
        return [{"id": str(member.pk), "name": member.name} for member in self._likeness(face_image).people]

    def get_similarity(self, face_image: FaceImage) -> float | None:
        """Hidden with the name: by many pictures and their similarities, a face could be approached."""
        return None if self._likeness(face_image).hidden else face_image.similarity

    @cached_property
    def _likenesses(self) -> dict[UUID, ShownLikeness]:
        """Of rows that were asked for already: several fields of a row need it."""
        return {}

    def _likeness(self, face_image: FaceImage) -> ShownLikeness:
        if face_image.status != FaceImage.Status.HELD:
            return ShownLikeness([], 0, face_image.reason)
        if face_image.pk not in self._likenesses:
            access = granted(self.context["request"])
            self._likenesses[face_image.pk] = shown_likeness(access, face_image)
        return self._likenesses[face_image.pk]


class UploadSerializer(serializers.Serializer[FaceImage]):
    """A picture with one face in it."""

    # For the schema: the form in `staff.forms` checks the picture.

    picture = serializers.FileField(help_text="JPEG, PNG, WebP, AVIF, BMP, PPM or TIFF with one face in it.")
