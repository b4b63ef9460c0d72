"""The admin's pages of what users decided about identities: rejected matches, proposals and merges."""

from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.contrib.admin import ModelAdmin
from django.contrib.admin.options import IncorrectLookupParameters
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.safestring import SafeString
from unfold.decorators import display

from tenants.access.rights import granted
from tenants.admin import tenant_admin
from tenants.queries import user_of
from visits.admin.base import ReadOnlyAdmin, picture_of, told
from visits.merging.actions import (
    keep_apart,
    merge_proposed,
    undo_merge,
    withdraw_rejection,
)
from visits.merging.queries import merge_proposals, merges, people_with_rejections, rejections
from visits.models import IdentityRejection, Merge, MergeProposal


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
        return picture_of(row.sighting.best_shot if row.sighting else "")

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
            told(request, partial(_withdrawn, rejection))


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
        return picture_of(row.first.best_shot)

    @display(description="picture")
    def second_picture(self, row: MergeProposal) -> SafeString | str:
        return picture_of(row.second.best_shot)

    @display(description="similarity", ordering="score")
    def likeness(self, row: MergeProposal) -> str:
        return f"{row.score:.2f}"

    @admin.action(description="Same person: merge", permissions=["decide"])
    def merge(self, request: HttpRequest, chosen: QuerySet[MergeProposal]) -> None:
        for pair in chosen:
            told(request, partial(merge_proposed, proposal=pair, by=user_of(request)))

    @admin.action(description="Different people", permissions=["decide"])
    def keep_apart(self, request: HttpRequest, chosen: QuerySet[MergeProposal]) -> None:
        for pair in chosen:
            told(request, partial(keep_apart, proposal=pair, by=user_of(request)))


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
            told(request, partial(undo_merge, merge=merge, by=user_of(request), now=timezone.now()))


def _withdrawn(rejection: IdentityRejection) -> str:
    withdraw_rejection(rejection=rejection)
    return "withdrawn, similar faces may match that person again"
