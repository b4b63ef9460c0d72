"""Visitors, sightings and visits as JSON. Templates are never included."""

from typing import Any

from rest_framework import serializers

from staff.models import StaffMember
from tenants.rest.serializers import PictureField, StrictSerializer
from visits.models import Sighting, SightingDecision, Visit, Visitor
from visits.queries import shot_url


class PersonSerializer(serializers.Serializer[StaffMember | Visitor]):
    """The person; `name` is "Visitor 12" for a visitor who has no name."""

    kind = serializers.ChoiceField(choices=["staff", "visitor"])
    id = serializers.UUIDField()
    name = serializers.CharField()

    def to_representation(self, person: StaffMember | Visitor) -> dict[str, Any]:
        kind = "staff" if isinstance(person, StaffMember) else "visitor"
        return {"kind": kind, "id": str(person.pk), "name": str(person)}


class PlaceSerializer(serializers.Serializer[Any]):
    """A site or a camera, by id and name."""

    id = serializers.UUIDField()
    name = serializers.CharField()


class ScoreField(serializers.FloatField):
    def __init__(self) -> None:
        super().__init__(
            source="shown_score",
            read_only=True,
            allow_null=True,
            help_text="Cosine similarity; null to a site manager for a person whom their sites see for the "
            "first time.",
        )


class VisitorSerializer(StrictSerializer[Visitor]):
    """Counted from the sites that the caller can access."""

    visit_count = serializers.IntegerField(read_only=True)
    first_seen_at = serializers.DateTimeField(source="shown_first_seen_at", read_only=True)
    last_seen_at = serializers.DateTimeField(source="shown_last_seen_at", read_only=True)
    picture = PictureField(shot_url, source="shown_shot")

    class Meta:
        model = Visitor
        fields = (
            "id",
            "number",
            "name",
            "note",
            "visit_count",
            "first_seen_at",
            "last_seen_at",
            "picture",
        )


class VisitSerializer(serializers.ModelSerializer[Visit]):
    """`ended_at` is null while the person is present."""

    site = PlaceSerializer(read_only=True)
    camera = PlaceSerializer(read_only=True, help_text="The camera that first saw the person.")
    person = PersonSerializer(read_only=True)
    score = ScoreField()
    picture = PictureField(shot_url, source="best_shot")

    class Meta:
        model = Visit
        fields = (
            "id",
            "site",
            "camera",
            "person",
            "started_at",
            "last_seen_at",
            "ended_at",
            "sighting_count",
            "score",
            "picture",
        )
        read_only_fields = fields


class SightingSerializer(serializers.ModelSerializer[Sighting]):
    """`person` is null for an uncertain match; such a sighting belongs to no visit."""

    site = PlaceSerializer(source="camera.site", read_only=True)
    camera = PlaceSerializer(read_only=True)
    person = PersonSerializer(read_only=True, allow_null=True)
    visit = serializers.UUIDField(source="visit_id", read_only=True, allow_null=True)
    decision = serializers.ChoiceField(SightingDecision.choices, source="shown_decision", read_only=True)
    score = ScoreField()
    reason = serializers.CharField(source="shown_reason", read_only=True)
    picture = PictureField(shot_url, source="best_shot")

    class Meta:
        model = Sighting
        fields = (
            "id",
            "site",
            "camera",
            "visit",
            "person",
            "decision",
            "score",
            "reason",
            "started_at",
            "last_seen_at",
            "faces",
            "quality",
            "picture",
        )
        read_only_fields = fields
