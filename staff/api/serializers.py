"""Staff and their pictures as JSON. Embeddings stay inside."""

from typing import Any
from uuid import UUID

from rest_framework import serializers

from staff.models import FaceImage, StaffMember
from staff.queries import picture_url, workplaces
from tenants.access import granted
from tenants.api.serializers import PictureField, StrictSerializer

SITES_LIMIT = 1_000


class WorkplacesField(serializers.ListField):
    """Ids of sites. A site manager is told of their own only, and cannot write it."""

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
        help_text="Where they work; none: everywhere. Site managers see those who work at their sites.",
    )
    usable_pictures = serializers.SerializerMethodField(help_text="How many pictures they are recognised by.")

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
        return getattr(member, "usable_pictures", 0)  # a member that was made just now has none


class FaceImageSerializer(serializers.ModelSerializer[FaceImage]):
    """`pending` until a worker has examined it; then `ready`, or `refused` with the reason."""

    picture = PictureField(picture_url, source="*")

    class Meta:
        model = FaceImage
        fields = ("id", "status", "reason", "box", "landmarks", "quality", "pack", "picture", "created_at")
        read_only_fields = fields


class UploadSerializer(serializers.Serializer[FaceImage]):
    """For the schema: the form in `staff.forms` is what checks the picture."""

    picture = serializers.FileField(help_text="JPEG, PNG, WebP, BMP, PPM or TIFF with one face in it.")
