"""The admin of sites and cameras."""

from collections.abc import Callable
from typing import Any, ClassVar, cast

from django import forms
from django.contrib import admin, messages
from django.contrib.admin import ModelAdmin
from django.db.models import QuerySet
from django.http import HttpRequest, QueryDict
from django.template.response import TemplateResponse
from django_stubs_ext import StrPromise
from unfold.decorators import display
from unfold.widgets import UnfoldAdminPasswordWidget, UnfoldAdminTextInputWidget, UnfoldBooleanSwitchWidget

from cameras.actions import (
    KEPT,
    PICTURE,
    RECOGNITION,
    TYPED,
    SourceTaken,
    archive_camera,
    archive_site,
    delete_camera,
    delete_site,
    require_login,
    save_camera,
    save_site,
    set_enabled,
    unarchive_camera,
    unarchive_site,
)
from cameras.models import Camera, Site
from cameras.queries import all_cameras, all_sites, may_allow_networks, named, sites
from cameras.rules import Login, holds_login
from tenants.access.rights import granted
from tenants.admin import RecordAdmin, tenant_admin
from tenants.admin_questions import confirmation
from tenants.isolation.quotas import Resource
from tenants.models import User
from tenants.queries import user_of
from tenants.web.versioned_forms import VersionedModelForm

SOURCE = ("kind", "location", "username", "password", "forget_login", "loop", "exclusive", "host")


class ArchivedListFilter(admin.SimpleListFilter):
    title = "archived"
    parameter_name = "archived"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> list[tuple[str, str]]:
        return [("yes", "Archived"), ("no", "In use")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() is None:
            return queryset
        return queryset.filter(archived_at__isnull=self.value() == "no")


class ArchiveAdmin(RecordAdmin):
    """What has a history is archived; only what has none can be deleted."""

    archiving: ClassVar[Callable[..., Any]]
    unarchiving: ClassVar[Callable[..., Any]]
    archive_costs: str

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        if obj is not None and obj.archived_at is not None:
            return False
        return bool(super().has_change_permission(request, obj))

    @admin.action(description="Archive", permissions=["delete"])
    def archive(self, request: HttpRequest, chosen: QuerySet[Any]) -> TemplateResponse | None:
        if "confirmed" not in request.POST:
            return confirmation(
                request,
                self,
                action="archive",
                title="Archive",
                rows=[named(row) for row in chosen],
                keys=[row.pk for row in chosen],
                costs=self.archive_costs,
            )
        self._each(request, chosen, type(self).archiving, "is archived")
        return None

    @admin.action(description="Unarchive", permissions=["delete"])
    def unarchive(self, request: HttpRequest, chosen: QuerySet[Any]) -> None:
        self._each(request, chosen, type(self).unarchiving, "is in use again")

    def _each(self, request: HttpRequest, chosen: QuerySet[Any], act: Callable[..., Any], done: str) -> None:
        for row in chosen:
            try:
                act(row, user_of(request))
                messages.success(request, f"{row} {done}.")
            except forms.ValidationError as refusal:
                messages.error(request, f"{row}: {' '.join(refusal.messages)}")
            except SourceTaken as refusal:
                messages.error(request, f"{row}: {refusal.told(granted(request))}")


@admin.register(Site, site=tenant_admin)
class SiteAdmin(ArchiveAdmin):
    archive_costs = (
        "The site and all its cameras are archived. The cameras stop. What was seen there stays, and the "
        "names are free again. You can unarchive the site and each camera while their names are free."
    )

    list_display = ("name", "address", "time_zone", "reentry_seconds", "archived_at")
    list_filter = (ArchivedListFilter,)
    actions = ("archive", "unarchive")
    quota = Resource.SITES
    search_fields = ("name", "address")

    @staticmethod
    def archiving(row: Site, by: User | None) -> object:
        return archive_site(site=row, by=by)

    @staticmethod
    def unarchiving(row: Site, by: User | None) -> object:
        return unarchive_site(site=row, by=by)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Site]:
        return all_sites(granted(request)).select_related("created_by", "updated_by")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        fields = super().get_readonly_fields(request, obj)
        return fields if may_allow_networks(granted(request)) else (*fields, "networks")

    def save_model(self, request: HttpRequest, obj: Site, form: forms.ModelForm[Site], change: bool) -> None:
        save_site(site=obj, by=user_of(request), only=cast(VersionedModelForm[Site], form).sent_columns())

    def delete_model(self, request: HttpRequest, obj: Site) -> None:
        delete_site(site=obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Site]) -> None:
        for site in queryset:
            delete_site(site=site)


class SiteListFilter(admin.RelatedFieldListFilter):
    """Offers the sites that the user may see."""

    def field_choices(
        self, field: Any, request: HttpRequest, model_admin: ModelAdmin[Any]
    ) -> list[tuple[str, str | StrPromise]]:
        return [(str(site.pk), named(site)) for site in all_sites(granted(request))]


class CameraForm(VersionedModelForm[Camera]):
    """The stored login never goes back to the browser; empty fields keep it, unless the address changes."""

    username = forms.CharField(
        required=False,
        max_length=100,
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off", "data-draft": "never"}),
        help_text="Stored encrypted and never shown again.",
    )
    password = forms.CharField(
        required=False,
        max_length=200,
        strip=False,
        widget=UnfoldAdminPasswordWidget(render_value=False, attrs={"autocomplete": "new-password"}),
        help_text="Leave both empty to keep the stored login. If you change the address, enter them again.",
    )
    forget_login = forms.BooleanField(
        label="Remove stored login",
        required=False,
        widget=UnfoldBooleanSwitchWidget(),
        help_text="Deletes the stored user name and password.",
    )

    class Meta:
        model = Camera
        fields = TYPED

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if location := self.fields.get("location"):
            # The browser keeps no draft of an address with one of these: it may contain a login.
            location.widget.attrs["data-draft-without"] = "@="

    def clean(self) -> dict[str, Any]:
        """A login that was typed into the address is not shown again with the form's errors."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        self.login = self._login(cleaned)
        return cleaned

    def _post_clean(self) -> None:
        super()._post_clean()
        if "location" in self.errors and holds_login(self.data.get(self.add_prefix("location"), "")):
            typed = cast(QueryDict, self.data).copy()
            typed[self.add_prefix("location")] = ""
            self.data = typed
        elif not self.errors:
            try:
                require_login(camera=self.instance, login=self.login)
            except forms.ValidationError as refusal:
                self.add_error(None, refusal)

    def shown_typed(self, name: str, text: str) -> str:
        return "(not shown: it contains a login)" if name == "location" and holds_login(text) else text

    def _login(self, cleaned: dict[str, Any]) -> Login:
        username, password = cleaned.get("username", ""), cleaned.get("password", "")
        if cleaned.get("forget_login"):
            return Login("", "")
        if self.instance.pk and not username and not password:
            return KEPT
        return Login(username, password)


@admin.register(Camera, site=tenant_admin)
class CameraAdmin(ArchiveAdmin):
    archive_costs = (
        "The cameras stop. What they saw stays, and their names and sources are free again. You can "
        "unarchive each while its name and its source are free."
    )
    form = CameraForm
    list_display = ("name", "site", "kind", "enabled", "shown_status", "last_frame_at", "archived_at")
    quota = Resource.CAMERAS
    list_filter = (("site", SiteListFilter), "enabled", "status", ArchivedListFilter)
    search_fields = ("name", "site__name")
    list_select_related = ("site",)
    actions = ("start", "stop", "archive", "unarchive")
    readonly_fields = ("shown_status", "status_detail", "worker", "last_frame_at")
    fieldsets = (
        (None, {"fields": ("site", "name", "enabled")}),
        ("Source", {"fields": SOURCE}),
        ("Picture", {"fields": PICTURE}),
        ("Recognition", {"fields": RECOGNITION}),
        ("State", {"fields": ("shown_status", "status_detail", "worker", "last_frame_at")}),
        ("History", {"fields": RecordAdmin.audit_fields, "classes": ("collapse",)}),
    )

    @staticmethod
    def archiving(row: Camera, by: User | None) -> object:
        return archive_camera(camera=row, by=by)

    @staticmethod
    def unarchiving(row: Camera, by: User | None) -> object:
        return unarchive_camera(camera=row, by=by)

    @display(
        description="status",
        label={"running": "success", "starting": "info", "error": "danger", "played to its end": "info"},
    )
    def shown_status(self, camera: Camera) -> str:
        return camera.get_status_display()

    def save_model(
        self, request: HttpRequest, obj: Camera, form: forms.ModelForm[Camera], change: bool
    ) -> None:
        login, sent = cast(CameraForm, form).login, cast(CameraForm, form).sent_columns()
        try:
            save_camera(camera=obj, by=user_of(request), only=sent, login=login)
        except SourceTaken as error:
            obj.enabled = False
            save_camera(camera=obj, by=user_of(request), only=[*sent, "enabled"], login=login)
            messages.error(request, f"Saved, but not started. {error.told(granted(request))}")

    @admin.action(description="Start", permissions=["change"])
    def start(self, request: HttpRequest, chosen: QuerySet[Camera]) -> None:
        self._switch(request, chosen, enabled=True)

    @admin.action(description="Stop", permissions=["change"])
    def stop(self, request: HttpRequest, chosen: QuerySet[Camera]) -> None:
        self._switch(request, chosen, enabled=False)

    def _switch(self, request: HttpRequest, chosen: QuerySet[Camera], *, enabled: bool) -> None:
        done = 0
        for camera in chosen:
            try:
                set_enabled(camera=camera, enabled=enabled, by=user_of(request))
                done += 1
            except SourceTaken as error:
                messages.error(request, f"{camera}: {error.told(granted(request))}")
            except forms.ValidationError as refusal:
                messages.error(request, " ".join(refusal.messages))
        verb = "will start" if enabled else "will stop"
        messages.success(request, f"{done} camera(s) {verb} within seconds.")

    def delete_model(self, request: HttpRequest, obj: Camera) -> None:
        delete_camera(camera=obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Camera]) -> None:
        for camera in queryset:
            delete_camera(camera=camera)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return all_cameras(granted(request)).select_related("created_by", "updated_by")

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "site":
            kwargs["queryset"] = sites(granted(request))
        return super().formfield_for_foreignkey(db_field, request, **kwargs)
