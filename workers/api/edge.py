"""Workers at the edge, on the public host: each registers, sends heartbeats and holds leases by its own name.

Each endpoint does what a worker on the installation's own machines does directly (`DirectFleetClient`). The
endpoints for its runs are in `workers.api.edge_runs`.
"""

from dataclasses import asdict
from typing import Any, ClassVar
from uuid import UUID

from django.http import Http404
from redis.exceptions import RedisError
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from tenants.access.rights import granted
from tenants.rest.authentication import TokenAuthentication
from tenants.rest.problems import Conflict
from tenants.rest.throttles import CallerThrottle
from tenants.rest.views import ApiView
from workers.api.bodies import (
    BeatBody,
    EpochBody,
    GrantBody,
    HeldBody,
    IntroductionBody,
    LeasesBody,
    OrdersBody,
    OwnWorkerSerializer,
    ProcessBody,
    RegisteredBody,
    RenewedBody,
)
from workers.fleet.models import CameraLease, Worker
from workers.fleet.queries import (
    NO_CAMERA,
    NO_WORKER,
    RunOut,
    held_by,
    own_lease,
    own_worker,
    planned_for,
    process_of,
    surplus_of,
)
from workers.fleet.registration import Beat, Introduction, register
from workers.process.clients.direct_fleet_client import DirectFleetClient
from workers.process.clients.fleet_client import NameTaken, Unavailable


class Gone(APIException):
    status_code = 410
    default_detail = "Another process has this worker's name now: end this one, or register again."
    default_code = "replaced"


class TryAgain(APIException):
    status_code = 503
    default_detail = "The database is unavailable: try again in a second."
    default_code = "unavailable"


class LeaseRanOut(APIException):
    status_code = 412
    default_detail = "The lease of this camera has expired: renew it, then send this request again."
    default_code = "lease_ran_out"


class EdgeView(ApiView, GenericViewSet[Worker]):
    """For a worker's token, about that worker only: any other worker's name returns 404."""

    authentication_classes = [TokenAuthentication]
    throttle_classes = [CallerThrottle]  # all workers belong to the installation's own tenant
    queryset = Worker.objects.none()
    http_method_names = ["get", "put", "post", "head"]
    bodies: ClassVar[dict[str, Any]] = {}
    further_problems: ClassVar[tuple[str, ...]] = ("410", "503")

    def get_serializer_class(self) -> Any:
        return self.bodies[self.action]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if kwargs["worker"] != granted(request).worker:
            raise Http404(NO_WORKER)

    def said(self, request: Request) -> dict[str, Any]:
        """The validated values of the body. Raises ValidationError."""
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        return dict(serializer.validated_data)

    def speaking(self, name: str, said: dict[str, Any]) -> Worker:
        """The worker, if the calling process is its present one. Raises Http404, Gone."""
        worker = process_of(name, said.pop("incarnation"))
        if worker is None:
            raise Gone
        return worker

    def handle_exception(self, exc: Exception) -> Response:
        return super().handle_exception(_told(exc))


def _told(error: Exception) -> Exception:
    """Maps failures and rules of this installation to statuses of their own."""
    if isinstance(error, Unavailable):
        return TryAgain()
    if isinstance(error, RedisError):
        return TryAgain("Redis is unavailable: try again in a second.")
    return LeaseRanOut() if isinstance(error, RunOut) else error


class EdgeWorkerViewSet(EdgeView):
    """A worker's own entry in the fleet."""

    permission = "workers.report_state"
    bodies = {
        "register": IntroductionBody,
        "retrieve": OwnWorkerSerializer,
        "beat": BeatBody,
        "sign_off": ProcessBody,
    }
    answers = {
        "register": {200: RegisteredBody},
        "beat": {200: OrdersBody},
        "sign_off": {204: None},
    }

    def register(self, request: Request, worker: str) -> Response:
        """Register. A process that had this name loses it, and all its leases.

        If the key is limited to sites, the worker is too, whatever the request says.
        """
        said = self.said(request)
        sites = _allowed(granted(request).sites, said.pop("sites"))
        registered = register(introduction=Introduction(name=worker, sites=sites, **said))
        seconds = DirectFleetClient(registered).heartbeat_seconds
        facts = {"id": registered.pk, "name": worker, "incarnation": registered.incarnation}
        return Response(RegisteredBody(facts | {"heartbeat_seconds": seconds}).data)

    def retrieve(self, request: Request, worker: str) -> Response:
        """The worker's entry; offline after three missed heartbeats, whatever it last reported."""
        return Response(OwnWorkerSerializer(own_worker(worker)).data)

    def beat(self, request: Request, worker: str) -> Response:
        """Send a heartbeat. The answer says which cameras to acquire and to release."""
        said = self.said(request)
        speaker = self.speaking(worker, said)
        try:
            DirectFleetClient(speaker).beat(Beat(**said))
        except NameTaken:
            raise Gone from None
        return Response(OrdersBody(_orders(speaker)).data)

    def sign_off(self, request: Request, worker: str) -> Response:
        """Sign off: all its cameras are free, and it is offline."""
        DirectFleetClient(self.speaking(worker, self.said(request))).sign_off()
        return Response(status=204)


class EdgeLeaseViewSet(EdgeView):
    """The cameras of a worker. A lease lasts 15 seconds: renew it every 5, and stop recording after 10."""

    permission = "workers.run_cameras"
    bodies = {"retrieve": LeasesBody, "renew": HeldBody, "acquire": ProcessBody, "release": EpochBody}
    answers = {
        "renew": {200: RenewedBody},
        "acquire": {200: GrantBody},
        "release": {204: None},
    }

    def retrieve(self, request: Request, worker: str) -> Response:
        """The cameras that it holds, should acquire and should release: at most its capacity of each."""
        known = own_worker(worker)
        held = list(held_by(known))
        return Response(LeasesBody(_orders(known) | {"held": held}).data)

    def renew(self, request: Request, worker: str) -> Response:
        """Renew the leases that it holds. This is also a sign of life."""
        said = self.said(request)
        speaker = self.speaking(worker, said)
        held = [(one["camera_id"], one["epoch"]) for one in said["held"]]
        try:
            update = DirectFleetClient(speaker).keep(_seen(granted(request).sites, held))
        except NameTaken:
            raise Gone from None
        take = [{"tenant_id": tenant, "camera_id": camera} for tenant, camera in update.take]
        grants = [asdict(grant) for grant in update.renewed.values()]
        return Response(RenewedBody({"take": take, "give_up": update.give_up, "renewed": grants}).data)

    def acquire(self, request: Request, worker: str, camera: UUID) -> Response:
        """Acquire a camera that is planned for this worker. From then on no other worker's records count."""
        speaker = self.speaking(worker, self.said(request))
        lease = own_lease(speaker, camera)
        if not granted(request).sees(lease.site_id):
            raise Http404(NO_CAMERA)
        grant = DirectFleetClient(speaker).acquire(lease.tenant, camera)
        if grant is None:
            raise Conflict(
                "The camera cannot be acquired now: another worker holds it, or it is no longer enabled."
            )
        return Response(GrantBody(asdict(grant)).data)

    def release(self, request: Request, worker: str, camera: UUID) -> Response:
        """Release a camera, so that another worker can acquire it at once."""
        said = self.said(request)
        speaker = self.speaking(worker, said)
        lease = own_lease(speaker, camera)
        ours = lease.worker_id == speaker.pk and lease.live  # type: ignore[attr-defined]
        if not ours or not DirectFleetClient(speaker).release(lease.tenant, camera, said["epoch"]):
            raise Conflict("The worker does not hold this camera at that epoch: nothing was released.")
        return Response(status=204)


def _allowed(sites: frozenset[UUID] | None, wanted: list[UUID]) -> list[str]:
    """The sites that a worker may serve, of those it asks for, or of all. Raises ValidationError."""
    if sites is None:
        return [str(site) for site in wanted]
    if foreign := [site for site in wanted if site not in sites]:
        raise ValidationError({"sites": [f"This worker's key does not cover the site {foreign[0]}."]})
    return sorted(str(site) for site in wanted or sites)


def _seen(sites: frozenset[UUID] | None, held: list[tuple[UUID, int]]) -> list[tuple[UUID, int]]:
    """Those of its leases that its key covers; a camera that moved to another site is no longer covered."""
    if sites is None:
        return held
    ours = CameraLease.objects.filter(pk__in=[camera for camera, _ in held], site_id__in=sites)
    seen = set(ours.values_list("pk", flat=True))
    return [(camera, epoch) for camera, epoch in held if camera in seen]


def _orders(worker: Worker) -> dict[str, Any]:
    return {
        "take": planned_for(worker).values("tenant_id", "camera_id"),
        "give_up": surplus_of(worker).values_list("camera_id", flat=True),
    }
