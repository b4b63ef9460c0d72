"""Visitors, sightings and visits of a tenant."""

from datetime import timedelta

from django.db import models
from django.db.models import F, Q, Value
from django.db.models.lookups import GreaterThan

from cameras.models import Camera, Site
from facetrack.core.crypto import EmbeddingField
from facetrack.core.text.fields import LineField, LinesField
from staff.models import StaffMember
from tenants.models import Record


class SightingDecision(models.TextChoices):
    """The result of a track. A rejected one is only counted (`PassageCount`) and never makes a person."""

    STAFF = "staff", "staff"
    VISITOR = "visitor", "returning visitor"
    NEW_VISITOR = "new_visitor", "new visitor"
    UNSURE = "unsure", "unsure"
    PENDING = "pending", "not yet compared"
    REJECTED = "rejected", "not recognisable"


class Visitor(Record):
    """A person known by face only, anonymous until a user names them."""

    number = models.PositiveIntegerField(unique=True, editable=False)
    name = LineField(max_length=100, blank=True, help_text="Empty: shown as “Visitor” and the number.")
    note = LinesField(blank=True, max_length=2000)
    template = EmbeddingField(editable=False)
    template_weight = models.FloatField(default=1.0, editable=False)
    pack = models.CharField("model pack", max_length=30, editable=False)
    best_shot = models.CharField("object key", max_length=200, blank=True, editable=False)
    best_quality = models.FloatField(default=0.0, editable=False)
    site = models.ForeignKey(Site, models.SET_NULL, null=True, editable=False, related_name="+")
    """Where they were first seen. If sites do not share visitors, they belong to this site."""
    first_seen_at = models.DateTimeField(editable=False)
    last_seen_at = models.DateTimeField(editable=False)
    compared_at = models.DateTimeField(null=True, editable=False)
    """When they were last compared with other visitors, for merge proposals; null: not yet."""

    class Meta:
        ordering = ["-last_seen_at"]
        indexes = [
            models.Index(fields=["-last_seen_at"], name="visitor_by_last_seen"),
            models.Index(fields=["pack"], name="visitor_by_pack"),
            models.Index(fields=["name"], condition=~Q(name=""), name="visitor_by_name"),
        ]

    def __str__(self) -> str:
        return self.name or f"Visitor {self.number}"


LONG = timedelta(days=1)


def is_long() -> Q:
    """Visits that take longer than LONG. The few of them have an index."""
    return Q(GreaterThan(F("last_seen_at") - F("started_at"), Value(LONG)))


class _Somebody(models.Model):
    """A row about a staff member or a visitor."""

    staff_member = models.ForeignKey(
        StaffMember, models.CASCADE, null=True, blank=True, related_name="%(class)ss"
    )
    visitor = models.ForeignKey(Visitor, models.CASCADE, null=True, blank=True, related_name="%(class)ss")

    class Meta:
        abstract = True

    @property
    def person(self) -> StaffMember | Visitor | None:
        return self.staff_member or self.visitor


class Visit(Record, _Somebody):
    """The stay of one person at one site: sightings joined by the site's re-entry window."""

    site = models.ForeignKey(Site, models.PROTECT, related_name="visits")
    camera = models.ForeignKey(
        Camera, models.PROTECT, related_name="+", help_text="Where the person was first seen."
    )
    started_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    sighting_count = models.PositiveIntegerField(default=1)
    score = models.FloatField()
    best_shot = models.CharField("object key", max_length=200, blank=True)
    best_quality = models.FloatField(default=0.0)

    class Meta:
        ordering = ["-started_at", "id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(staff_member__isnull=True) ^ Q(visitor__isnull=True),
                name="visit_is_of_one_person",
            ),
            models.CheckConstraint(condition=Q(last_seen_at__gte=F("started_at")), name="visit_goes_forward"),
            models.UniqueConstraint(
                fields=["site", "staff_member"],
                condition=Q(ended_at=None),
                name="one_open_visit_a_staff_member",
            ),
            models.UniqueConstraint(
                fields=["site", "visitor"], condition=Q(ended_at=None), name="one_open_visit_a_visitor"
            ),
        ]
        indexes = [
            models.Index(fields=["-started_at"], name="visit_by_start"),
            models.Index(fields=["site", "-started_at"], name="visit_by_site"),
            models.Index(fields=["last_seen_at"], condition=Q(ended_at=None), name="visit_open"),
            models.Index(fields=["last_seen_at"], condition=is_long(), name="visit_long"),
        ]

    def __str__(self) -> str:
        return f"{self.person} at {self.site}"


class Sighting(Record, _Somebody):
    """One track on one camera: from when to when, and the decision. `id` is the event's id."""

    camera = models.ForeignKey(Camera, models.PROTECT, related_name="sightings")
    visit = models.ForeignKey(Visit, models.CASCADE, null=True, blank=True, related_name="sightings")
    epoch = models.PositiveBigIntegerField()
    track = models.PositiveIntegerField()
    sequence = models.PositiveIntegerField(default=0)
    decision = models.CharField(max_length=12, choices=SightingDecision.choices)
    score = models.FloatField(help_text="Cosine similarity to the person, or to the nearest known one.")
    reason = models.CharField(max_length=300, blank=True)
    started_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    faces = models.PositiveIntegerField()
    quality = models.FloatField(default=0.0)
    best_shot = models.CharField("object key", max_length=200, blank=True)
    template = EmbeddingField(null=True, editable=False)
    pack = models.CharField("model pack", max_length=30, blank=True)

    class Meta:
        ordering = ["-started_at", "id"]
        constraints = [
            models.UniqueConstraint(fields=["camera", "epoch", "track"], name="one_sighting_a_track"),
            models.CheckConstraint(
                condition=Q(last_seen_at__gte=F("started_at")), name="sighting_goes_forward"
            ),
            models.CheckConstraint(
                condition=Q(decision="staff", staff_member__isnull=False, visitor__isnull=True)
                | Q(decision__in=["visitor", "new_visitor"], visitor__isnull=False, staff_member__isnull=True)
                | Q(decision__in=["unsure", "pending"], staff_member__isnull=True, visitor__isnull=True),
                name="sighting_person_fits_decision",
            ),
        ]
        indexes = [
            models.Index(fields=["-started_at"], name="sighting_by_start"),
            models.Index(fields=["camera", "-started_at"], name="sighting_by_camera"),
            models.Index(fields=["decision", "-started_at"], name="sighting_by_decision"),
        ]

    def __str__(self) -> str:
        return f"{self.person or self.get_decision_display()} on {self.camera}"


class PassageCount(models.Model):
    """The number of tracks on a camera and day that were too poor to recognise any person."""

    camera = models.ForeignKey(Camera, models.CASCADE, related_name="passage_counts")
    day = models.DateField()
    tracks = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["-day"]
        constraints = [models.UniqueConstraint(fields=["camera", "day"], name="one_count_a_camera_and_day")]

    def __str__(self) -> str:
        return f"{self.tracks} on {self.camera}, {self.day}"


class CountedTrack(models.Model):
    """Marks a track that `PassageCount` includes; `id` is the event's id. Kept while it may come again."""

    id = models.UUIDField(primary_key=True, editable=False)
    counted_at = models.DateTimeField(auto_now_add=True, db_index=True)

    def __str__(self) -> str:
        return str(self.id)


class LiveEvent(models.Model):
    """The journal from which pages resume: ids grow in commit order (see `live_events.journalled`)."""

    class Kind(models.TextChoices):
        VISIT_OPENED = "visit_opened", "visit opened"
        VISIT_CHANGED = "visit_changed", "visit changed"
        VISITS_GONE = "visits_gone", "visits withdrawn or forgotten"
        UNSURE = "unsure", "sighting to review"
        CAMERA_CHANGED = "camera_changed", "a camera's status"
        CAMERA_GONE = "camera_gone", "a camera was removed"

    id = models.BigAutoField(primary_key=True)
    kind = models.CharField(max_length=20, choices=Kind.choices)
    site = models.ForeignKey(Site, models.CASCADE, related_name="+")
    """Where it happened: users who cannot see the site do not receive it."""
    visit = models.ForeignKey(Visit, models.CASCADE, null=True, related_name="+")
    sighting = models.ForeignKey(Sighting, models.CASCADE, null=True, related_name="+")
    camera = models.ForeignKey(Camera, models.CASCADE, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)

    class Meta:
        ordering = ["id"]
        indexes = [models.Index(fields=["site", "id"], name="live_event_by_site")]

    def __str__(self) -> str:
        return f"{self.id} {self.kind}"


class IdentityRejection(Record):
    """A user rejected a match of a face with a person.

    Similar faces do not match that person again, unless enrolled pictures outweigh it: see
    `visits.rules.outweighs`. It can be withdrawn.
    """

    person = models.UUIDField(db_index=True, editable=False)
    """The staff member or visitor. No foreign key, so that it may be either."""
    template = EmbeddingField(editable=False)
    pack = models.CharField("model pack", max_length=30, editable=False)
    sighting = models.ForeignKey(Sighting, models.SET_NULL, null=True, editable=False, related_name="+")
    """What was rejected: its picture, camera and time. None for a rejection of an earlier version."""

    class Meta:
        db_table = "visits_notthisperson"
        ordering = ["-created_at"]
        verbose_name = "rejected match"
        verbose_name_plural = "rejected matches"

    def __str__(self) -> str:
        return f"not {self.person}"


class MergeProposal(Record):
    """Two visitors who may be the same person. A user decides; they are never merged automatically."""

    class State(models.TextChoices):
        OPEN = "open", "to be decided"
        MERGED = "merged", "merged"
        DISTINCT = "distinct", "two people"

    first = models.ForeignKey(Visitor, models.CASCADE, related_name="+")
    second = models.ForeignKey(Visitor, models.CASCADE, related_name="+")
    score = models.FloatField(help_text="Cosine similarity of their templates.")
    state = models.CharField(max_length=10, choices=State.choices, default=State.OPEN)

    class Meta:
        ordering = ["-score"]
        constraints = [
            models.UniqueConstraint(fields=["first", "second"], name="a_pair_is_proposed_once"),
            models.CheckConstraint(condition=Q(first__lt=F("second")), name="a_pair_has_one_order"),
        ]

    def __str__(self) -> str:
        return f"{self.first} and {self.second}: {self.score:.2f}"


class Merge(Record):
    """A merge of two visitors, with the data needed to undo it."""

    kept = models.ForeignKey(Visitor, models.CASCADE, related_name="merges")
    kept_template = EmbeddingField(editable=False)
    gone_template = EmbeddingField(editable=False)
    gone = models.JSONField(editable=False)
    """The fields of the visitor that was merged into `kept`, except the template."""
    sightings = models.JSONField(default=list, editable=False)
    visits = models.JSONField(default=list, editable=False)
    undone_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.gone_called} into {self.kept}"

    @property
    def gone_called(self) -> str:
        """The merged visitor's name at that time."""
        return self.gone.get("name") or f"Visitor {self.gone.get('number')}"
