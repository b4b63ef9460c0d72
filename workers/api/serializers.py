"""Workers and their answers as JSON."""

from base64 import b64encode

from django.utils.functional import cached_property
from rest_framework import serializers

from workers.control.operations import Answer
from workers.filters import SHOWN_STATES
from workers.fleet.machines import UsableDevices
from workers.fleet.models import Worker


class WorkerSerializer(serializers.ModelSerializer[Worker]):
    """`state` is offline after three missed heartbeats, processing while it runs cameras of yours, or idle.

    Nothing tells how busy it is with cameras of others.
    """

    devices = serializers.SerializerMethodField(help_text="Your camera devices on its machine.")
    state = serializers.ChoiceField(source="shown_state", choices=SHOWN_STATES)
    cameras = serializers.IntegerField(help_text="How many of your cameras it runs now.")
    created_at = serializers.DateTimeField(source="registered_at")

    class Meta:
        model = Worker
        fields: tuple[str, ...] = (
            "id",
            "name",
            "host",
            "state",
            "cameras",
            "devices",
            "packs",
            "accelerators",
            "versions",
            "created_at",
            "beat_at",
        )
        read_only_fields = fields

    def get_devices(self, worker: Worker) -> list[str]:
        return self._usable.among(worker.host, worker.devices)

    @cached_property
    def _usable(self) -> UsableDevices:
        """Once for a whole list."""
        return UsableDevices()


class AnswerSerializer(serializers.Serializer[Answer]):
    """A worker's answer. If `ok` is false, `detail` says what is wrong and what to do."""

    ok = serializers.BooleanField()
    worker = serializers.CharField()
    detail = serializers.CharField()
    facts = serializers.DictField(
        help_text="codec, width, height, fps, measured_fps, devices …; `turn` if faces seem turned: "
        "the camera's setting with which they are upright"
    )
    picture = serializers.SerializerMethodField(help_text="As a data: URL; empty if there is none.")

    def get_picture(self, answer: Answer) -> str:
        return "data:image/jpeg;base64," + b64encode(answer.picture).decode() if answer.picture else ""
