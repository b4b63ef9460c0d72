"""API of visitors, sightings and visits. What a camera saw is read-only."""

from uuid import UUID

from django.db.models import QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from tenants.rest.pagination import NumberPagination, StartPagination
from tenants.rest.views import RowsViewSet, member, with_reason
from visits.actions import delete_visitor, rename_visitor
from visits.api.serializers import SightingSerializer, VisitorSerializer, VisitSerializer
from visits.filters import SightingFilters, VisitFilters, VisitorFilters
from visits.locks import lock_people
from visits.models import Sighting, Visit, Visitor
from visits.queries import get_sighting, get_visit, get_visitor, sightings, visitors, visits


class VisitorViewSet(RowsViewSet[Visitor]):
    """People known by face only, until a user names them."""

    serializer_class = VisitorSerializer
    filterset_class = VisitorFilters
    pagination_class = NumberPagination
    queryset = Visitor.objects.none()
    versioned_fields = ("name", "note")

    def get_queryset(self) -> QuerySet[Visitor]:
        return visitors(self.access)

    def get_row(self, pk: UUID) -> Visitor:
        return get_visitor(self.access, pk)

    def hold(self, pk: UUID) -> None:
        """In the order in which workers lock: first the person, then the row (`visits.locks`)."""
        if self.action == "destroy":
            lock_people(pk)
        super().hold(pk)

    def partial_update(self, request: Request, pk: UUID) -> Response:
        with self.held(pk) as visitor:
            values = self.accepted(request, visitor)
            return self.answer(rename_visitor(visitor=visitor, by=member(request), **values))

    @with_reason
    def destroy(self, request: Request, pk: UUID) -> Response:
        """Deletes the person: visits, sightings, pictures and their template."""
        with self.held(pk) as visitor:
            delete_visitor(visitor=visitor)
        return Response(status=204)


class VisitViewSet(RowsViewSet[Visit]):
    """Stays of one person at one site, newest first."""

    serializer_class = VisitSerializer
    filterset_class = VisitFilters
    pagination_class = StartPagination
    queryset = Visit.objects.none()

    def get_queryset(self) -> QuerySet[Visit]:
        return visits(self.access)

    def get_row(self, pk: UUID) -> Visit:
        return get_visit(self.access, pk)


class SightingViewSet(RowsViewSet[Sighting]):
    """What cameras saw, one row per track, newest first."""

    serializer_class = SightingSerializer
    filterset_class = SightingFilters
    pagination_class = StartPagination
    queryset = Sighting.objects.none()

    def get_queryset(self) -> QuerySet[Sighting]:
        return sightings(self.access)

    def get_row(self, pk: UUID) -> Sighting:
        return get_sighting(self.access, pk)
