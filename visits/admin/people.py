"""The admin's pages of visitors, visits and sightings; a visitor can be named or deleted."""

from datetime import datetime
from functools import partial
from typing import Any, cast

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.safestring import SafeString
from unfold.decorators import display

from cameras.admin import SiteListFilter
from tenants.access.rights import granted
from tenants.admin import link_to_rejections, tenant_admin
from tenants.admin_questions import confirmation, whole_people
from tenants.queries import user_of
from tenants.web.versioned_forms import VersionedModelForm
from visits.actions import delete_visitor, rename_visitor
from visits.admin.base import (
    SEARCH_HELP,
    CameraListFilter,
    DecisionListFilter,
    ReadOnlyAdmin,
    SeenAdmin,
    StartListFilter,
    picture_of,
    told,
)
from visits.merging.actions import (
    not_this_person,
)
from visits.models import Sighting, SightingDecision, Visit, Visitor
from visits.queries import sightings, visitors, visits

NOT_THEM = (
    "Each sighting goes back to review, without its person and its visit. A face like it no longer matches "
    "that person: a visitor becomes a new visitor when seen again. An employee goes on to be recognised "
    "until the same face is rejected more often than enrolled pictures show it. If it was that person, they "
    "may then go unrecognised. Rejected matches are listed on the person's page, where you can withdraw them."
)


@admin.register(Visitor, site=tenant_admin)
class VisitorAdmin(ReadOnlyAdmin):
    list_display = ("picture", "__str__", "visit_count", "first_seen", "last_seen")
    list_display_links = ("picture", "__str__")
    search_fields = ("name", "number", "note")
    fields = ("picture", "number", "name", "note", "first_seen", "last_seen", "rejected")
    readonly_fields = ("picture", "number", "first_seen", "last_seen", "rejected")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Visitor]:
        return visitors(granted(request))

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        return ("-shown_last_seen_at",)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return self.readonly_fields

    @display(description="picture")
    def picture(self, row: Any) -> SafeString | str:
        return picture_of(row.shown_shot)

    @display(description="visits", ordering="visit_count")
    def visit_count(self, visitor: Any) -> int:
        return int(visitor.visit_count)

    @display(description="first seen", ordering="shown_first_seen_at")
    def first_seen(self, visitor: Any) -> datetime:
        return cast(datetime, visitor.shown_first_seen_at)

    @display(description="last seen", ordering="shown_last_seen_at")
    def last_seen(self, visitor: Any) -> datetime:
        return cast(datetime, visitor.shown_last_seen_at)

    @display(description="rejected matches")
    def rejected(self, visitor: Visitor) -> SafeString:
        return link_to_rejections(visitor.pk)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return granted(request).may("visits.change_visitor")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return granted(request).may("visits.delete_visitor")

    def save_model(
        self, request: HttpRequest, obj: Visitor, form: forms.ModelForm[Visitor], change: bool
    ) -> None:
        sent = {
            name: form.cleaned_data[name] for name in cast(VersionedModelForm[Visitor], form).sent_columns()
        }
        rename_visitor(visitor=obj, by=user_of(request), **sent)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        return whole_people(self, objs, request)

    def delete_model(self, request: HttpRequest, obj: Visitor) -> None:
        delete_visitor(visitor=obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Visitor]) -> None:
        for visitor in queryset:
            delete_visitor(visitor=visitor)


@admin.register(Visit, site=tenant_admin)
class VisitAdmin(SeenAdmin):
    list_display = ("picture", "who", "site", "started_at", "last_seen_at", "ended_at", "sighting_count")
    list_filter = (("site", SiteListFilter), StartListFilter)
    search_fields = ("staff_member__name",)
    search_help_text = SEARCH_HELP
    fields = (
        "picture",
        "who",
        "site",
        "camera",
        "started_at",
        "last_seen_at",
        "ended_at",
        "sighting_count",
        "shown_score",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Visit]:
        return visits(granted(request))


@admin.register(Sighting, site=tenant_admin)
class SightingAdmin(SeenAdmin):
    list_display = ("picture", "who", "shown_decision", "camera", "started_at", "shown_score", "faces")
    list_filter = (DecisionListFilter, ("camera", CameraListFilter), StartListFilter)
    search_fields = ("staff_member__name",)
    search_help_text = SEARCH_HELP
    fields = (
        "picture",
        "who",
        "shown_decision",
        "shown_reason",
        "shown_score",
        "camera",
        "started_at",
        "last_seen_at",
        "faces",
        "quality",
    )
    actions = ("not_them",)

    def has_deny_permission(self, request: HttpRequest) -> bool:
        return granted(request).may("visits.change_sighting")

    @admin.action(description="This is not that person", permissions=["deny"])
    def not_them(self, request: HttpRequest, chosen: QuerySet[Sighting]) -> TemplateResponse | None:
        """Asks first, and says what it costs."""
        if "confirmed" not in request.POST:
            return confirmation(
                request,
                self,
                action="not_them",
                title="This is not that person",
                rows=[f"{row.person or 'unsure'}: {row.camera}, {_when(row)}" for row in chosen],
                keys=[row.pk for row in chosen],
                costs=NOT_THEM,
            )
        for sighting in chosen:
            told(request, partial(not_this_person, sighting=sighting, by=user_of(request)))
        return None

    def get_queryset(self, request: HttpRequest) -> QuerySet[Sighting]:
        return sightings(granted(request))

    @display(description="result")
    def shown_decision(self, sighting: Any) -> str:
        return SightingDecision(sighting.shown_decision).label

    @display(description="reason")
    def shown_reason(self, sighting: Any) -> str:
        return str(sighting.shown_reason)


def _when(row: Sighting) -> str:
    return date_format(timezone.localtime(row.started_at), "j M Y, H:i")
