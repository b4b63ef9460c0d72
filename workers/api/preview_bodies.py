"""Live pictures and answers of a worker at the edge: every text, list and number has a limit."""

from typing import Any

from rest_framework import serializers

from cameras.models import Camera
from tenants.rest.serializers import StrictBody
from workers.api.binary import JpegField
from workers.api.bodies import MAX_INTEGER, EpochBody, NumberField, ProcessBody
from workers.process.clients.wire import MAX_DETAIL

MAX_RATE = 100_000.0


class WatchedBody(serializers.Serializer[Any]):
    """Cameras that are being watched."""

    cameras = serializers.ListField(child=serializers.UUIDField())


class PictureBody(EpochBody):
    picture = JpegField()


class FactsBody(StrictBody):
    """What a worker found out about a source, or about its own machine."""

    codec = serializers.CharField(max_length=50, allow_blank=True, required=False)
    width = serializers.IntegerField(min_value=0, max_value=MAX_INTEGER, required=False)
    height = serializers.IntegerField(min_value=0, max_value=MAX_INTEGER, required=False)
    fps = NumberField(min_value=0, max_value=MAX_RATE, required=False)
    measured_fps = NumberField(min_value=0, max_value=MAX_RATE, required=False)
    turn = serializers.ChoiceField(Camera.Turn.choices, required=False)
    lost_frames = serializers.IntegerField(min_value=0, max_value=MAX_INTEGER, required=False)
    picture_problem = serializers.ChoiceField(Camera.PictureProblem.choices, allow_blank=True, required=False)
    at = NumberField(min_value=0, max_value=1e11, required=False, help_text="Seconds since 1970.")
    devices = serializers.ListField(
        child=serializers.CharField(max_length=100), max_length=64, required=False
    )


class AnswerBody(ProcessBody):
    """`ticket` came with the request."""

    ticket = serializers.CharField(max_length=500)
    ok = serializers.BooleanField()
    detail = serializers.CharField(max_length=MAX_DETAIL, allow_blank=True, default="")
    facts = FactsBody(default=dict)
    picture = JpegField(allow_null=True, default=None)
