"""Visitors and visits for the people at the desk. Facts are not edited, only named or forgotten."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import display

from tenants.admin import RecordAdmin, tenant_admin
from tenants.queries import user_of
from visits.actions import delete_visitor, rename_visitor
from visits.models import Sighting, Visit, Visitor
from visits.queries import shot_url, sightings, visitors, visits


def _picture(key: str) -> SafeString | str:
    return (
        format_html('<img src="{}" alt="" height="56" loading="lazy">', shot_url(key))
        if key
        else "no picture"
    )


class SeenAdmin(RecordAdmin):
    """Facts: looked at, never typed."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @display(description="picture")
    def picture(self, row: Any) -> SafeString | str:
        return _picture(row.best_shot)

    @display(description="person")
    def who(self, row: Visit | Sighting) -> str:
        return str(row.person or "unsure")


@admin.register(Visitor, site=tenant_admin)
class VisitorAdmin(SeenAdmin):
    list_display = ("picture", "__str__", "visit_count", "first_seen_at", "last_seen_at")
    list_display_links = ("picture", "__str__")
    search_fields = ("name", "number", "note")
    fields = ("picture", "number", "name", "note", "first_seen_at", "last_seen_at")
    readonly_fields = ("picture", "number", "first_seen_at", "last_seen_at")
    audit_fields = ()

    def get_queryset(self, request: HttpRequest) -> QuerySet[Visitor]:
        return visitors()

    @display(description="visits", ordering="visit_count")
    def visit_count(self, visitor: Any) -> int:
        return int(visitor.visit_count)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("visits.change_visitor")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("visits.delete_visitor")

    def save_model(
        self, request: HttpRequest, obj: Visitor, form: forms.ModelForm[Visitor], change: bool
    ) -> None:
        rename_visitor(visitor=obj, name=obj.name, note=obj.note, by=user_of(request))

    def delete_model(self, request: HttpRequest, obj: Visitor) -> None:
        delete_visitor(visitor=obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Visitor]) -> None:
        for visitor in queryset:
            delete_visitor(visitor=visitor)


@admin.register(Visit, site=tenant_admin)
class VisitAdmin(SeenAdmin):
    list_display = ("picture", "who", "site", "started_at", "last_seen_at", "ended_at", "sighting_count")
    list_filter = ("site",)
    search_fields = ("staff_member__name", "visitor__name", "visitor__number")
    date_hierarchy = "started_at"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Visit]:
        return visits()


@admin.register(Sighting, site=tenant_admin)
class SightingAdmin(SeenAdmin):
    list_display = ("picture", "who", "decision", "camera", "started_at", "score", "faces")
    list_filter = ("decision", "camera")
    search_fields = ("staff_member__name", "visitor__name", "visitor__number")
    date_hierarchy = "started_at"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Sighting]:
        return sightings()
