"""Places, the cameras that watch them, and the cameras' logins."""

from collections.abc import Collection, Mapping
from ipaddress import ip_network
from typing import Any

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from cameras.rules import (
    AddressPolicy,
    Login,
    SourceKind,
    clip_name,
    clip_problem,
    detector_problem,
    polygons_problem,
    secret_in,
    source_key,
    source_problem,
    time_zone_problem,
)
from facetrack.core.addresses.internal_endpoints import internal_endpoints
from facetrack.core.addresses.networks import (
    Network,
    in_form,
    is_within,
    network_problem,
    networks_of,
    overlap,
)
from facetrack.core.crypto import EncryptedTextField
from facetrack.core.text.fields import LineField
from tenants.models import Record, Tenant
from tenants.queries import active_tenant
from tenants.rules.conflicts import CONFLICT

MAX_NETWORKS = 20


class Site(Record):
    """A place. A person who is seen again there within the re-entry window is still on the same visit."""

    name = LineField(max_length=100)
    address = LineField(max_length=200, blank=True)
    time_zone = models.CharField(max_length=50, default="UTC")
    reentry_seconds = models.PositiveIntegerField(
        "re-entry window (seconds)",
        default=900,
        validators=[MinValueValidator(1), MaxValueValidator(86_400)],
        help_text="A person who is seen again within this time is still on the same visit.",
    )

    networks = ArrayField(
        models.CharField(max_length=43),
        verbose_name="private networks of its cameras",
        size=MAX_NETWORKS,
        default=list,
        blank=True,
        help_text="Such as 192.168.1.0/24, separated by commas. Other private networks are refused. So are "
        "networks that FaceTrack's operators have not allowed for your organisation.",
    )

    archived_at = models.DateTimeField(null=True, editable=False)
    """Since when it is kept for its history only; its name is free again."""

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                fields=["name"],
                condition=Q(archived_at=None),
                name="site_name_once",
                violation_error_code="unique",
                violation_error_message="Another site has this name.",
            )
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        found: dict[str, Any] = {}
        if problem := time_zone_problem(self.time_zone):
            found["time_zone"] = problem
        if problems := [problem for text in self.networks if (problem := network_problem(text))]:
            found["networks"] = problems
        elif problem := self._refused_networks():
            found["networks"] = problem
        if found:
            raise ValidationError(found)
        self.networks = in_form(self.networks)

    def address_policy(self) -> AddressPolicy:
        """Where cameras of this site may be."""
        return AddressPolicy(
            networks=self.open_networks(),
            own=internal_endpoints(),
            loopback=settings.FACETRACK_CAMERA_LOOPBACK,
        )

    def open_networks(self) -> tuple[Network, ...]:
        """The private networks of this site that the installation allows to its tenant at this moment."""
        allowed = Tenant.objects.values_list("allowed_networks", flat=True).get(pk=active_tenant().pk)
        return overlap(networks_of(self.networks), networks_of(allowed))

    def _refused_networks(self) -> str | None:
        """What was allowed when it was entered may stay, though it opens nothing."""
        before = Site.objects.filter(pk=self.pk).values_list("networks", flat=True).first() or []
        allowed = Tenant.objects.values_list("allowed_networks", flat=True).get(pk=active_tenant().pk)
        refused = [
            text
            for text in self.networks
            if text not in before and not is_within(ip_network(text, strict=False), networks_of(allowed))
        ]
        if not refused:
            return None
        so_far = f"only {', '.join(allowed)}" if allowed else "no private network"
        return (
            f"Your organisation may not use {', '.join(refused)}, {so_far} so far. FaceTrack's operators can "
            f'allow it: manage.py networks "{active_tenant()}" --add {refused[0]}'
        )


class Camera(Record):
    """A video source. `enabled` is the desired state, `status` what its worker last reported.

    Once it has run it stays at its site, so that users of the site keep seeing its sightings.
    """

    class Status(models.TextChoices):
        STOPPED = "stopped", "stopped"
        STARTING = "starting", "starting"
        RUNNING = "running", "running"
        ENDED = "ended", "played to its end"
        ERROR = "error", "error"

    class PictureProblem(models.TextChoices):
        """Why the pictures of a source that delivers show nothing."""

        BLACK = "black", "the picture is black"
        UNIFORM = "uniform", "the picture has one colour everywhere"
        FROZEN = "frozen", "the picture has stood still for a minute"

    class Turn(models.IntegerChoices):
        """Degrees clockwise."""

        NONE = 0, "not at all"
        RIGHT = 90, "by 90 degrees to the right"
        HALF = 180, "by 180 degrees"
        LEFT = 270, "by 90 degrees to the left"

    site = models.ForeignKey(Site, models.PROTECT, related_name="cameras")
    name = LineField(max_length=100)
    kind = models.CharField(
        "source", max_length=10, choices=[(kind.value, kind.value.upper()) for kind in SourceKind]
    )
    location = models.CharField(
        "address",
        max_length=500,
        help_text="rtsp://… or http://… without user and password ({username} and {password} may stand for "
        "them), the number of a USB camera, or a file in the installation's clip folder.",
    )
    loop = models.BooleanField("repeat the file", default=False)
    exclusive = models.BooleanField(
        "one connection only",
        default=False,
        help_text="The source allows one connection at a time. No other camera may use the same address.",
    )
    host = models.CharField(
        "machine",
        max_length=100,
        blank=True,
        help_text="Host name of the machine with the device or the file. Empty: any worker.",
    )
    fps = models.FloatField(
        "analysed frames per second",
        null=True,
        blank=True,
        validators=[MinValueValidator(0.2), MaxValueValidator(30)],
        help_text="Empty: the installation's default.",
    )
    detector = models.CharField(max_length=30, blank=True, help_text="Empty: the installation's own.")
    analysed_side = models.PositiveSmallIntegerField(
        "analysed size (pixels)",
        null=True,
        blank=True,
        validators=[MinValueValidator(320), MaxValueValidator(1920)],
        help_text="Longest side of the picture in which faces are detected. Empty: 640, which finds faces of "
        "32 pixels in a 1080p picture. 1280 finds smaller ones and costs four times as much.",
    )
    min_face = models.PositiveSmallIntegerField(
        "smallest face (pixels)",
        null=True,
        blank=True,
        validators=[MinValueValidator(16), MaxValueValidator(500)],
        help_text="Narrower faces are counted but never recognised. Empty: 32.",
    )
    zones = models.JSONField(
        default=list,
        blank=True,
        help_text="Where to look: polygons [[[x, y], …], …] from 0 (left, top) to 1. Empty: everywhere.",
    )
    masks = models.JSONField(
        default=list, blank=True, help_text="Where not to look, such as a screen. Same format as zones."
    )
    turn = models.PositiveSmallIntegerField(
        "turn the picture",
        choices=Turn.choices,
        default=Turn.NONE,
        help_text="For a camera that hangs on its side or upside down: faces that are not upright are not "
        "recognised. Zones and masks refer to the turned picture.",
    )
    mirrored = models.BooleanField(
        default=False,
        help_text="The source shows left and right exchanged. They are exchanged again, after turning.",
    )
    pixel_aspect = models.FloatField(
        "pixel aspect ratio",
        null=True,
        blank=True,
        validators=[MinValueValidator(0.25), MaxValueValidator(4)],
        help_text="Width over height of a pixel, where faces look squeezed: 2 for a recorder's 960 x 1080, "
        "1.4545 for 704 x 576 that shows 16:9. Empty: as the source says.",
    )
    enabled = models.BooleanField(default=False)

    worker = models.CharField(max_length=50, blank=True, editable=False)
    epoch = models.PositiveBigIntegerField(default=0, editable=False)
    """The epoch of the last run. The right to record is checked against the lease that granted it."""
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.STOPPED, editable=False)
    status_detail = models.CharField(max_length=300, blank=True, editable=False)
    picture_problem = models.CharField(
        max_length=10, choices=PictureProblem.choices, blank=True, default="", editable=False
    )
    lost_frames = models.PositiveIntegerField(default=0, editable=False)
    """Frames of this run that could not be decoded or are missing."""
    started_at = models.DateTimeField(null=True, editable=False)
    """The time of the first frame of this run."""
    reported_at = models.DateTimeField(null=True, editable=False)
    last_frame_at = models.DateTimeField(null=True, editable=False)
    archived_at = models.DateTimeField(null=True, editable=False)
    """Since when it is kept for its history only; its name and its source are free again."""

    class Meta:
        ordering = ["site__name", "name"]
        constraints = [
            models.UniqueConstraint(
                fields=["site", "name"],
                condition=Q(archived_at=None),
                name="camera_name_once_a_site",
                violation_error_code="unique",
                violation_error_message="Another camera of this site has this name.",
            ),
            models.CheckConstraint(
                condition=Q(archived_at=None) | Q(enabled=False), name="archived_camera_is_off"
            ),
            models.CheckConstraint(
                condition=Q(kind__in=[kind.value for kind in SourceKind]), name="camera_kind_is_known"
            ),
            models.CheckConstraint(condition=Q(turn__in=[0, 90, 180, 270]), name="camera_turn_is_a_quarter"),
            models.CheckConstraint(
                condition=Q(pixel_aspect__isnull=True) | Q(pixel_aspect__gte=0.25, pixel_aspect__lte=4),
                name="camera_pixel_aspect_is_plausible",
            ),
        ]
        indexes = [models.Index(fields=["enabled", "status"], name="camera_by_state")]

    def __str__(self) -> str:
        return f"{self.name} ({self.site})"

    def validate_constraints(self, exclude: Collection[str] | None = None) -> None:
        """A name that is taken is the fault of the name, though a site belongs to it."""
        try:
            super().validate_constraints(exclude)
        except ValidationError as error:
            faults = error.error_dict
            for fault in faults.pop(NON_FIELD_ERRORS, []):
                faults.setdefault("name" if fault.code == "unique" else NON_FIELD_ERRORS, []).append(fault)
            raise ValidationError(faults) from None

    def clean(self) -> None:
        stored = Camera.objects.filter(pk=self.pk).values("site", "epoch", "detector").first()
        found = {
            "location": self._location_problem(),
            "zones": polygons_problem(self.zones),
            "masks": polygons_problem(self.masks),
            "site": self._site_problem(stored),
            "detector": None,
        }
        if not stored or stored["detector"] != self.detector:  # a later catalogue may lack what was chosen
            found["detector"] = detector_problem(self.detector)
        if problems := {name: problem for name, problem in found.items() if problem}:
            raise ValidationError(problems)
        if self.kind == SourceKind.FILE:
            self.location = clip_name(self.location, folder=str(settings.FACETRACK_CLIP_DIR))

    def _site_problem(self, stored: Mapping[str, Any] | None) -> ValidationError | None:
        if self._state.adding and self.site_id and self.site.archived_at is not None:
            return ValidationError(f"The site {self.site} is archived. Choose another.", CONFLICT)
        if stored and stored["epoch"] and stored["site"] != self.site_id:
            message = "This camera has recorded sightings at another site. Add a new camera instead."
            return ValidationError(message, CONFLICT)
        return None

    def stored_login(self) -> Login:
        """For the worker that connects, and to see whether there is one; empty where there is none."""
        credential = CameraCredential.objects.filter(camera=self.pk).first()
        return Login(credential.username, credential.password) if credential else Login("", "")

    @property
    def source_key(self) -> str:
        """Names a source that only one camera can have at a time; empty for one that many can read."""
        return source_key(self.kind, self.location, self.host, exclusive=self.exclusive)

    def _location_problem(self) -> str | None:
        if self.kind == SourceKind.FILE:
            folder = str(settings.FACETRACK_CLIP_DIR)
            return clip_problem(self.location, folder=folder, tenant=active_tenant().schema_name)
        policy = self.site.address_policy() if self.site_id else AddressPolicy()
        if problem := source_problem(self.kind, self.location, policy):
            return problem
        if name := secret_in(self.location):
            return (
                f"The address contains a login (“{name}”). Write {{username}} and {{password}} instead and "
                "fill in the two fields below."
            )
        return None


class CameraCredential(models.Model):
    """The login of one camera, encrypted. The worker that connects reads it; it is never shown."""

    camera = models.OneToOneField(Camera, models.CASCADE, primary_key=True, related_name="credential")
    username = EncryptedTextField(blank=True)
    password = EncryptedTextField(blank=True)

    def __str__(self) -> str:
        return f"login of camera {self.camera_id}"
