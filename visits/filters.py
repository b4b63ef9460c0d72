"""Filters of the lists of visitors, sightings and visits."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django_filters import rest_framework as filters

from tenants.rest.filters import MomentFilter, TextFilter, YesNoFilter
from visits.models import Sighting, SightingDecision, Visit, Visitor
from visits.queries import of_people_called, of_person, visitors_called


class VisitorFilters(filters.FilterSet):  # type: ignore[misc]
    search = TextFilter(method="search_for", help_text="Part of the name, or a number: 12, visitor 12.")
    # `from` is a Python keyword, so it cannot be assigned in a class body
    vars()["from"] = MomentFilter("shown_last_seen_at", "gte", help_text="Last seen at or after (ISO 8601).")
    to = MomentFilter("shown_last_seen_at", "lt", help_text="Last seen before (ISO 8601).")

    class Meta:
        model = Visitor
        fields = ()

    def search_for(self, rows: QuerySet[Visitor], name: str, text: str) -> QuerySet[Visitor]:
        return rows.filter(visitors_called(text))


class SeenFilters(filters.FilterSet):  # type: ignore[misc]
    """Filters shared by the lists of visits and of sightings."""

    person = filters.UUIDFilter(method="by_person", help_text="Id of a staff member or a visitor.")
    vars()["from"] = MomentFilter("started_at", "gte", help_text="Started at or after (ISO 8601).")
    to = MomentFilter("started_at", "lt", help_text="Started before (ISO 8601).")
    search = TextFilter(
        method="search_for", help_text="Part of the person's name, or a number: 12, visitor 12."
    )

    def by_person(self, rows: QuerySet[Any], name: str, person: UUID) -> QuerySet[Any]:
        return rows.filter(of_person(person))

    def search_for(self, rows: QuerySet[Any], name: str, text: str) -> QuerySet[Any]:
        return rows.filter(of_people_called(text))


class VisitFilters(SeenFilters):
    site = filters.UUIDFilter(field_name="site_id")
    camera = filters.UUIDFilter(field_name="camera_id", help_text="Camera that first saw the person.")
    present = YesNoFilter(field_name="ended_at", lookup_expr="isnull", help_text="Whether it is still open.")

    class Meta:
        model = Visit
        fields = ()


class SightingFilters(SeenFilters):
    site = filters.UUIDFilter(field_name="camera__site_id")
    camera = filters.UUIDFilter(field_name="camera_id")
    visit = filters.UUIDFilter(field_name="visit_id")
    decision = filters.ChoiceFilter(field_name="shown_decision", choices=SightingDecision.choices)

    class Meta:
        model = Sighting
        fields = ()
