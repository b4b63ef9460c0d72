"""Two admins: the installation's on the public host, a customer's on its own."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.core.exceptions import PermissionDenied
from django.core.paginator import InvalidPage
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, URLResolver, reverse
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from unfold.admin import StackedInline, TabularInline
from unfold.decorators import display
from unfold.sites import UnfoldAdminSite

from tenants.access.addresses import client_address
from tenants.access.rights import access_of
from tenants.accounts.mail import try_to_open
from tenants.actions import allow_networks, drop_second_factor, open_account
from tenants.admin_questions import AsksReason
from tenants.audit.descriptions import sentence
from tenants.audit.queries import lines_of
from tenants.changelists import OfferedAdmin, VersionedInline
from tenants.credentials.actions import revoke_key
from tenants.isolation.context import inside
from tenants.isolation.quotas import QuotaExceeded, Resource, quotas, require_room, usage_of
from tenants.models import Activity, ApiKey, Domain, Membership, Tenant, TenantLimits, User
from tenants.pages.login import LogoutPage
from tenants.queries import active_tenant, is_public, tenant_of, user_of
from tenants.rules import plain_email
from tenants.web.versioned_forms import VersionedModelForm


class SharedLoginAdminSite(UnfoldAdminSite):  # type: ignore[misc]
    """Logs in and out, and changes passwords, on the pages for all users: one lockout, one second factor."""

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        if request.user.is_authenticated:
            raise PermissionDenied("You are logged in, but may not see this. Ask an administrator.")
        target = request.GET.get(REDIRECT_FIELD_NAME) or reverse(f"{self.name}:index")
        return redirect(f"{reverse('login')}?{urlencode({REDIRECT_FIELD_NAME: target})}")

    def logout(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return LogoutPage.as_view()(request)

    def password_change(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return redirect("account")

    def search(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        try:
            return super().search(request, extra_context)  # type: ignore[no-any-return]
        except (ValueError, InvalidPage):
            raise Http404("This page of results does not exist.") from None

    def get_urls(self) -> list[URLPattern | URLResolver]:
        """Without two addresses that no page of ours leads to.

        The redirect by content type and id reveals which ids exist. The autocomplete of related rows would
        answer for each relation of each model.
        """
        unused = ("view_on_site", "autocomplete")
        return [url for url in super().get_urls() if getattr(url, "name", None) not in unused]


class InstallationAdminSite(SharedLoginAdminSite):
    index_title = "Installation"

    def has_permission(self, request: HttpRequest) -> bool:
        user = request.user
        return is_public(tenant_of(request)) and user.is_active and user.is_staff


class TenantAdminSite(SharedLoginAdminSite):
    index_title = "Administration"

    def has_permission(self, request: HttpRequest) -> bool:
        return not is_public(tenant_of(request)) and access_of(request) is not None


installation_admin = InstallationAdminSite(name="installation_admin")
tenant_admin = TenantAdminSite(name="admin")


class QuotaForm(VersionedModelForm[Any]):
    """Refuses a new row beyond a limit, and keeps what the user typed."""

    quota: Resource

    def clean(self) -> dict[str, Any] | None:
        if self.instance._state.adding:
            require_room(active_tenant(), self.quota)
        return super().clean()


class RecordAdmin(AsksReason):
    """Shows who wrote a row when."""

    quota: Resource | None = None
    """What is counted of rows that are added here."""
    audit_fields: tuple[str, ...] = ("created_at", "created_by", "updated_at", "updated_by")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return (*super().get_readonly_fields(request, obj), *self.audit_fields)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change, **kwargs)
        if self.quota is None:
            return form
        return type(form)(form.__name__, (QuotaForm, form), {"quota": self.quota})

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Shows the error where a limit refuses a row of the form; nothing of the form is saved."""
        try:
            return super().changeform_view(request, *args, **kwargs)  # type: ignore[no-any-return]
        except QuotaExceeded as refusal:
            messages.error(request, " ".join(refusal.messages))
            return redirect(request.get_full_path())


def link_to_rejections(person: UUID) -> SafeString:
    """Where a person's rejected matches are listed: rows of another app."""
    address = f"{reverse('admin:visits_identityrejection_changelist')}?{urlencode({'person': str(person)})}"
    return format_html('<a href="{}">Show, withdraw</a>', address)


class DomainInline(VersionedInline, TabularInline):  # type: ignore[misc]
    model = Domain
    extra = 0


class MembershipInline(TabularInline):  # type: ignore[misc]
    """Shown only: a membership begins when an invited person accepts (`create_tenant` makes the first)."""

    model = Membership
    fields = readonly_fields = ("user", "role")
    extra = 0

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class LimitsInline(VersionedInline, StackedInline):  # type: ignore[misc]
    """An empty field means the installation's own limit. Lowering a limit deletes nothing."""

    model = TenantLimits
    can_delete = False


@admin.register(Tenant, site=installation_admin)
class TenantAdmin(OfferedAdmin):
    list_display = ("name", "schema_name", "created_at", "uses")
    list_per_page = 25  # what each has is counted
    search_fields = ("name", "domains__domain")
    inlines = (LimitsInline, DomainInline, MembershipInline)

    @display(description="usage and limits")
    def uses(self, tenant: Tenant) -> str:
        if is_public(tenant):
            return ""
        with inside(tenant):
            found, usage = quotas(tenant), usage_of(tenant)
        full = f"; storage full, {usage.left_out:,} pictures left out" if usage.full_since else ""
        return ", ".join(f"{one.used:,}/{one.limit:,} {one.title}" for one in found) + full

    def get_readonly_fields(self, request: HttpRequest, obj: Tenant | None = None) -> tuple[str, ...]:
        """What a tenant decides for itself is shown; its own administrators switch it."""
        return ("schema_name", "second_factor_required", "visitors_shared")

    def save_model(self, request: HttpRequest, obj: Tenant, form: ModelForm[Tenant], change: bool) -> None:
        super().save_model(request, obj, form, change)
        if "allowed_networks" in form.changed_data:
            allow_networks(tenant=obj, networks=obj.allowed_networks)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False  # a schema takes a while: `manage.py create_tenant` makes one and says how it went

    def has_delete_permission(self, request: HttpRequest, obj: Tenant | None = None) -> bool:
        return False


class AccountForm(VersionedModelForm[User]):
    """An account as the installation's administrators see it."""

    class Meta:
        model = User
        fields = ("email", "name", "is_active", "is_staff")

    def clean_email(self) -> str:
        try:
            return plain_email(self.cleaned_data["email"])
        except ValueError as error:
            raise forms.ValidationError(str(error)) from None


@admin.register(User, site=installation_admin)
class UserAdmin(DjangoUserAdmin, OfferedAdmin):  # type: ignore[type-arg, misc]
    """Accounts. One that is added runs the installation; members get theirs by accepting an invitation.


    No operator knows another user's password: each user chooses their own with a mailed link.
    """

    form = add_form = AccountForm
    list_display = ("email", "name", "is_active", "is_staff", "second_factor_at", "last_login")
    actions = ("drop_second_factors", "mail_links")
    list_filter = ("is_active", "is_staff")
    search_fields = ("email", "name")
    ordering = ("email",)
    fieldsets = (
        (None, {"fields": ("email", "name")}),
        ("Permissions", {"fields": ("is_active", "is_staff")}),
        ("Important dates", {"fields": ("last_login", "second_factor_at", "created_at")}),
    )
    add_fieldsets = ((None, {"classes": ("wide",), "fields": ("email", "name")}),)
    readonly_fields = ("last_login", "second_factor_at", "created_at")
    filter_horizontal = ()

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> tuple[str, ...]:
        own = ("email", "is_staff") if obj and obj.memberships.exists() else ()
        return (*super().get_readonly_fields(request, obj), *own)

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> Any:  # noqa: A002
        raise PermissionDenied(
            "You cannot set another user's password. They choose it with the link on the login page."
        )

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        if change:
            super().save_model(request, obj, form, change)
        else:
            open_account(user=obj)
            self._mail(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return False  # what they did in tenants stays theirs; an account that may not log in is switched off

    @admin.action(description="Remove the second factor (phone and recovery codes are lost)")
    def drop_second_factors(self, request: HttpRequest, users: QuerySet[User]) -> None:
        for user in users:
            drop_second_factor(user=user)
        messages.success(request, f"Removed the second factor of {len(users)} accounts.")

    @admin.action(description="Mail a link to choose a password (operators only)")
    def mail_links(self, request: HttpRequest, users: QuerySet[User]) -> None:
        for user in users.filter(is_staff=True, is_active=True, memberships=None):
            self._mail(request, user)

    def _mail(self, request: HttpRequest, user: User) -> None:
        if try_to_open(user, request):
            messages.success(request, f"Mailed a link to choose a password to {user.email}.")
        else:
            messages.warning(
                request, f"The mail to {user.email} could not be sent. Send the link again later."
            )


@admin.register(ApiKey, site=installation_admin)
class WorkerKeyAdmin(OfferedAdmin):
    """Keys of the installation, which workers have. `manage.py create_api_key` makes and rotates them."""

    list_display = ("name", "worker", "prefix", "created_at", "expires_at", "last_used_at", "revoked_at")
    fields = (
        "name",
        "worker",
        "prefix",
        "created_at",
        "expires_at",
        "last_used_at",
        "revoked_at",
        "replaced_by",
    )
    search_fields = ("name", "worker", "prefix")
    actions = ("revoke",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[ApiKey]:
        return ApiKey.objects.filter(tenant=None)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: ApiKey | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: ApiKey | None = None) -> bool:
        return False

    @admin.action(description="Revoke at once", permissions=["view"])
    def revoke(self, request: HttpRequest, rows: QuerySet[ApiKey]) -> None:
        for key in rows:
            revoke_key(
                key=key, tenant=tenant_of(request), by=user_of(request), address=client_address(request)
            )
        self.message_user(request, "Revoked. Workers with these keys no longer have access.")


@admin.register(Activity, site=installation_admin)
class ActivityAdmin(OfferedAdmin):
    """The installation's own log: read, never written. A tenant's is read by its administrators only."""

    list_display = ("at", "in_words", "address", "reason")
    list_display_links = ("in_words",)
    list_filter = ("verb", "actor_kind")
    search_fields = ("actor_label", "object_label", "reason", "object_id")
    show_full_result_count = False
    exclude = ("tenant", "prev_hash", "hash")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Activity]:
        return lines_of(None)

    @display(description="what happened")
    def in_words(self, line: Activity) -> str:
        return sentence(line)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
