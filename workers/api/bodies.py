"""Requests and answers of a worker at the edge: every text, list and number has a limit."""

import math
import re
from typing import Any

from rest_framework import serializers

from tenants.rest.serializers import StrictBody
from workers.api.serializers import WorkerSerializer
from workers.fleet.models import Worker

MAX_CAMERAS = 200
MAX_INTEGER, MAX_BIG_INTEGER = 2**31 - 1, 10**18
_PART = re.compile(r"[A-Za-z0-9._ -]{1,50}")


def _words(max_words: int, length: int) -> serializers.ListField:
    return serializers.ListField(
        child=serializers.CharField(max_length=length), max_length=max_words, default=list
    )


class NumberField(serializers.FloatField):
    """A finite number. JSON has no infinity or NaN, and a limit would not refuse NaN."""

    def to_internal_value(self, data: Any) -> float:
        number = super().to_internal_value(data)
        if not math.isfinite(number):
            raise serializers.ValidationError("This is not a finite number.")
        return number


class IntroductionBody(StrictBody):
    """What a worker reports about itself when it registers."""

    host = serializers.CharField(max_length=100, help_text="The machine's name, to which USB cameras refer.")
    capacity = serializers.IntegerField(
        min_value=1, max_value=MAX_CAMERAS, help_text="Maximum number of cameras."
    )
    pid = serializers.IntegerField(min_value=0, max_value=MAX_INTEGER, default=0)
    sites = serializers.ListField(
        child=serializers.UUIDField(), max_length=MAX_CAMERAS, default=list,
        help_text="Ids of the sites that it serves; empty for all.",
    )  # fmt: skip
    devices = _words(64, 100)
    packs = _words(20, 50)
    accelerators = _words(20, 50)
    versions = serializers.DictField(
        child=serializers.CharField(max_length=50), default=dict, help_text="Of its components, at most 40."
    )

    def validate_host(self, host: str) -> str:
        return host.lower()

    def validate_versions(self, versions: dict[str, str]) -> dict[str, str]:
        if len(versions) > 40 or not all(_PART.fullmatch(name) for name in versions):
            raise serializers.ValidationError("At most 40 components, with names of at most 50 letters.")
        return versions


class RegisteredBody(serializers.Serializer[Any]):
    """`incarnation` names this process: send it with every later request. A new registration replaces it."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    incarnation = serializers.UUIDField()
    heartbeat_seconds = serializers.FloatField(help_text="Offline after three missed heartbeats.")


class ProcessBody(StrictBody):
    """The worker process that sends the request."""

    incarnation = serializers.UUIDField()


class BeatBody(ProcessBody):
    """A worker's heartbeat."""

    state = serializers.ChoiceField(Worker.State.choices, help_text="Any but offline.")
    load = NumberField(min_value=0, max_value=100_000, default=0.0)
    fps = NumberField(min_value=0, max_value=1_000_000, default=0.0)
    faces_per_second = NumberField(min_value=0, max_value=1_000_000, default=0.0)
    queue_depth = serializers.IntegerField(min_value=0, max_value=MAX_INTEGER, default=0)
    memory_megabytes = serializers.IntegerField(min_value=0, max_value=MAX_INTEGER, default=0)
    dropped = serializers.IntegerField(min_value=0, max_value=MAX_BIG_INTEGER - 1, default=0)
    last_error = serializers.CharField(max_length=300, allow_blank=True, default="")

    def validate_state(self, state: str) -> Worker.State:
        if state == Worker.State.OFFLINE:
            raise serializers.ValidationError("A worker with a heartbeat is not offline: sign off instead.")
        return Worker.State(state)


class EpochBody(ProcessBody):
    epoch = serializers.IntegerField(min_value=0, max_value=MAX_BIG_INTEGER - 1)


class HeldLeaseBody(StrictBody):
    """A lease as its holder knows it."""

    camera = serializers.UUIDField(source="camera_id")
    epoch = serializers.IntegerField(min_value=0, max_value=MAX_BIG_INTEGER - 1)


class HeldBody(ProcessBody):
    held = serializers.ListField(child=HeldLeaseBody(), max_length=2 * MAX_CAMERAS)


class GrantBody(serializers.Serializer[Any]):
    """The right to run a camera, until 15 seconds after `at`, the server's time of its last renewal."""

    camera = serializers.UUIDField(source="camera_id")
    epoch = serializers.IntegerField()
    at = serializers.DateTimeField()


class CameraBody(serializers.Serializer[Any]):
    """A camera and its tenant."""

    tenant = serializers.UUIDField(source="tenant_id")
    camera = serializers.UUIDField(source="camera_id")


class OrdersBody(serializers.Serializer[Any]):
    """Acquire the cameras in `take`; release those in `give_up`."""

    take = CameraBody(many=True)
    give_up = serializers.ListField(child=serializers.UUIDField())


class RenewedBody(OrdersBody):
    """`renewed` lists the leases that are still the worker's. It must not record for any other camera."""

    renewed = GrantBody(many=True)


class LeasesBody(OrdersBody):
    held = HeldLeaseBody(many=True)


class OwnWorkerSerializer(WorkerSerializer):
    """A registered worker; `cameras` are those that it runs now, of all tenants."""

    cameras = serializers.IntegerField()
    state = serializers.ChoiceField(source="shown_state", choices=Worker.State.choices)
    devices = serializers.ListField(  # type: ignore[assignment]  # its own are all that there are
        child=serializers.CharField(), help_text="Camera devices of its machine."
    )

    class Meta(WorkerSerializer.Meta):
        fields = (
            *WorkerSerializer.Meta.fields,
            "capacity",
            "load",
            "fps",
            "queue_depth",
            "memory_megabytes",
            "dropped",
            "last_error",
            "sites",
            "faces_per_second",
        )
        read_only_fields = fields
