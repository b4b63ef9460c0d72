"""Requests over the API to the worker that runs a camera."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property, partial
from typing import Any, ClassVar
from uuid import UUID

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from redis.exceptions import RedisError
from rest_framework.decorators import action
from rest_framework.exceptions import APIException, ErrorDetail
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from cameras.api.serializers import CameraSerializer
from cameras.api.views import told_of_conflicts
from cameras.models import Camera
from cameras.queries import get_camera, is_wanted, state_of
from tenants.access.rights import Access, granted
from tenants.queries import active_tenant
from tenants.rest.faults import InvalidParameters
from tenants.rest.views import ApiView, member, unknown_parameters
from tenants.web.streaming import streamed
from workers.api.serializers import AnswerSerializer
from workers.control import camera_control
from workers.control.mjpeg import BOUNDARY, moving_picture
from workers.control.operations import Answer, NoAnswer, ask
from workers.process.sinks.answers import Operation
from workers.process.sinks.pictures import live

FORCE = OpenApiParameter(
    "force", bool, description="Stop another camera of this tenant that uses the same exclusive source."
)


class Unreachable(APIException):
    """No worker can carry the request out now. This is a state of the fleet, not a fault of the server."""

    status_code = 409
    default_code = "unreachable"


class NoLivePicture(APIException):
    """The camera should run, and does not yet; `wait` becomes the answer's Retry-After."""

    status_code = 503
    default_code = "no_picture"
    wait = 3


class CameraOperationViewSet(ApiView, GenericViewSet[Camera]):
    """Ask the camera's worker to do something; 409 if it is offline or does not answer in time.

    Each request is answered when it is done, or after some seconds without an answer.
    """

    queryset = Camera.objects.none()
    serializer_class = AnswerSerializer  # type: ignore[assignment]  # the answer is not a camera
    lookup_value_converter = "uuid"
    bodiless: ClassVar[tuple[str, ...]] = ("start", "stop", "restart", "reload", "test")
    further_problems = ("409", "503")

    @extend_schema(
        parameters=[FORCE],
        responses={
            200: OpenApiResponse(
                CameraSerializer,
                "The camera runs, or its source fails: `status` is then error, `status_detail` says why, "
                "and the worker keeps trying.",
            ),
            202: OpenApiResponse(
                CameraSerializer,
                "The camera is enabled but does not run yet: `state` is Being assigned while a worker is "
                "chosen, Starting while a worker opens the source. No further request is needed.",
            ),
        },
    )
    @action(detail=True, methods=["post"], verb="change")
    def start(self, request: Request, pk: UUID) -> Response:
        """Enable the camera. The answer comes when it runs.

        Refused (409) if another camera uses its source; the answer names it. `force=true` stops that camera,
        if it is yours. Also 409 if no worker can run the camera; it is enabled all the same (`enabled`), and
        starts as soon as a worker can run it.
        """
        # A member who sees one site only must not stop the camera of another site.
        force = _force(request) and self.access.sites is None
        camera = get_camera(self.access, pk)
        with told_of_conflicts(self.access), told_of_silence():
            begun = camera_control.start(camera=camera, by=member(request), force=force)
        return self._row(pk, 202 if begun is None else 200)

    @extend_schema(responses=CameraSerializer)
    @action(detail=True, methods=["post"], verb="change")
    def stop(self, request: Request, pk: UUID) -> Response:
        """Disable the camera. The answer comes when no worker runs it any more.

        409 if its worker does not confirm in time; the camera is disabled in this case, too.
        """
        with told_of_silence():
            camera_control.stop(camera=get_camera(self.access, pk), by=member(request))
        return self._row(pk)

    @action(detail=True, methods=["post"], verb="change")
    def restart(self, request: Request, pk: UUID) -> Response:
        """Close the source and open it again. The answer comes when it runs again, or says what is wrong."""
        camera = get_camera(self.access, pk)
        return answered(lambda: camera_control.restart(camera=camera))

    @action(detail=True, methods=["post"], verb="change")
    def reload(self, request: Request, pk: UUID) -> Response:
        """Restart the camera if its settings have changed. A change of settings does this by itself."""
        return self._asked(Operation.RELOAD, pk)

    @action(detail=True, methods=["post"], verb="change")
    def test(self, request: Request, pk: UUID) -> Response:
        """Open the source: codec, size, measured frame rate, and a first picture."""
        return self._asked(Operation.TEST, pk)

    @extend_schema(responses={(200, "image/jpeg"): OpenApiTypes.BINARY})
    @action(detail=True, methods=["get"])
    def snapshot(self, request: Request, pk: UUID) -> HttpResponse:
        """The newest frame as JPEG."""
        with told_of_silence():
            answer = ask(Operation.SNAPSHOT, get_camera(self.access, pk))
        if not answer.picture:
            raise Unreachable(answer.detail)
        return HttpResponse(
            answer.picture, content_type="image/jpeg", headers={"Cache-Control": "private, no-store"}
        )

    @extend_schema(responses={(200, "multipart/x-mixed-replace"): OpenApiTypes.BINARY})
    @action(detail=True, methods=["get"], url_path="live.mjpg")
    def live(self, request: Request, pk: UUID) -> HttpResponseBase:
        """The live picture with boxes around the tracked faces, for an `<img>`; ends after some minutes.

        409 if the camera is disabled, 503 with the reason while it does not run. It ends when the camera is
        stopped, when you may no longer see it, and after 5 seconds without a first picture; its only part is
        then a text that says so.
        """
        camera = get_camera(self.access, pk)
        if not camera.enabled:
            raise Unreachable(f"{camera} is stopped, so it has no live picture: start it.")
        _require_picture(camera)
        return streamed(
            request,
            partial(moving_picture, active_tenant(), camera.pk),
            permission="cameras.view_camera",
            further=lambda access: is_wanted(access, pk),
            content_type=f"multipart/x-mixed-replace; boundary={BOUNDARY}",
            headers={"Cache-Control": "private, no-store", "X-Accel-Buffering": "no"},
        )

    @cached_property
    def access(self) -> Access:
        """The caller's permissions here."""
        return granted(self.request)

    def perform_content_negotiation(self, request: Request, force: bool = False) -> Any:
        """An `<img>` accepts pictures only, so content negotiation must not refuse it."""
        return super().perform_content_negotiation(request, force=True)

    def _asked(self, operation: Operation, pk: UUID) -> Response:
        camera = get_camera(self.access, pk)
        return answered(lambda: ask(operation, camera))

    def _row(self, pk: UUID, status: int = 200) -> Response:
        camera = get_camera(self.access, pk)
        return Response(CameraSerializer(camera, context=self.get_serializer_context()).data, status)


def _force(request: Request) -> bool:
    """Raises InvalidParameters."""
    faults = unknown_parameters(request, {"force"})
    given = request.query_params.get("force", "false")
    if given not in ("true", "false"):
        faults["force"] = [ErrorDetail("Give true or false.", "invalid_choice")]
    if faults:
        raise InvalidParameters(faults)
    return given == "true"


def _require_picture(camera: Camera) -> None:
    """Raises NoLivePicture where the camera does not run and has no live picture, either."""
    state = state_of(camera, timezone.now())
    try:
        if state.tone == "ok" or live(active_tenant().pk, camera.pk):
            return
    except RedisError:
        pass  # its own state says enough
    raise NoLivePicture(f"{camera} has no live picture now. {state.label}. {state.detail}".strip())


@contextmanager
def told_of_silence() -> Iterator[None]:
    """If no worker carries it out, the answer names the worker expected to and says what to do."""
    try:
        yield
    except NoAnswer as error:
        raise Unreachable(str(error)) from None


def answered(question: Callable[[], Answer]) -> Response:
    with told_of_silence():
        return Response(AnswerSerializer(question()).data)
