"""Sites and cameras as JSON."""

from django.db.models import QuerySet
from rest_framework import serializers

from cameras.models import Camera, Site
from cameras.queries import sites
from tenants.access import granted
from tenants.api.serializers import StrictSerializer


class SiteSerializer(StrictSerializer[Site]):
    class Meta:
        model = Site
        fields = ("id", "name", "address", "time_zone", "reentry_seconds", "created_at", "updated_at")


class SiteField(serializers.PrimaryKeyRelatedField[Site]):
    """One of the sites that whoever asks may see; another one is like one that never was."""

    def get_queryset(self) -> QuerySet[Site]:
        return sites(granted(self.context["request"]))


class CameraSerializer(StrictSerializer[Camera]):
    """The password goes in and never comes out; `has_password` tells whether there is one."""

    site = SiteField(queryset=Site.objects.none(), pk_field=serializers.UUIDField())
    site_name = serializers.CharField(source="site.name", read_only=True)
    password = serializers.CharField(
        write_only=True, required=False, allow_blank=True, max_length=200, trim_whitespace=False
    )
    has_password = serializers.SerializerMethodField()

    class Meta:
        model = Camera
        fields = (
            "id",
            "site",
            "site_name",
            "name",
            "kind",
            "location",
            "username",
            "password",
            "has_password",
            "loop",
            "fps",
            "detector",
            "enabled",
            "status",
            "status_detail",
            "worker",
            "last_frame_at",
            "created_at",
            "updated_at",
        )

    def get_has_password(self, camera: Camera) -> bool:
        return bool(camera.password)
