"""The admin's pages about staff and their pictures."""

from typing import Any, cast
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.forms import BaseModelFormSet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.admin import TabularInline
from unfold.decorators import display
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget, UnfoldAdminFileFieldWidget

from facetrack.core.images import RETRY_SECONDS, Busy, CleanPicture
from staff.actions import add_face_images, delete_face_image, delete_staff_member, save_staff_member
from staff.forms import clean_upload, read_ahead
from staff.models import FaceImage, StaffMember
from staff.queries import picture_url, shown_likeness, staff_members, why
from staff.rules import may_be_changed
from tenants.access.rights import granted
from tenants.access.sites import choices, site_names
from tenants.admin import RecordAdmin, link_to_rejections, tenant_admin
from tenants.admin_questions import whole_people
from tenants.isolation.quotas import Resource
from tenants.queries import user_of
from tenants.web.versioned_forms import VersionedModelForm


class FaceImageForm(forms.ModelForm[FaceImage]):
    """The field is `upload`, not `picture`: the model's `picture` is the object key, which is not edited."""

    upload = forms.FileField(label="picture", widget=UnfoldAdminFileFieldWidget(attrs={"accept": "image/*"}))

    class Meta:
        model = FaceImage
        fields = ()

    def clean_upload(self) -> CleanPicture:
        try:
            return clean_upload(self.cleaned_data["upload"])
        except Busy as busy:  # shown as a form error, so that the other input is kept
            raise forms.ValidationError(str(busy)) from None


class FaceImageInline(TabularInline):  # type: ignore[misc]
    model = FaceImage
    form = FaceImageForm
    extra = 1
    hide_title = True
    fields = ("upload", "shown_status", "shown_reason", "shown_quality")
    readonly_fields = ("shown_status", "shown_reason", "shown_quality")
    verbose_name_plural = "face pictures (three to five a person, from different days)"

    def get_formset(self, request: HttpRequest, obj: Any = None, **options: Any) -> Any:
        self.access = granted(request)  # Django makes an inline for each request
        return super().get_formset(request, obj, **options)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # a picture is added or deleted, never replaced

    @display(description="picture")
    def upload(self, face_image: FaceImage) -> SafeString:
        """The file field's column shows a thumbnail for an existing picture."""
        if not face_image.picture:  # a row that was refused is shown again
            return SafeString()
        return format_html('<img src="{}" alt="" height="72" loading="lazy">', picture_url(face_image))

    @display(
        description="status",
        label={
            "in use": "success",
            "refused": "danger",
            "being examined": "info",
            "resembles another person": "warning",
        },
    )
    def shown_status(self, face_image: FaceImage) -> str:
        return face_image.get_status_display() if face_image.picture else ""

    @display(description="reason")
    def shown_reason(self, face_image: FaceImage) -> str | SafeString:
        if not face_image.picture:
            return ""
        if face_image.status != FaceImage.Status.HELD:
            return face_image.reason
        page = reverse("staff_person", args=[face_image.staff_member_id])
        return format_html('{} <a href="{}">Decide</a>', why(self.access, face_image), page)

    @display(description="quality")
    def shown_quality(self, face_image: FaceImage) -> str:
        return "" if face_image.quality is None else f"{face_image.quality:.2f}"


class StaffMemberForm(VersionedModelForm[StaffMember]):
    """Shows the sites' names; the model stores their ids."""

    sites = forms.TypedMultipleChoiceField(
        coerce=UUID,
        required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text="Sites where the person works; empty: all. Site managers see the people of their sites.",
    )

    class Meta:
        model = StaffMember
        fields = ("name", "employee_number", "department", "email", "active", "sites")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "sites" in self.fields:
            self.fields["sites"].choices = choices(self.instance.sites)  # type: ignore[attr-defined]


@admin.register(StaffMember, site=tenant_admin)
class StaffMemberAdmin(RecordAdmin):
    list_display = ("name", "employee_number", "department", "active", "pictures", "undecided")
    quota = Resource.STAFF
    list_filter = ("active", "department")
    search_fields = ("name", "employee_number", "email")
    form = StaffMemberForm
    inlines = (FaceImageInline,)
    readonly_fields = ("workplaces", "rejected")
    fieldsets = (
        (None, {"fields": ("name", "employee_number", "department", "email", "active", "sites")}),
        ("Rejected matches", {"fields": ("rejected",)}),
        ("History", {"fields": RecordAdmin.audit_fields, "classes": ("collapse",)}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[StaffMember]:
        return staff_members(granted(request)).select_related("created_by", "updated_by")

    def has_change_permission(self, request: HttpRequest, obj: StaffMember | None = None) -> bool:
        if obj is not None and not may_be_changed(obj.sites, granted(request).sites):
            return False
        return bool(super().has_change_permission(request, obj))

    def get_fieldsets(self, request: HttpRequest, obj: StaffMember | None = None) -> Any:
        """Only members who see the whole tenant see the sites; only its administrators edit them."""
        if granted(request).sites is None and self.has_change_permission(request, obj):
            return self.fieldsets
        shown = ("workplaces",) if granted(request).sites is None else ()
        (title, options), *others = self.fieldsets
        fields = tuple(name for name in options["fields"] if name != "sites")
        return [(title, {"fields": (*fields, *shown)}), *others]

    @display(description="works at")
    def workplaces(self, member: StaffMember) -> str:
        names = site_names(archived=True)
        return ", ".join(names.get(site, "a former site") for site in member.sites) or "everywhere"

    @display(description="faces that are not this person")
    def rejected(self, member: StaffMember) -> SafeString | str:
        return "" if member._state.adding else link_to_rejections(member.pk)

    @display(description="pictures in use", ordering="usable_pictures")
    def pictures(self, member: Any) -> int:
        return int(member.usable_pictures)

    @display(description="pictures to decide", ordering="held_pictures")
    def undecided(self, member: Any) -> int | SafeString:
        if not member.held_pictures:
            return 0
        page = reverse("staff_person", args=[member.pk])
        return format_html('<a href="{}">{}: resembles another person</a>', page, member.held_pictures)

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Django validates and saves in one transaction, so pictures are decoded before it begins."""
        may_write = self.has_change_permission(request) or self.has_add_permission(request)
        files = request.FILES if request.method == "POST" and may_write else {}
        busy = read_ahead(upload for name, upload in files.items() if name.endswith("-upload"))
        answer: HttpResponse = super().changeform_view(request, *args, **kwargs)
        if busy:
            answer.status_code = 503
            answer.headers["Retry-After"] = str(RETRY_SECONDS)
        return answer

    def save_model(
        self, request: HttpRequest, obj: StaffMember, form: forms.ModelForm[StaffMember], change: bool
    ) -> None:
        sent = cast(VersionedModelForm[StaffMember], form).sent_columns()
        save_staff_member(member=obj, by=user_of(request), only=sent)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        return whole_people(self, objs, request)

    def delete_model(self, request: HttpRequest, obj: StaffMember) -> None:
        delete_staff_member(member=obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[StaffMember]) -> None:
        for member in queryset:
            delete_staff_member(member=member)

    def save_formset(
        self, request: HttpRequest, form: Any, formset: BaseModelFormSet[FaceImage, Any], change: bool
    ) -> None:
        formset.save(commit=False)
        for face_image in formset.deleted_objects:
            delete_face_image(face_image=face_image)
        chosen = [
            row for row in formset.extra_forms if row.has_changed() and not row.cleaned_data.get("DELETE")
        ]
        pictures = [row.cleaned_data["upload"] for row in chosen]
        added = add_face_images(member=form.instance, pictures=pictures, by=user_of(request))
        for row, face_image in zip(chosen, added, strict=True):
            name = row.files[row.add_prefix("upload")].name
            if face_image.status == FaceImage.Status.HELD:
                messages.warning(request, f"{name}: {shown_likeness(granted(request), face_image).reason}")
            elif face_image.repeated:
                messages.info(
                    request, f"{name}: {form.instance} has this picture already. Nothing was stored."
                )
