"""Staff and their pictures as JSON. Embeddings are never included."""

from typing import Any
from uuid import UUID

from rest_framework import serializers

from staff.models import FaceImage, StaffMember
from staff.queries import picture_url, workplaces
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
    sites = WorkplacesField(
        required=False,
        max_length=SITES_LIMIT,
        help_text="Sites where the person works; empty: all. Site managers see the people of their sites.",
    )
    usable_pictures = serializers.SerializerMethodField(help_text="Number of pictures used for recognition.")

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
            "created_at",
            "updated_at",
        )

    def get_usable_pictures(self, member: StaffMember) -> int:
        return getattr(member, "usable_pictures", 0)  # a new member has none


class FaceImageSerializer(serializers.ModelSerializer[FaceImage]):
    """`pending` until a worker has examined the picture; then `ready`, or `refused` with the reason."""

    picture = PictureField(picture_url, source="*")

    class Meta:
        model = FaceImage
        fields = ("id", "status", "reason", "box", "landmarks", "quality", "pack", "picture", "created_at")
        read_only_fields = fields


class UploadSerializer(serializers.Serializer[FaceImage]):
    """For the schema only: the form in `staff.forms` checks the picture."""

    picture = serializers.FileField(help_text="JPEG, PNG, WebP, AVIF, BMP, PPM or TIFF with one face in it.")
