"""The admin's pages about visitors and visits. Facts are read-only; a visitor can be named or deleted."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any, ClassVar, cast
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.contrib.admin import ModelAdmin
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import ObjectDoesNotExist, ValidationError
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django_stubs_ext import StrPromise
from unfold.decorators import display

from cameras.admin import SiteListFilter
from cameras.queries import all_cameras, named
from tenants.access.rights import granted
from tenants.admin import RecordAdmin, link_to_rejections, tenant_admin
from tenants.admin_questions import confirmation, whole_people
from tenants.queries import user_of
from tenants.web.versioned_forms import VersionedModelForm
from visits.actions import delete_visitor, rename_visitor
from visits.merging.actions import (
    keep_apart,
    merge_proposed,
    not_this_person,
    undo_merge,
    withdraw_rejection,
)
from visits.merging.queries import merge_proposals, merges, people_with_rejections, rejections
from visits.models import IdentityRejection, Merge, MergeProposal, Sighting, SightingDecision, Visit, Visitor
from visits.queries import of_people_called, sightings, small_shot_url, visitors, visits

SEARCH_HELP = "Part of a name, or a number: 12, visitor 12."
NOT_THEM = (
    "Each sighting goes back to review, without its person and its visit. A face like it no longer matches "
    "that person: a visitor becomes a new visitor when seen again. An employee goes on to be recognised "
    "until the same face is rejected more often than enrolled pictures show it. If it was that person, they "
    "may then go unrecognised. Rejected matches are listed on the person's page, where you can withdraw them."
)


def _picture(key: str) -> SafeString | str:
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
        return _picture(row.best_shot)

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
        return _picture(row.shown_shot)

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
            _do(request, partial(not_this_person, sighting=sighting, by=user_of(request)))
        return None

    def get_queryset(self, request: HttpRequest) -> QuerySet[Sighting]:
        return sightings(granted(request))

    @display(description="result")
    def shown_decision(self, sighting: Any) -> str:
        return SightingDecision(sighting.shown_decision).label

    @display(description="reason")
    def shown_reason(self, sighting: Any) -> str:
        return str(sighting.shown_reason)


class PersonListFilter(admin.SimpleListFilter):
    """Offers the people who have rejected matches that the user may see."""

    title = "person"
    parameter_name = "person"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> list[tuple[str, str]]:
        people = people_with_rejections(granted(request))
        return [(str(person), str(found)) for person, found in people.items()]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[IdentityRejection]
    ) -> QuerySet[IdentityRejection]:
        try:
            return queryset.filter(person=UUID(self.value())) if self.value() else queryset
        except ValueError:
            raise IncorrectLookupParameters("a person has a UUID") from None


@admin.register(IdentityRejection, site=tenant_admin)
class IdentityRejectionAdmin(ReadOnlyAdmin):
    """Matches that users rejected, which can be withdrawn."""

    list_display = ("picture", "who", "camera", "seen_at", "created_at", "created_by")
    list_display_links = ("picture", "who")
    list_filter = (PersonListFilter,)
    fields = ("picture", "who", "camera", "seen_at", "created_at", "created_by")
    actions = ("withdraw",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[IdentityRejection]:
        return rejections(granted(request))

    def has_withdraw_permission(self, request: HttpRequest) -> bool:
        return granted(request).may("visits.change_sighting")

    @display(description="picture")
    def picture(self, row: IdentityRejection) -> SafeString | str:
        return _picture(row.sighting.best_shot if row.sighting else "")

    @display(description="is not")
    def who(self, row: Any) -> str:
        return str(row.person_name)

    @display(description="seen by")
    def camera(self, row: IdentityRejection) -> str:
        return str(row.sighting.camera) if row.sighting else "unknown"

    @display(description="seen at")
    def seen_at(self, row: IdentityRejection) -> datetime | None:
        return row.sighting.started_at if row.sighting else None

    @admin.action(description="Withdraw: it may be that person", permissions=["withdraw"])
    def withdraw(self, request: HttpRequest, chosen: QuerySet[IdentityRejection]) -> None:
        for rejection in chosen:
            _do(request, partial(_withdrawn, rejection))


class WholeTenantAdmin(ReadOnlyAdmin):
    """Concerns people of all sites: for users who can see all sites."""

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        access = granted(request)
        return access.sites is None and access.may("visits.view_visitor")

    def has_decide_permission(self, request: HttpRequest) -> bool:
        access = granted(request)
        return access.sites is None and access.may("visits.change_visitor")


@admin.register(MergeProposal, site=tenant_admin)
class MergeProposalAdmin(WholeTenantAdmin):
    """Pairs of visitors who may be the same person."""

    list_display = ("first_picture", "first", "second_picture", "second", "likeness", "state")
    list_filter = ("state",)
    search_fields = ("first__name", "second__name", "first__number", "second__number")
    list_select_related = ("first", "second")
    fields = ("first_picture", "first", "second_picture", "second", "likeness", "state")
    actions = ("merge", "keep_apart")

    def get_queryset(self, request: HttpRequest) -> QuerySet[MergeProposal]:
        return merge_proposals(granted(request))

    @display(description="picture")
    def first_picture(self, row: MergeProposal) -> SafeString | str:
        return _picture(row.first.best_shot)

    @display(description="picture")
    def second_picture(self, row: MergeProposal) -> SafeString | str:
        return _picture(row.second.best_shot)

    @display(description="similarity", ordering="score")
    def likeness(self, row: MergeProposal) -> str:
        return f"{row.score:.2f}"

    @admin.action(description="Same person: merge", permissions=["decide"])
    def merge(self, request: HttpRequest, chosen: QuerySet[MergeProposal]) -> None:
        for pair in chosen:
            _do(request, partial(merge_proposed, proposal=pair, by=user_of(request)))

    @admin.action(description="Different people", permissions=["decide"])
    def keep_apart(self, request: HttpRequest, chosen: QuerySet[MergeProposal]) -> None:
        for pair in chosen:
            _do(request, partial(keep_apart, proposal=pair, by=user_of(request)))


@admin.register(Merge, site=tenant_admin)
class MergeAdmin(WholeTenantAdmin):
    """Merges, which can be undone."""

    list_display = ("__str__", "created_at", "undone_at")
    search_fields = ("kept__name", "kept__number")
    list_select_related = ("kept",)
    fields = ("kept", "created_at", "undone_at")
    actions = ("undo",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Merge]:
        return merges(granted(request))

    @admin.action(description="Undo: different people", permissions=["decide"])
    def undo(self, request: HttpRequest, chosen: QuerySet[Merge]) -> None:
        for merge in chosen:
            _do(request, partial(undo_merge, merge=merge, by=user_of(request), now=timezone.now()))


def _withdrawn(rejection: IdentityRejection) -> str:
    withdraw_rejection(rejection=rejection)
    return "withdrawn, similar faces may match that person again"


def _when(row: Sighting) -> str:
    return date_format(timezone.localtime(row.started_at), "j M Y, H:i")


def _do(request: HttpRequest, work: Callable[[], object]) -> None:
    """Runs the action and reports the result, or the reason for a failure."""
    try:
        messages.success(request, f"Done: {work()}")
    except ValidationError as refusal:
        messages.error(request, " ".join(refusal.messages))
    except ObjectDoesNotExist:
        messages.error(request, "This no longer exists: it was merged or deleted in the meantime.")
