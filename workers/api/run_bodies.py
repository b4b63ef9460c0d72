"""Requests and answers of the runs of a worker at the edge: every text, list and number has a limit."""

from datetime import UTC, datetime
from typing import Any

from django.core.validators import MaxValueValidator, MinValueValidator
from rest_framework import serializers

from cameras.models import Camera
from workers.api.binary import JpegField, TemplateField
from workers.api.bodies import MAX_BIG_INTEGER, MAX_INTEGER, EpochBody, NumberField, ProcessBody
from workers.recognition.models.catalogue import PACKS
from workers.recognition.types import Decision

FIRST_DAY, LAST_DAY = datetime(2000, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
"""No camera's clock is off by more than this."""


def _time(**options: Any) -> serializers.DateTimeField:
    limits = [MinValueValidator(FIRST_DAY), MaxValueValidator(LAST_DAY)]
    return serializers.DateTimeField(validators=limits, **options)


class TicketBody(ProcessBody):
    """The camera is named by the URL."""

    ticket = serializers.CharField(
        max_length=500, allow_blank=True, default="",
        help_text="From the message that asked for a test; omit it for a camera that the worker holds.",
    )  # fmt: skip


class CameraSettingsBody(serializers.Serializer[Any]):
    """The settings of a camera, its login included."""

    site = serializers.UUIDField()
    owner = serializers.CharField(help_text="The sub-folder from which it may play clips.")
    kind = serializers.CharField()
    location = serializers.CharField()
    username = serializers.CharField()
    password = serializers.CharField()
    loop = serializers.BooleanField()
    exclusive = serializers.BooleanField()
    host = serializers.CharField()
    networks = serializers.ListField(child=serializers.CharField(), help_text="Allowed private networks.")
    detector = serializers.CharField(help_text="Empty: the worker's own, as for every null below.")
    fps = serializers.FloatField(allow_null=True)
    analysed_side = serializers.IntegerField(allow_null=True)
    min_face = serializers.IntegerField(allow_null=True)
    zones = serializers.JSONField()
    masks = serializers.JSONField()
    wanted = serializers.BooleanField(help_text="Whether the camera should run.")


class StatusBody(EpochBody):
    """The state of a run."""

    status = serializers.ChoiceField(Camera.Status.choices)
    detail = serializers.CharField(max_length=300, allow_blank=True, default="")


class ReportBody(StatusBody):
    started_at = _time(allow_null=True, default=None)
    last_frame_at = _time(allow_null=True, default=None)
    news = serializers.BooleanField(default=False, help_text="Notify open pages at once.")


class RecordBody(EpochBody):
    """The result of one track, with its best picture."""

    track = serializers.IntegerField(min_value=0, max_value=MAX_INTEGER)
    sequence = serializers.IntegerField(min_value=0, max_value=MAX_INTEGER)
    ended = serializers.BooleanField()
    decision = serializers.ChoiceField([decision.value for decision in Decision])
    person = serializers.UUIDField(allow_null=True, default=None)
    score = NumberField(min_value=-1.01, max_value=1.01)
    reason = serializers.CharField(max_length=300, allow_blank=True, default="")
    started_at = _time()
    last_seen_at = _time()
    faces = serializers.IntegerField(min_value=0, max_value=MAX_INTEGER)
    quality = NumberField(min_value=0, max_value=1)
    pack = serializers.ChoiceField(sorted(PACKS))
    template = TemplateField(allow_null=True, default=None)
    picture = JpegField(allow_null=True, default=None)
    known_at = _time(
        allow_null=True, default=None,
        help_text="For a record that waited on disk: the server's time when it became known.",
    )  # fmt: skip

    def validate(self, values: dict[str, Any]) -> dict[str, Any]:
        if values["template"] is None and values["decision"] != Decision.REJECTED:
            raise serializers.ValidationError({"template": ["Only a rejected track may omit the template."]})
        return values


class PackBody(ProcessBody):
    pack = serializers.ChoiceField(sorted(PACKS))


class LimitsBody(serializers.Serializer[Any]):
    """Cosine similarities: for a match, for a review, and the margin over the next person."""

    link = serializers.FloatField(source="match")  # the name on the wire
    review = serializers.FloatField()
    margin = serializers.FloatField()


class TuningBody(serializers.Serializer[Any]):
    own = LimitsBody(allow_null=True, help_text="Null: the pack's own apply.")
    others = serializers.DictField(
        child=serializers.IntegerField(), help_text="Enrolment pictures examined with other packs, by pack."
    )


class VersionBody(PackBody):
    version = serializers.IntegerField(min_value=-1, max_value=MAX_BIG_INTEGER - 1, default=-1)


class DeniedBody(serializers.Serializer[Any]):
    """Faces for which users rejected this person."""

    person = serializers.UUIDField()
    templates = serializers.CharField()


class KnownBody(serializers.Serializer[Any]):
    """The staff: `templates` has one for each of `people`, in base64, one after the other."""

    version = serializers.IntegerField()
    people = serializers.ListField(child=serializers.UUIDField())
    templates = serializers.CharField()
    denied = DeniedBody(many=True)


class FaceBody(PackBody):
    site = serializers.UUIDField(help_text="Where the face was seen: a site where it holds a camera.")
    template = TemplateField()


class CandidateBody(serializers.Serializer[Any]):
    person = serializers.UUIDField()
    score = serializers.FloatField(help_text="Cosine similarity.")


class FoundBody(serializers.Serializer[Any]):
    """The nearest visitors, best first, at most 5."""

    found = CandidateBody(many=True)
