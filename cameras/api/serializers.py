"""Sites and cameras as JSON."""

from copy import copy
from typing import Any, ClassVar

from django.db.models import QuerySet
from django.utils import timezone
from rest_framework import serializers

from cameras.actions import require_sound
from cameras.models import Camera, Site
from cameras.queries import NO_PICTURE, sites, state_of
from cameras.rules import Login
from tenants.access.rights import granted
from tenants.rest.serializers import StrictSerializer


class SiteSerializer(StrictSerializer[Site]):
    """A place that cameras watch."""

    class Meta:
        model = Site
        fields = (
            "id",
            "name",
            "address",
            "time_zone",
            "reentry_seconds",
            "networks",
            "created_at",
            "updated_at",
            "archived_at",
        )


class SiteField(serializers.PrimaryKeyRelatedField[Site]):
    """One of the sites that the caller may see. Any other site is answered like one that does not exist."""

    def get_queryset(self) -> QuerySet[Site]:
        return sites(granted(self.context["request"]))


class CameraSerializer(StrictSerializer[Camera]):
    """User name and password are write-only; `has_login` says whether there are any.

    A changed address needs them again; send empty ones to remove the login.
    """

    site = SiteField(queryset=Site.objects.none(), pk_field=serializers.UUIDField())
    site_name = serializers.CharField(source="site.name", read_only=True)
    username = serializers.CharField(write_only=True, required=False, allow_blank=True, max_length=100)
    password = serializers.CharField(
        write_only=True, required=False, allow_blank=True, max_length=200, trim_whitespace=False
    )
    has_login = serializers.SerializerMethodField()
    state = serializers.SerializerMethodField(
        help_text="What people see, such as: Being assigned, Waiting for capacity, Starting, Running, "
        "No picture, Error, Device not assigned, Stopped."
    )

    picture_problem = serializers.SerializerMethodField(
        help_text="Why the camera shows “No picture” although frames come: black, uniform or frozen."
    )
    faults_follow: ClassVar[dict[str, tuple[str, ...]]] = {"location": ("kind", "site"), "name": ("site",)}

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
            "has_login",
            "loop",
            "exclusive",
            "host",
            "turn",
            "mirrored",
            "pixel_aspect",
            "fps",
            "detector",
            "analysed_side",
            "min_face",
            "zones",
            "masks",
            "enabled",
            "status",
            "status_detail",
            "state",
            "picture_problem",
            "lost_frames",
            "worker",
            "last_frame_at",
            "created_at",
            "updated_at",
            "archived_at",
        )

    def rules(self, values: dict[str, Any]) -> None:
        login = Login(values.pop("username", None), values.pop("password", None))
        row = copy(self.instance) if isinstance(self.instance, Camera) else Camera()
        for name, value in values.items():
            setattr(row, name, value)
        require_sound(camera=row, login=login)

    def get_has_login(self, camera: Camera) -> bool:
        return bool(getattr(camera, "has_login", False))

    def get_picture_problem(self, camera: Camera) -> str:
        return camera.picture_problem if self.get_state(camera) == NO_PICTURE else ""

    def get_state(self, camera: Camera) -> str:
        return state_of(camera, timezone.now()).label
