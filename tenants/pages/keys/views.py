"""Pages about API keys."""

from datetime import datetime
from typing import Any, cast
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required, permission_required
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_http_methods, require_safe

from tenants.access.addresses import client_address
from tenants.access.rights import Access, access_of
from tenants.access.sites import site_names
from tenants.accounts.proofs import require_recent_proof
from tenants.credentials.actions import create_key, revoke_key, rotate_key
from tenants.credentials.queries import MANAGE_KEYS, get_key, listed_keys
from tenants.filters.counted import CountedPaginator
from tenants.filters.lists import KeyFilters
from tenants.models import ApiKey
from tenants.pages.keys.forms import KeyForm, KeySearch, RotationForm
from tenants.queries import active_tenant, user_of
from tenants.rules.keys import KeyText

PAGE_ROWS = 50
_STATES = {
    "revoked": ("off", "Revoked", ""),
    "expired": ("off", "Expired", ""),
    "maker": ("bad", "Stopped", "Its maker may no longer create keys here. Rotate it to take it over."),
    None: ("ok", "Active", ""),
}
_may_manage = permission_required(MANAGE_KEYS, raise_exception=True)


@require_safe
@login_required
@_may_manage
@never_cache
def key_list(request: HttpRequest) -> HttpResponse:
    form = KeySearch(request.GET)
    page = CountedPaginator(KeyFilters.of_page(form, listed_keys(active_tenant())), PAGE_ROWS).get_page(
        request.GET.get("page")
    )
    sites, now = site_names(archived=True), timezone.now()
    rows = [_row(key, sites, now) for key in page]
    template = "results" if request.htmx else "page"  # type: ignore[attr-defined]
    return render(request, f"keys/{template}.html", {"form": form, "page": page, "rows": rows})


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@_may_manage
@never_cache
@sensitive_variables()
def new_key(request: HttpRequest) -> HttpResponse:
    """The form; posting shows the key, in this answer and never again."""
    require_recent_proof(request)
    form = KeyForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            return _shown(request, *create_key(tenant=active_tenant(), **form.chosen(), **_maker(request)))
        except ValidationError as error:
            form.refuse(error)
    return render(request, "keys/new.html", {"form": form})


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@_may_manage
@never_cache
@sensitive_variables()
def rotate(request: HttpRequest, key_id: UUID) -> HttpResponse:
    """Asks for the overlap; posting shows the successor, in this answer and never again."""
    require_recent_proof(request)
    key = get_key(active_tenant(), key_id)
    form = RotationForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            made = rotate_key(key=key, tenant=active_tenant(), **form.cleaned_data, **_maker(request))
            return _shown(request, *made, former=get_key(active_tenant(), key_id))
        except ValidationError as error:
            form.add_error(None, " ".join(error.messages))
    return render(request, "keys/rotate.html", {"form": form, "key": key})


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@_may_manage
@never_cache
def revoke(request: HttpRequest, key_id: UUID) -> HttpResponse:
    """Asks first; posting ends the key at once."""
    key = get_key(active_tenant(), key_id)
    if request.method == "POST":
        revoke_key(key=key, tenant=active_tenant(), by=user_of(request), address=client_address(request))
        messages.success(request, f"{key} is revoked. Programs that use it no longer have access.")
        return redirect("keys")
    return render(request, "keys/revoke.html", {"key": key})


def _shown(request: HttpRequest, key: ApiKey, text: KeyText, former: ApiKey | None = None) -> HttpResponse:
    return render(request, "keys/made.html", {"key": key, "text": str(text), "former": former})


def _maker(request: HttpRequest) -> dict[str, Any]:
    return {"by": cast(Access, access_of(request)), "address": client_address(request)}


def _row(key: ApiKey, sites: dict[UUID, str], now: datetime) -> dict[str, Any]:
    """A key as its people see it: whether it counts, in one word and one sentence."""
    ended = key.ended(now)
    tone, label, detail = _STATES[ended]
    if key.ends_soon(now):
        tone, label = "wait", "Ends soon"
        detail = "A newer key replaces it." if key.replaced_by_id else "Rotate it before it ends."
    names = ", ".join(sites.get(site, "a deleted site") for site in key.sites or ())
    over = ended in ("revoked", "expired")
    return {"key": key, "tone": tone, "label": label, "detail": detail, "sites": names, "over": over}
