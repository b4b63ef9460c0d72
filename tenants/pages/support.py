"""Pages about support access: a tenant grants an operator read-only access for some hours."""

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required, permission_required
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from tenants.access.rights import granted
from tenants.actions import grant_support, revoke_support
from tenants.filters.counted import CountedPaginator
from tenants.filters.lists import SupportFilters
from tenants.pages.forms import PersonSearch, SupportForm, refused
from tenants.queries import get_support, support_accesses

PAGE_ROWS = 50

grants_support = permission_required("tenants.grant_support", raise_exception=True)


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@grants_support
@never_cache
def support_list(request: HttpRequest) -> HttpResponse:
    """Every support access there was; posting grants one."""
    now = timezone.now()
    form = SupportForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            support = grant_support(access=granted(request), now=now, **form.cleaned_data)
            messages.success(request, f"{support.user.email} now has read-only access.")
            return redirect("support")
        except ValidationError as error:
            refused(form, error)
    search = PersonSearch(request.GET)
    page = CountedPaginator(SupportFilters.of_page(search, support_accesses()), PAGE_ROWS).get_page(
        request.GET.get("page")
    )
    rows = [(support, support.is_live(now)) for support in page]
    template = "support/results.html" if request.htmx else "support/page.html"  # type: ignore[attr-defined]
    return render(request, template, {"form": search, "grant": form, "page": page, "rows": rows})


@require_POST
@login_required
@grants_support
def revoke(request: HttpRequest, support_id: UUID) -> HttpResponse:
    support = get_support(support_id)
    revoke_support(support=support, now=timezone.now())
    messages.success(request, f"The support access of {support.user.email} has ended.")
    return redirect("support")
