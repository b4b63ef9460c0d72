"""What the admin's pages about visitors and visits share. Facts are read-only."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.contrib.admin import ModelAdmin
from django.core.exceptions import ObjectDoesNotExist, ValidationError
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django_stubs_ext import StrPromise
from unfold.decorators import display

from cameras.queries import all_cameras, named
from tenants.access.rights import granted
from tenants.admin import RecordAdmin
from visits.models import Sighting, SightingDecision, Visit
from visits.queries import of_people_called, small_shot_url

SEARCH_HELP = "Part of a name, or a number: 12, visitor 12."


def picture_of(key: str) -> SafeString | str:
    return (
        format_html('<img src="{}" alt="" width="48" height="48" loading="lazy">', small_shot_url(key))
        if key
        else "no picture"
    )


class CameraListFilter(admin.RelatedFieldListFilter):
    """Offers the cameras that the user can see."""

    def field_choices(
        self, field: Any, request: HttpRequest, model_admin: ModelAdmin[Any]
    ) -> list[tuple[str, str | StrPromise]]:
        return [(str(camera.pk), named(camera)) for camera in all_cameras(granted(request))]


class DecisionListFilter(admin.SimpleListFilter):
    """Filters by the result as the user may see it."""

    title = "result"
    parameter_name = "decision"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> list[tuple[str, str]]:
        return [
            (value, label) for value, label in SightingDecision.choices if value != SightingDecision.REJECTED
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Sighting]) -> QuerySet[Sighting]:
        return queryset.filter(Q(shown_decision=self.value())) if self.value() else queryset


class StartListFilter(admin.SimpleListFilter):
    """By when it began. Django's date hierarchy reads the whole table for the dates that it offers."""

    title = "start"
    parameter_name = "start"
    days: ClassVar[dict[str | None, int]] = {"today": 0, "week": 6, "month": 29, "year": 364}

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> list[tuple[str, str]]:
        return [
            ("today", "today"),
            ("week", "in the last 7 days"),
            ("month", "in the last 30 days"),
            ("year", "in the last 365 days"),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value()
        if value not in self.days:
            return queryset
        today = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
        return queryset.filter(started_at__gte=today - timedelta(days=self.days[value]))


class ReadOnlyAdmin(RecordAdmin):
    """Read-only facts. Shows what the queries allow, not the bare columns."""

    audit_fields = ()

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return tuple(self.fields or ())

    @display(description="picture")
    def picture(self, row: Any) -> SafeString | str:
        return picture_of(row.best_shot)

    @display(description="person")
    def who(self, row: Visit | Sighting) -> str:
        return str(row.person or "unsure")

    @display(description="score")
    def shown_score(self, row: Any) -> str:
        return "" if row.shown_score is None else f"{row.shown_score:.2f}"


class SeenAdmin(ReadOnlyAdmin):
    """Visits and sightings: millions of rows, of which no list reads all."""

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """As on the pages; Django's own would join the people to every row."""
        return queryset.filter(of_people_called(search_term)), False


def told(request: HttpRequest, work: Callable[[], object]) -> None:
    """Runs the action and reports the result, or the reason for a failure."""
    try:
        messages.success(request, f"Done: {work()}")
    except ValidationError as refusal:
        messages.error(request, " ".join(refusal.messages))
    except ObjectDoesNotExist:
        messages.error(request, "This no longer exists: it was merged or deleted in the meantime.")
