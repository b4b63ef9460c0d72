"""What a camera's worker can be asked for over the API."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property, partial
from typing import Any, ClassVar
from uuid import UUID

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.decorators import action
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from cameras.api.serializers import CameraSerializer
from cameras.api.views import told_of_conflicts
from cameras.models import Camera
from cameras.queries import get_camera, is_wanted
from tenants.access import Access, granted
from tenants.api.views import ApiView, member
from tenants.queries import active_tenant
from tenants.streaming import streamed
from workers import switching
from workers.api.serializers import AnswerSerializer
from workers.live import BOUNDARY, moving_picture
from workers.operations import Answer, NoAnswer, Operation, ask

FORCE = OpenApiParameter(
    "force", bool, description="Stop another camera of this tenant that has the same exclusive source."
)


class Unreachable(APIException):
    """Nobody carries the request out at the moment: so things stand, the server is not at fault."""

    status_code = 409
    default_code = "unreachable"


class CameraOperationViewSet(ApiView, GenericViewSet[Camera]):
    """What the worker of a camera does when asked; 409 where it is away or does not answer in time.

    Each is answered when it is done, or given up after some seconds.
    """

    queryset = Camera.objects.none()
    serializer_class = AnswerSerializer  # type: ignore[assignment]  # what comes back is no camera
    lookup_value_converter = "uuid"
    bodiless: ClassVar[tuple[str, ...]] = ("start", "stop", "restart", "reload", "test")
    further_problems = ("409", "503")

    @extend_schema(
        parameters=[FORCE],
        responses={
            200: OpenApiResponse(
                CameraSerializer,
                "Its worker has begun. `status` is running, or error where the source fails: `status_detail` "
                "says why, and the worker goes on trying.",
            ),
            202: OpenApiResponse(
                CameraSerializer,
                "It is wanted, and has not begun yet: `state` is Being assigned while a worker is chosen, "
                "Starting while one opens the source. It goes on by itself.",
            ),
        },
    )
    @action(detail=True, methods=["post"], verb="change")
    def start(self, request: Request, pk: UUID) -> Response:
        """The camera should run: answered when it does.

        Refused (409) where another camera has its source, which is named: `force=true` stops that one, if it
        is yours. 409 as well where no worker can run it; it is wanted then all the same (`enabled`), and
        starts as soon as one can.
        """
        # Who sees one site only must not stop the camera of another one.
        force = request.query_params.get("force") == "true" and self.access.sites is None
        camera = get_camera(self.access, pk)
        with told_of_conflicts(self.access), told_of_silence():
            begun = switching.start(camera=camera, by=member(request), force=force)
        return self._row(pk, 202 if begun is None else 200)

    @extend_schema(responses=CameraSerializer)
    @action(detail=True, methods=["post"], verb="change")
    def stop(self, request: Request, pk: UUID) -> Response:
        """The camera should not run: answered when nobody runs it any more.

        409 where its worker does not say so in time; it is not wanted any more then, too.
        """
        with told_of_silence():
            switching.stop(camera=get_camera(self.access, pk), by=member(request))
        return self._row(pk)

    @action(detail=True, methods=["post"], verb="change")
    def restart(self, request: Request, pk: UUID) -> Response:
        """Close the source and begin anew: answered when it runs again, or with what is wrong."""
        camera = get_camera(self.access, pk)
        return answered(lambda: switching.restart(camera=camera))

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
        """The live picture with the faces that are followed, for an `<img>`; ends after some minutes.

        409 where the camera should not run. It ends when the camera is stopped, or the right to see it ends.
        """
        camera = get_camera(self.access, pk)
        if not camera.enabled:
            raise Unreachable(f"{camera} is stopped, so there is no live picture of it: start it.")
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
        """What whoever asks may do here."""
        return granted(self.request)

    def perform_content_negotiation(self, request: Request, force: bool = False) -> Any:
        """An `<img>` accepts pictures only, which is no reason to refuse it."""
        return super().perform_content_negotiation(request, force=True)

    def _asked(self, operation: Operation, pk: UUID) -> Response:
        camera = get_camera(self.access, pk)
        return answered(lambda: ask(operation, camera))

    def _row(self, pk: UUID, status: int = 200) -> Response:
        camera = get_camera(self.access, pk)
        return Response(CameraSerializer(camera, context=self.get_serializer_context()).data, status)


@contextmanager
def told_of_silence() -> Iterator[None]:
    """Where nobody carries it out, the answer says who should have, and what to do."""
    try:
        yield
    except NoAnswer as error:
        raise Unreachable(str(error)) from None


def answered(question: Callable[[], Answer]) -> Response:
    with told_of_silence():
        return Response(AnswerSerializer(question()).data)
