"""Filters of the lists of visitors, sightings and visits, and of their merges."""

from collections.abc import Callable
from dataclasses import fields
from datetime import datetime
from typing import Any
from uuid import UUID

from django import forms
from django.core.validators import EMPTY_VALUES
from django.db.models import Q, QuerySet
from django.utils import timezone
from django_filters import rest_framework as filters
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field

from cameras.models import Camera
from tenants.filters.fields import MomentFilter, SearchFilter, YesNoFilter
from tenants.filters.lists import ListFilters
from tenants.web.fields import DAY_LIMITS
from visits.merging.queries import merges_of, pairs_with
from visits.models import Merge, MergeProposal, Sighting, SightingDecision, Visit, Visitor
from visits.periods import Period, sightings_of, visits_of
from visits.queries import of_people_called, of_person, visitors_called

SEARCH_HELP = "Part of a name, or a number: 12, visitor 12."


class VisitorFilters(ListFilters):
    search = SearchFilter(visitors_called, help_text="Part of the name, or a number: 12, visitor 12.")
    # `from` is a Python keyword, so it cannot be assigned in a class body
    vars()["from"] = MomentFilter("shown_last_seen_at", "gte", help_text="Last seen at or after (ISO 8601).")
    to = MomentFilter("shown_last_seen_at", "lt", help_text="Last seen before (ISO 8601).")

    class Meta:
        model = Visitor
        fields = ()


@extend_schema_field(OpenApiTypes.DATE)
class DayFilter(filters.DateFilter):  # type: ignore[misc]
    """A part of a period."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(method="by_period", input_formats=["%Y-%m-%d"], validators=DAY_LIMITS, **settings)


@extend_schema_field({"type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?$"})
class TimeOfDayFilter(filters.TimeFilter):  # type: ignore[misc]
    """A part of a period."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(method="by_period", input_formats=["%H:%M", "%H:%M:%S"], **settings)


class PeriodForm(forms.Form):
    """Refuses days and times that are no period."""

    def clean(self) -> dict[str, Any]:
        chosen = super().clean() or self.cleaned_data
        if not self.errors:
            for field, problem in chosen_period(self).problems().items():
                self.add_error(field, problem)
        return chosen


def chosen_period(form: forms.BaseForm) -> Period:
    chosen = {part.name: form.cleaned_data.get(part.name) for part in fields(Period)}
    return Period(**{name: value for name, value in chosen.items() if value not in EMPTY_VALUES})


class SeenFilters(ListFilters):
    """Filters shared by the lists of visits and of sightings."""

    period: Callable[[Period, datetime], Q]

    since = DayFilter(help_text="From this day on, by the clock of each row's site.")
    until = DayFilter(help_text="Until this day, which is included.")
    since_time = TimeOfDayFilter(
        help_text="Of each day from `since` to `until`, from this time on, such as 09:00."
    )
    until_time = TimeOfDayFilter(
        help_text="Of each day, before this time. If it is not after `since_time`, it is one of the next day."
    )
    today = YesNoFilter(
        method="by_period", help_text="Whether it was today, by the clock of each row's site."
    )
    person = filters.UUIDFilter(method="by_person", help_text="Id of a staff member or a visitor.")
    vars()["from"] = MomentFilter("started_at", "gte", help_text="Started at or after (ISO 8601).")
    to = MomentFilter("started_at", "lt", help_text="Started before (ISO 8601).")
    search = SearchFilter(
        of_people_called, help_text="Part of the person's name, or a number: 12, visitor 12."
    )

    def filter_queryset(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        period = self.period(chosen_period(self.form), timezone.now())
        narrowed: QuerySet[Any] = super().filter_queryset(rows)
        return narrowed.filter(period)

    def by_period(self, rows: QuerySet[Any], name: str, value: Any) -> QuerySet[Any]:
        """Days and times of day are one condition, which `filter_queryset` adds."""
        return rows

    def by_person(self, rows: QuerySet[Any], name: str, person: UUID) -> QuerySet[Any]:
        return rows.filter(of_person(person))


class VisitFilters(SeenFilters):
    period = staticmethod(visits_of)
    site = filters.UUIDFilter(field_name="site_id")
    camera = filters.UUIDFilter(method="by_camera", help_text="A camera that saw the person.")
    who = filters.ChoiceFilter(method="by_kind", choices=[("staff", "Staff"), ("visitor", "Visitors")])
    present = YesNoFilter(field_name="ended_at", lookup_expr="isnull", help_text="Whether it is still open.")

    class Meta:
        model = Visit
        form = PeriodForm
        fields = ()

    def by_camera(self, rows: QuerySet[Visit], name: str, camera: UUID | Camera) -> QuerySet[Visit]:
        return rows.filter(pk__in=Sighting.objects.filter(camera=camera).values("visit"))

    def by_kind(self, rows: QuerySet[Visit], name: str, kind: str) -> QuerySet[Visit]:
        return rows.filter(staff_member__isnull=kind != "staff")


class SightingFilters(SeenFilters):
    period = staticmethod(sightings_of)
    site = filters.UUIDFilter(field_name="camera__site_id")
    camera = filters.UUIDFilter(field_name="camera_id")
    visit = filters.UUIDFilter(field_name="visit_id")
    decision = filters.ChoiceFilter(field_name="shown_decision", choices=SightingDecision.choices)

    class Meta:
        model = Sighting
        form = PeriodForm
        fields = ()


class ProposalFilters(ListFilters):
    search = SearchFilter(pairs_with, help_text=SEARCH_HELP)
    state = filters.ChoiceFilter(choices=MergeProposal.State.choices)

    class Meta:
        model = MergeProposal
        fields = ()


class MergeFilters(ListFilters):
    search = SearchFilter(merges_of, help_text=SEARCH_HELP)
    undone = YesNoFilter(
        field_name="undone_at", lookup_expr="isnull", exclude=True, help_text="Whether it was undone."
    )

    class Meta:
        model = Merge
        fields = ()
