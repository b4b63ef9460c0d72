"""Sites and cameras for the people at the desk."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin import ModelAdmin
from django.db.models import QuerySet
from django.http import HttpRequest
from django_stubs_ext import StrPromise
from unfold.decorators import display
from unfold.widgets import UnfoldAdminPasswordWidget

from cameras.actions import delete_site, save_camera, save_site, set_enabled
from cameras.models import Camera, Site
from cameras.queries import cameras, sites
from tenants.access import granted
from tenants.admin import RecordAdmin, tenant_admin
from tenants.queries import user_of


@admin.register(Site, site=tenant_admin)
class SiteAdmin(RecordAdmin):
    list_display = ("name", "address", "time_zone", "reentry_seconds")
    search_fields = ("name", "address")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Site]:
        return sites(granted(request)).select_related("created_by", "updated_by")

    def save_model(self, request: HttpRequest, obj: Site, form: forms.ModelForm[Site], change: bool) -> None:
        save_site(site=obj, by=user_of(request))

    def delete_model(self, request: HttpRequest, obj: Site) -> None:
        delete_site(site=obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Site]) -> None:
        for site in queryset:
            delete_site(site=site)


class SiteListFilter(admin.RelatedFieldListFilter):
    """Offers the sites that whoever looks may see."""

    def field_choices(
        self, field: Any, request: HttpRequest, model_admin: ModelAdmin[Any]
    ) -> list[tuple[str, str | StrPromise]]:
        return [(str(site.pk), str(site)) for site in sites(granted(request))]


class CameraForm(forms.ModelForm[Camera]):
    """The stored password never goes back to the browser; an empty field keeps it."""

    password = forms.CharField(
        required=False,
        widget=UnfoldAdminPasswordWidget(render_value=False, attrs={"autocomplete": "new-password"}),
        help_text="Stored encrypted and never shown again. Leave empty to keep the present one.",
    )

    class Meta:
        model = Camera
        fields = (
            "site",
            "name",
            "kind",
            "location",
            "username",
            "password",
            "loop",
            "fps",
            "detector",
            "enabled",
        )

    def clean_password(self) -> str:
        return str(self.cleaned_data["password"] or (self.instance.password if self.instance.pk else ""))


@admin.register(Camera, site=tenant_admin)
class CameraAdmin(RecordAdmin):
    form = CameraForm
    list_display = ("name", "site", "kind", "enabled", "shown_status", "last_frame_at")
    list_filter = (("site", SiteListFilter), "enabled", "status")
    search_fields = ("name", "site__name")
    list_select_related = ("site",)
    actions = ("start", "stop")
    readonly_fields = ("shown_status", "status_detail", "worker", "last_frame_at")
    fieldsets = (
        (None, {"fields": ("site", "name", "enabled")}),
        ("Source", {"fields": ("kind", "location", "username", "password", "loop")}),
        ("Recognition", {"fields": ("fps", "detector")}),
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
        save_camera(camera=obj, by=user_of(request))

    @admin.action(description="Start", permissions=["change"])
    def start(self, request: HttpRequest, chosen: QuerySet[Camera]) -> None:
        self._switch(request, chosen, enabled=True)

    @admin.action(description="Stop", permissions=["change"])
    def stop(self, request: HttpRequest, chosen: QuerySet[Camera]) -> None:
        self._switch(request, chosen, enabled=False)

    def _switch(self, request: HttpRequest, chosen: QuerySet[Camera], *, enabled: bool) -> None:
        for camera in chosen:
            set_enabled(camera=camera, enabled=enabled, by=user_of(request))
        verb = "will start" if enabled else "will stop"
        messages.success(request, f"{chosen.count()} camera(s) {verb} within seconds.")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return cameras(granted(request)).select_related("created_by", "updated_by")

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "site":
            kwargs["queryset"] = sites(granted(request))
        return super().formfield_for_foreignkey(db_field, request, **kwargs)
