"""Events of the journal as JSON: what the stream sends, and the list that fills its gaps."""

from typing import Any

from django.urls import reverse
from drf_spectacular.utils import (
    OpenApiParameter,
    PolymorphicProxySerializer,
    extend_schema,
    extend_schema_field,
)
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from cameras.models import Camera
from tenants.access.rights import Access, granted
from tenants.rest.faults import InvalidParameters
from tenants.rest.pagination import MAX_PAGE_SIZE, PAGE_SIZE, size_of
from tenants.rest.views import ApiView, unknown_parameters
from visits.models import LiveEvent
from visits.queries import RESET, event_of, event_page

PERMISSION = "visits.view_visit"
AFTER = OpenApiParameter(
    "after",
    str,
    description="The id of the last event that you received. 0 is before the first event of all.",
)
SIZE_PARAMETER = OpenApiParameter(
    "page_size",
    {"type": "integer", "minimum": 1, "maximum": MAX_PAGE_SIZE, "default": PAGE_SIZE},
    description="Events in one page.",
)


class SiteData(serializers.Serializer[Any]):
    """Where it happened."""

    site = serializers.UUIDField(help_text="Id of the site.")


class SeenSerializer(serializers.Serializer[Any]):
    """Whom a camera saw."""

    kind = serializers.ChoiceField(["staff", "visitor"], help_text="Which list the person is in.")
    name = serializers.CharField(help_text="The name, or Visitor 12 for a visitor without one.")


class VisitData(SiteData):
    """The visit as it is now."""

    visit = serializers.UUIDField(help_text="Id of the visit.")
    camera = serializers.UUIDField(help_text="Id of the camera that first saw the person.")
    person = SeenSerializer(help_text="Whose visit it is.")
    started_at = serializers.DateTimeField(help_text="When the person was first seen.")
    last_seen_at = serializers.DateTimeField(help_text="When the person was last seen.")
    ended_at = serializers.DateTimeField(allow_null=True, help_text="Null while the person is present.")


class SightingData(SiteData):
    """A sighting without a certain match."""

    sighting = serializers.UUIDField(help_text="Id of the sighting to review.")
    camera = serializers.UUIDField(help_text="Id of the camera.")


class CameraData(SiteData):
    """The camera as it is now."""

    camera = serializers.UUIDField(help_text="Id of the camera.")
    name = serializers.CharField(help_text="Name of the camera.")
    enabled = serializers.BooleanField(help_text="Whether it should run.")
    status = serializers.ChoiceField(Camera.Status.choices, help_text="What its worker last reported.")
    detail = serializers.CharField(help_text="Why it does not run; empty if it does.")
    worker = serializers.CharField(help_text="Name of its worker; empty if there is none.")


class ResetData(serializers.Serializer[Any]):
    """Where the list of events goes on."""

    after = serializers.CharField(help_text="The event after which events were left out of the stream.")
    events = serializers.CharField(help_text="The address of the list of those events, without the host.")


def _event(
    kind: str, data: type[serializers.Serializer[Any]], text: str
) -> type[serializers.Serializer[Any]]:
    """The serializer of one kind of event."""
    fields = {
        "id": serializers.CharField(help_text="Its place in the journal: where to go on after it."),
        "event": serializers.ChoiceField([(kind, text)], help_text="The kind of event."),
        "data": data(help_text="The present state of what the event is about."),
        "__doc__": text,
    }
    name = "".join(part.capitalize() for part in kind.split("_"))
    return type(f"{name}EventSerializer", (serializers.Serializer,), fields)


JOURNAL = {
    kind.value: _event(kind.value, data, text)
    for kind, data, text in (
        (LiveEvent.Kind.VISIT_OPENED, VisitData, "A visit began."),
        (LiveEvent.Kind.VISIT_CHANGED, VisitData, "A visit changed: the person was seen again, or left."),
        (LiveEvent.Kind.VISITS_GONE, SiteData, "Visits were withdrawn or deleted: reload those you show."),
        (LiveEvent.Kind.UNSURE, SightingData, "A sighting waits for a review."),
        (LiveEvent.Kind.CAMERA_CHANGED, CameraData, "A camera, or its status, changed."),
        (LiveEvent.Kind.CAMERA_GONE, SiteData, "A camera was removed."),
    )
}
OF_STREAM = {
    RESET: _event(RESET, ResetData, "Events were left out: the list of events goes on where `data` says."),
}


def _any_of(name: str, kinds: dict[str, Any]) -> PolymorphicProxySerializer:
    return PolymorphicProxySerializer(
        component_name=name, serializers=kinds, resource_type_field_name="event"
    )


STREAM_EVENT = _any_of("StreamEvent", JOURNAL | OF_STREAM)


@extend_schema_field(_any_of("Event", JOURNAL))
class EventField(serializers.JSONField):
    """A payload as the queries make it."""


class EventPageSerializer(serializers.Serializer[Any]):
    """A part of the journal, oldest event first."""

    next = serializers.URLField(
        allow_null=True, help_text="The address of the next page; null on the last one."
    )
    after = serializers.CharField(
        help_text="Where to go on: send it as Last-Event-ID to the stream, or as `after` to this list."
    )
    gap = serializers.BooleanField(
        help_text="Whether events after the one that you named are no longer kept: reload what you show."
    )
    results = serializers.ListField(child=EventField(), help_text="The events.")


class EventListView(ApiView):
    """Events of the last day."""

    permission = PERMISSION
    http_method_names = ["get", "head"]

    @extend_schema(
        operation_id="events_list",
        parameters=[AFTER, SIZE_PARAMETER],
        responses=EventPageSerializer,
    )
    def get(self, request: Request) -> Response:
        """Lists the events after `after`, oldest first; without it, from the oldest that is kept.

        The journal keeps events for one day. `next` leads to the next page. After the last page, listen to
        the stream with `after` of this answer as Last-Event-ID: nothing is missed in between.
        """
        access = granted(request)
        faults: dict[str, Any] = unknown_parameters(request, {"after", "page_size"})
        after, size = None, PAGE_SIZE
        try:
            after = asked_for(request, access)
        except InvalidParameters as refusal:
            faults |= refusal.detail
        try:
            size = size_of(request)
        except InvalidParameters as refusal:
            faults |= refusal.detail
        if faults:
            raise InvalidParameters(faults)
        page = event_page(access, after, size)
        link = request.build_absolute_uri(reverse("api-event-list"))
        link = replace_query_param(replace_query_param(link, "after", page["after"]), "page_size", size)
        return Response(EventPageSerializer({**page, "next": link if page["more"] else None}).data)


def asked_for(request: Request, access: Access, *, header: bool = False) -> int | None:
    """The number of the event after which to start; None if none is named. Raises InvalidParameters."""
    text = (request.headers.get("Last-Event-ID") if header else None) or request.query_params.get("after")
    if text is None:
        return None
    try:
        return event_of(access, text)
    except ValueError:
        told = ErrorDetail("Give the id of an event, or leave it out.", "invalid")
        raise InvalidParameters({"after": [told]}) from None
