"""Requests and answers of the runs of a worker at the edge: every text, list and number has a limit."""

from typing import Any

from django.core.validators import MaxValueValidator, MinValueValidator
from rest_framework import serializers

from cameras.models import Camera
from tenants.rest.serializers import MomentOfBody
from visits.track_codec import FIELDS, VERSIONS, missing_template
from visits.track_facts import FIRST_DAY, LAST_DAY
from workers.api.binary import JpegField
from workers.api.bodies import MAX_BIG_INTEGER, EpochBody, ProcessBody
from workers.api.track_fields import record_field
from workers.recognition.capture.files.losses import MAX_LOST
from workers.recognition.models.catalogue import PACKS


def _time(**options: Any) -> serializers.DateTimeField:
    limits = [MinValueValidator(FIRST_DAY), MaxValueValidator(LAST_DAY)]
    return MomentOfBody(validators=limits, **options)


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
    turn = serializers.IntegerField(help_text="Degrees clockwise: 0, 90, 180 or 270.")
    mirrored = serializers.BooleanField(help_text="Exchange left and right after turning.")
    pixel_aspect = serializers.FloatField(allow_null=True, help_text="Null: as the source says.")
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
    lost_frames = serializers.IntegerField(
        min_value=0, max_value=MAX_LOST, default=0,
        help_text="Frames of this run that could not be decoded or are missing.",
    )  # fmt: skip


class ReportBody(StatusBody):
    started_at = _time(allow_null=True, default=None)
    last_frame_at = _time(allow_null=True, default=None)
    picture_problem = serializers.ChoiceField(
        Camera.PictureProblem.choices, allow_blank=True, default="",
        help_text="Why the pictures show nothing, if they do not.",
    )  # fmt: skip
    news = serializers.BooleanField(default=False, help_text="Notify open pages at once.")


class RecordBody(ProcessBody):
    """The result of one track, with its best picture. The fields of the record are those of TrackFacts.

    A worker of the version before sends no `version`.
    """

    version = serializers.IntegerField(
        min_value=VERSIONS[0], max_value=VERSIONS[-1], default=VERSIONS[0],
        help_text="Of the record's form.",
    )  # fmt: skip
    picture = JpegField(source="shot", allow_null=True, default=None)
    known_at = _time(
        allow_null=True, default=None,
        help_text="For a record that waited on disk: the server's time when it became known.",
    )  # fmt: skip

    def get_fields(self) -> dict[str, Any]:
        of_the_track = {name: record_field(name) for name in FIELDS if name != "camera"}
        return super().get_fields() | of_the_track

    def validate(self, values: dict[str, Any]) -> dict[str, Any]:
        if missing := missing_template(values):
            raise serializers.ValidationError({"template": [missing]})
        del values["version"]
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

    def get_fields(self) -> dict[str, Any]:
        return super().get_fields() | {"template": record_field("template", required=True)}


class CandidateBody(serializers.Serializer[Any]):
    person = serializers.UUIDField()
    score = serializers.FloatField(help_text="Cosine similarity.")


class FoundBody(serializers.Serializer[Any]):
    """The nearest visitors, best first, at most 5."""

    found = CandidateBody(many=True)
