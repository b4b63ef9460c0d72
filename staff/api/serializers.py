"""Staff and their pictures as JSON. Embeddings stay inside."""

from rest_framework import serializers

from staff.models import FaceImage, StaffMember
from staff.queries import picture_url
from tenants.api.serializers import PictureField, StrictSerializer


class StaffMemberSerializer(StrictSerializer[StaffMember]):
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
