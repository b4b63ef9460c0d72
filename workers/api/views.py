"""API of workers."""

from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from tenants.rest.pagination import TimePagination
from tenants.rest.views import RowsViewSet
from workers.api.operations import answered
from workers.api.serializers import AnswerSerializer, WorkerSerializer
from workers.control.operations import ask_worker
from workers.filters import WorkerFilters
from workers.fleet.models import Worker
from workers.fleet.queries import get_own_worker, own_workers
from workers.process.sinks.answers import Operation


class RegistrationPagination(TimePagination):
    """Newest process first."""

    field = "registered_at"


class WorkerViewSet(RowsViewSet[Worker]):
    """The workers that run your cameras, may run them, or have your devices."""

    serializer_class = WorkerSerializer
    filterset_class = WorkerFilters
    pagination_class = RegistrationPagination
    queryset = Worker.objects.none()
    http_method_names = ["get", "head"]

    def get_queryset(self) -> QuerySet[Worker]:
        return own_workers(self.access)

    def get_row(self, pk: UUID) -> Worker:
        return get_own_worker(self.access, pk)

    @extend_schema(responses=AnswerSerializer)
    @action(detail=True, methods=["get"])
    def devices(self, request: Request, pk: UUID) -> Response:
        """The camera devices of the worker's machine now."""
        return answered(lambda: ask_worker(Operation.DEVICES, get_own_worker(self.access, pk).name))
