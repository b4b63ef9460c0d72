"""The admin of sites and cameras."""

from typing import Any, cast

from django import forms
from django.contrib import admin, messages
from django.contrib.admin import ModelAdmin
from django.db.models import QuerySet
from django.http import HttpRequest, QueryDict
from django_stubs_ext import StrPromise
from unfold.decorators import display
from unfold.widgets import UnfoldAdminPasswordWidget, UnfoldAdminTextInputWidget, UnfoldBooleanSwitchWidget

from cameras.actions import (
    KEPT,
    PICTURE,
    RECOGNITION,
    TYPED,
    SourceTaken,
    delete_site,
    require_login,
    save_camera,
    save_site,
    set_enabled,
)
from cameras.models import Camera, Site
from cameras.queries import cameras, may_allow_networks, sites
from cameras.rules import Login, holds_login
from tenants.access.rights import granted
from tenants.admin import RecordAdmin, tenant_admin
from tenants.isolation.quotas import Resource
from tenants.queries import user_of
from tenants.web.versioned_forms import VersionedModelForm

SOURCE = ("kind", "location", "username", "password", "forget_login", "loop", "exclusive", "host")


@admin.register(Site, site=tenant_admin)
class SiteAdmin(RecordAdmin):
    list_display = ("name", "address", "time_zone", "reentry_seconds")
    quota = Resource.SITES
    search_fields = ("name", "address")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Site]:
        return sites(granted(request)).select_related("created_by", "updated_by")

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
        return [(str(site.pk), str(site)) for site in sites(granted(request))]


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
class CameraAdmin(RecordAdmin):
    form = CameraForm
    list_display = ("name", "site", "kind", "enabled", "shown_status", "last_frame_at")
    quota = Resource.CAMERAS
    list_filter = (("site", SiteListFilter), "enabled", "status")
    search_fields = ("name", "site__name")
    list_select_related = ("site",)
    actions = ("start", "stop")
    readonly_fields = ("shown_status", "status_detail", "worker", "last_frame_at")
    fieldsets = (
        (None, {"fields": ("site", "name", "enabled")}),
        ("Source", {"fields": SOURCE}),
        ("Picture", {"fields": PICTURE}),
        ("Recognition", {"fields": RECOGNITION}),
        ("State", {"fields": ("shown_status", "status_detail", "worker", "last_frame_at")}),
        ("History", {"fields": RecordAdmin.audit_fields, "classes": ("collapse",)}),
    )

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
        verb = "will start" if enabled else "will stop"
        messages.success(request, f"{done} camera(s) {verb} within seconds.")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return cameras(granted(request)).select_related("created_by", "updated_by")

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "site":
            kwargs["queryset"] = sites(granted(request))
        return super().formfield_for_foreignkey(db_field, request, **kwargs)
