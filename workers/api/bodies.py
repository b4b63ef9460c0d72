"""What a worker at the edge says and hears: every text, list and number with a limit."""

import math
import re
from typing import Any

from rest_framework import serializers

from tenants.api.serializers import StrictBody
from workers.api.serializers import WorkerSerializer
from workers.models import Worker

MOST_CAMERAS = 200
MOST_INTEGER, MOST_BIG_INTEGER = 2**31 - 1, 10**18
_PART = re.compile(r"[A-Za-z0-9._ -]{1,50}")


def _words(most: int, length: int) -> serializers.ListField:
    return serializers.ListField(
        child=serializers.CharField(max_length=length), max_length=most, default=list
    )


class NumberField(serializers.FloatField):
    """A number: neither infinite nor "not a number", which no JSON has, and no limit would refuse."""

    def to_internal_value(self, data: Any) -> float:
        number = super().to_internal_value(data)
        if not math.isfinite(number):
            raise serializers.ValidationError("This is no finite number.")
        return number


class IntroductionBody(StrictBody):
    """What a worker says of itself when it begins."""

    host = serializers.CharField(max_length=100, help_text="The machine's name; USB cameras name it.")
    capacity = serializers.IntegerField(min_value=1, max_value=MOST_CAMERAS, help_text="Cameras at once.")
    pid = serializers.IntegerField(min_value=0, max_value=MOST_INTEGER, default=0)
    sites = serializers.ListField(
        child=serializers.UUIDField(), max_length=MOST_CAMERAS, default=list,
        help_text="Ids of the only sites that it serves; empty for any.",
    )  # fmt: skip
    devices = _words(64, 100)
    packs = _words(20, 50)
    accelerators = _words(20, 50)
    versions = serializers.DictField(
        child=serializers.CharField(max_length=50), default=dict, help_text="Of its parts, at most 40."
    )

    def validate_host(self, host: str) -> str:
        return host.lower()

    def validate_versions(self, versions: dict[str, str]) -> dict[str, str]:
        if len(versions) > 40 or not all(_PART.fullmatch(name) for name in versions):
            raise serializers.ValidationError("At most 40 parts, whose names have at most 50 letters.")
        return versions


class RegisteredBody(serializers.Serializer[Any]):
    """`incarnation` names this process in all that it says from now on; the next registration ends it."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    incarnation = serializers.UUIDField()
    heartbeat_seconds = serializers.FloatField(help_text="Offline after three beats that are missed.")


class ProcessBody(StrictBody):
    """Which process of the worker speaks."""

    incarnation = serializers.UUIDField()


class BeatBody(ProcessBody):
    """How a worker is doing."""

    state = serializers.ChoiceField(Worker.State.choices, help_text="Any but offline.")
    load = NumberField(min_value=0, max_value=100_000, default=0.0)
    fps = NumberField(min_value=0, max_value=1_000_000, default=0.0)
    faces_per_second = NumberField(min_value=0, max_value=1_000_000, default=0.0)
    queue_depth = serializers.IntegerField(min_value=0, max_value=MOST_INTEGER, default=0)
    memory_megabytes = serializers.IntegerField(min_value=0, max_value=MOST_INTEGER, default=0)
    dropped = serializers.IntegerField(min_value=0, max_value=MOST_BIG_INTEGER - 1, default=0)
    last_error = serializers.CharField(max_length=300, allow_blank=True, default="")

    def validate_state(self, state: str) -> Worker.State:
        if state == Worker.State.OFFLINE:
            raise serializers.ValidationError("Whoever beats is not offline: sign off instead.")
        return Worker.State(state)


class EpochBody(ProcessBody):
    epoch = serializers.IntegerField(min_value=0, max_value=MOST_BIG_INTEGER - 1)


class HeldLease(StrictBody):
    """A lease as its holder knows it."""

    camera = serializers.UUIDField(source="camera_id")
    epoch = serializers.IntegerField(min_value=0, max_value=MOST_BIG_INTEGER - 1)


class HeldBody(ProcessBody):
    held = serializers.ListField(child=HeldLease(), max_length=2 * MOST_CAMERAS)


class GrantBody(serializers.Serializer[Any]):
    """The right to run a camera, until 15 seconds after `at`, the server's time of its last renewal."""

    camera = serializers.UUIDField(source="camera_id")
    epoch = serializers.IntegerField()
    at = serializers.DateTimeField()


class CameraBody(serializers.Serializer[Any]):
    """A camera and whose it is."""

    tenant = serializers.UUIDField(source="tenant_id")
    camera = serializers.UUIDField(source="camera_id")


class OrdersBody(serializers.Serializer[Any]):
    """`take` should be acquired, `give_up` released."""

    take = CameraBody(many=True)
    give_up = serializers.ListField(child=serializers.UUIDField())


class RenewedBody(OrdersBody):
    """`renewed` are the leases that are still the worker's; any other it must not record for."""

    renewed = GrantBody(many=True)


class LeasesBody(OrdersBody):
    held = HeldLease(many=True)


class OwnWorkerSerializer(WorkerSerializer):
    """A worker as it is known; `cameras` are those that it runs at this moment, of whichever customer."""

    cameras = serializers.IntegerField()

    devices = serializers.ListField(  # type: ignore[assignment]  # its own are all that there are
        child=serializers.CharField(), help_text="Camera devices of its machine."
    )

    class Meta(WorkerSerializer.Meta):
        fields = (*WorkerSerializer.Meta.fields, "sites", "faces_per_second")
        read_only_fields = fields
