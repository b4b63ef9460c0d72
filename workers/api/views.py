"""Workers over the API, and what a camera's worker can be asked for."""

from functools import cached_property
from typing import Any, ClassVar
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpResponse, StreamingHttpResponse
from django_filters import rest_framework as filters
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from cameras.models import Camera
from cameras.queries import get_camera
from tenants.access import Access, granted
from tenants.api.filters import TextFilter
from tenants.api.pagination import TimePagination
from tenants.api.views import ApiView, RowsViewSet
from tenants.queries import active_tenant
from workers.api.serializers import AnswerSerializer, WorkerSerializer
from workers.live import BOUNDARY, moving_picture
from workers.models import Worker
from workers.operations import NoAnswer, Operation, ask, ask_worker
from workers.queries import get_worker, workers


class Unreachable(APIException):
    """Nobody carries the request out at the moment: so things stand, the server is not at fault."""

    status_code = 409
    default_code = "unreachable"


class WorkerFilters(filters.FilterSet):  # type: ignore[misc]
    search = TextFilter(field_name="name", lookup_expr="icontains", help_text="Part of the name.")
    state = filters.ChoiceFilter(field_name="shown_state", choices=Worker.State.choices)

    class Meta:
        model = Worker
        fields = ()


class RegistrationPagination(TimePagination):
    """Newest process first."""

    field = "registered_at"


class WorkerViewSet(RowsViewSet[Worker]):
    """The installation's workers: how each is doing, by its last beat."""

    serializer_class = WorkerSerializer
    filterset_class = WorkerFilters
    pagination_class = RegistrationPagination
    queryset = Worker.objects.none()
    http_method_names = ["get", "head"]

    def get_queryset(self) -> QuerySet[Worker]:
        return workers()

    def get_row(self, pk: UUID) -> Worker:
        return get_worker(pk)

    @extend_schema(responses=AnswerSerializer)
    @action(detail=True, methods=["get"])
    def devices(self, request: Request, pk: UUID) -> Response:
        """The camera devices of the worker's machine, at this moment."""
        return _answered(lambda: ask_worker(Operation.DEVICES, get_worker(pk).name))


class CameraOperationViewSet(ApiView, GenericViewSet[Camera]):
    """What the worker of a camera does when asked; 409 where it is away or does not answer in time."""

    queryset = Camera.objects.none()
    serializer_class = AnswerSerializer  # type: ignore[assignment]  # what comes back is no camera
    lookup_value_converter = "uuid"
    bodiless: ClassVar[tuple[str, ...]] = ("restart", "reload", "test")
    further_problems = ("409",)

    @action(detail=True, methods=["post"], verb="change")
    def restart(self, request: Request, pk: UUID) -> Response:
        """Close the source and begin anew."""
        return self._asked(Operation.RESTART, pk)

    @action(detail=True, methods=["post"], verb="change")
    def reload(self, request: Request, pk: UUID) -> Response:
        """Begin anew where the camera's settings have changed; a change does this by itself."""
        return self._asked(Operation.RELOAD, pk)

    @action(detail=True, methods=["post"], verb="change")
    def test(self, request: Request, pk: UUID) -> Response:
        """Open the source: codec, size, measured frames a second, and a first picture."""
        return self._asked(Operation.TEST, pk)

    @extend_schema(responses={(200, "image/jpeg"): OpenApiTypes.BINARY})
    @action(detail=True, methods=["get"])
    def snapshot(self, request: Request, pk: UUID) -> HttpResponse:
        """The newest frame as JPEG."""
        try:
            answer = ask(Operation.SNAPSHOT, get_camera(self.access, pk))
        except NoAnswer as error:
            raise Unreachable(str(error)) from None
        if not answer.picture:
            raise Unreachable(answer.detail)
        return HttpResponse(
            answer.picture, content_type="image/jpeg", headers={"Cache-Control": "private, no-store"}
        )

    @extend_schema(responses={(200, "multipart/x-mixed-replace"): OpenApiTypes.BINARY})
    @action(detail=True, methods=["get"], url_path="live.mjpg")
    def live(self, request: Request, pk: UUID) -> StreamingHttpResponse:
        """The live picture with the faces that are followed, for an `<img>`; ends after some minutes."""
        camera = get_camera(self.access, pk)
        return StreamingHttpResponse(
            moving_picture(active_tenant(), camera.pk),
            content_type=f"multipart/x-mixed-replace; boundary={BOUNDARY}",
            headers={"Cache-Control": "private, no-store", "X-Accel-Buffering": "no"},
        )

    @cached_property
    def access(self) -> Access:
        """What whoever asks may do here."""
        return granted(self.request)

    def perform_content_negotiation(self, request: Request, force: bool = False) -> Any:
        """An `<img>` accepts pictures only, which is no reason to refuse it."""
        return super().perform_content_negotiation(request, force=True)

    def _asked(self, operation: Operation, pk: UUID) -> Response:
        camera = get_camera(self.access, pk)
        return _answered(lambda: ask(operation, camera))


def _answered(question: Any) -> Response:
    try:
        return Response(AnswerSerializer(question()).data)
    except NoAnswer as error:
        raise Unreachable(str(error)) from None
