"""What an administrator decides for the whole organisation."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from facetrack.core.rows import hold
from tenants.access.rights import access_of
from tenants.actions import require_second_factor, share_visitors
from tenants.isolation.quotas import quotas, usage_of
from tenants.models import Tenant
from tenants.pages.forms import SettingsForm
from tenants.queries import tenant_of


@login_required
@require_http_methods(["GET", "POST"])
def settings(request: HttpRequest) -> HttpResponse:
    access = access_of(request)
    if access is None or not access.may("tenants.change_settings"):
        raise PermissionDenied("Only administrators of your organisation can change its settings.")
    tenant = tenant_of(request)
    with transaction.atomic():
        if request.method == "POST":
            hold(Tenant, tenant.pk)
            tenant.refresh_from_db(fields=SettingsForm.Meta.fields)
        form = SettingsForm(request.POST if request.method == "POST" else None, instance=tenant)
        if form.is_valid():
            require_second_factor(tenant=tenant, required=form.cleaned_data["second_factor_required"])
            share_visitors(tenant=tenant, shared=form.cleaned_data["visitors_shared"])
            messages.success(request, "Settings saved.")
            return redirect("settings")
    facts = {"form": form, "quotas": quotas(tenant), "usage": usage_of(tenant)}
    return render(request, "settings/page.html", facts)
