"""Employees and their enrolment pictures."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from facetrack.core.crypto import EmbeddingField
from facetrack.core.text.fields import LineEmailField, LineField
from tenants.models import Record


class StaffMember(Record):
    name = LineField(max_length=100)
    employee_number = LineField(max_length=50, blank=True)
    department = LineField(max_length=100, blank=True)
    email = LineEmailField("e-mail", blank=True)
    active = models.BooleanField(
        "is recognised",
        default=True,
        help_text="Switch off for a person who has left. Past visits are kept.",
    )
    sites = ArrayField(models.UUIDField(), default=list, blank=True)
    """Ids of the sites where the person works, which are rows of another app. Empty: all sites."""

    class Meta:
        ordering = ["name"]
        verbose_name = "staff member"
        constraints = [
            models.UniqueConstraint(
                fields=["employee_number"],
                condition=~Q(employee_number=""),
                name="employee_number_once",
                violation_error_code="unique",
                violation_error_message="Another employee has this number.",
            )
        ]
        indexes = [models.Index(fields=["active", "name"], name="staff_by_name")]

    def __str__(self) -> str:
        return self.name


class FaceImage(Record):
    """One enrolment picture. A worker finds its face; then it is `ready`, or `refused` with the reason.

    It is `held` if its face resembles another person's: it is not used until a user has decided.
    """

    class Status(models.TextChoices):
        PENDING = "pending", "being examined"
        READY = "ready", "in use"
        REFUSED = "refused", "refused"
        HELD = "held", "resembles another person"

    staff_member = models.ForeignKey(StaffMember, models.CASCADE, related_name="face_images")
    picture = models.CharField("object key", max_length=200, editable=False)
    digest = models.CharField(max_length=64, editable=False)
    """SHA-256 of the decoded pixels; prevents duplicates."""
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.PENDING, editable=False)
    reason = models.CharField(max_length=300, blank=True, editable=False)
    box = ArrayField(models.FloatField(), size=4, null=True, editable=False)
    """x1, y1, x2, y2 in pixels of the picture."""
    landmarks = ArrayField(models.FloatField(), size=10, null=True, editable=False)
    """x and y of left eye, right eye, nose tip, left and right mouth corner, as the viewer sees them."""
    quality = models.FloatField(null=True, editable=False)
    embedding = EmbeddingField(null=True, editable=False)
    pack = models.CharField("model pack", max_length=30, blank=True, editable=False)
    uploaded_by_key = models.UUIDField(null=True, editable=False)
    """The API key that uploaded it: it may read what became of it."""
    resembles = ArrayField(models.UUIDField(), default=list, blank=True, editable=False)
    """Ids of other staff members who have this picture or whom its face resembles, the most similar first."""
    similarity = models.FloatField(null=True, editable=False)
    """Cosine similarity to the first of `resembles`; None if it has the very same picture."""
    threshold = models.FloatField(null=True, editable=False)
    """The similarity from which two faces counted as one person when the face was compared."""
    threshold_from = models.CharField(max_length=100, blank=True, editable=False)
    distinct_from = ArrayField(models.UUIDField(), default=list, blank=True, editable=False)
    """Ids of those of `resembles` of whom a user has said that they are other people."""
    confirmed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, editable=False, related_name="+"
    )
    """The user who said that; None where a command or an API key did (see the activity log)."""

    repeated = False
    """Not a column: whether the upload that led to this row was a picture that the person already had."""

    class Meta:
        ordering = ["-created_at"]
        verbose_name = "face picture"
        constraints = [
            models.UniqueConstraint(fields=["staff_member", "digest"], name="a_picture_once_a_person"),
            models.CheckConstraint(
                condition=~Q(status="ready")
                | Q(
                    embedding__isnull=False, box__isnull=False, landmarks__isnull=False, quality__isnull=False
                ),
                name="ready_face_is_complete",
            ),
            models.CheckConstraint(
                condition=~Q(status="held") | ~Q(resembles=[]), name="held_face_resembles_a_person"
            ),
        ]
        indexes = [
            models.Index(fields=["pack", "status"], name="face_by_pack"),
            models.Index(fields=["digest"], name="face_by_digest"),
        ]

    def __str__(self) -> str:
        return f"picture of {self.staff_member}"


class GalleryVersion(models.Model):
    """One row per tenant, increased with each change of the gallery. Workers compare their version."""

    number = models.PositiveBigIntegerField(default=0)

    def __str__(self) -> str:
        return str(self.number)


class MatchThresholds(Record):
    """Matching thresholds of one model pack, measured on this tenant's own pictures.

    Without a row the pack's own thresholds apply. `derived_from` records what was measured, with figures.
    """

    pack = models.CharField("model pack", max_length=30, unique=True, editable=False)
    link = models.FloatField(editable=False)
    review = models.FloatField(editable=False)
    margin = models.FloatField(editable=False)
    gallery = models.PositiveIntegerField("people enrolled then", editable=False)
    predicted_false_alarms = models.FloatField(
        editable=False, help_text="The part of strangers that will be taken for one of so many people."
    )
    forced = models.BooleanField("above the limit, on purpose", default=False, editable=False)
    derived_from = models.JSONField(default=dict, editable=False)

    class Meta:
        ordering = ["pack"]
        verbose_name_plural = "match thresholds"
        constraints = [
            models.CheckConstraint(
                condition=Q(review__gt=-1.0) & Q(review__lte=F("link")) & Q(link__lt=1.0),
                name="review_is_not_above_link",
            )
        ]

    def __str__(self) -> str:
        return f"{self.pack}: link {self.link:g}, review {self.review:g}"
