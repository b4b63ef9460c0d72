"""The page of the activity log, and its export. For administrators only."""

from collections.abc import AsyncGenerator
from datetime import date
from functools import partial

from asgiref.sync import sync_to_async
from django.contrib import messages
from django.contrib.auth.decorators import login_required, permission_required
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from tenants.audit import export
from tenants.audit.activity import note
from tenants.audit.paging import Page, page_of
from tenants.audit.queries import lines_of
from tenants.filters.lists import ActivityFilters
from tenants.isolation.context import inside
from tenants.models import Activity, Tenant, Verb
from tenants.pages.activity.forms import ActivityForm, PlaceForm, ReasonForm
from tenants.queries import active_tenant
from tenants.web.streaming import streamed

EXPORT_LINES = 100_000
"""Of one file, which a spreadsheet can still open; longer logs are exported by dates, or by the command."""

CHUNK = 1_000


@require_safe
@login_required
@permission_required("tenants.view_activity", raise_exception=True)
@never_cache
def activity(request: HttpRequest) -> HttpResponse:
    tenant = active_tenant()
    form = ActivityForm(request.GET)
    place, page = PlaceForm(request.GET), Page([])
    if form.is_valid():
        # An invalid place begins with the newest line.
        page = page_of(
            ActivityFilters.of_page(form, lines_of(tenant.pk)),
            **(place.cleaned_data if place.is_valid() else {}),
        )
    template = "rows" if request.htmx else "page"  # type: ignore[attr-defined]
    return render(request, f"activity/{template}.html", {"form": form, "page": page, "reason": ReasonForm()})


@require_POST
@login_required
@permission_required("tenants.export_activity", raise_exception=True)
@never_cache
def export_activity(request: HttpRequest) -> HttpResponseBase:
    """What the address's filters find, oldest first, as CSV. The export is itself a line of the log."""
    tenant = active_tenant()
    form, reason = ActivityForm(request.GET), ReasonForm(request.POST)
    refusal = ""
    if not form.is_valid():
        refusal = "Nothing was exported: a filter is invalid."
    elif not reason.is_valid():
        refusal = "Nothing was exported: enter a reason of at most 300 characters."
    else:
        lines = ActivityFilters.of_page(form, lines_of(tenant.pk))
        count = lines[: EXPORT_LINES + 1].count()
        if count > EXPORT_LINES:
            refusal = f"Nothing was exported: more than {EXPORT_LINES:,} lines. Choose a shorter period."
    if refusal:
        messages.error(request, refusal)
        return redirect(f"{reverse('activity')}?{request.GET.urlencode()}")
    note(
        Verb.EXPORTED,
        kind="tenants.activity",
        details={"lines": count, "format": "csv"},
        reason=reason.cleaned_data["reason"],
    )
    name = f"activity-{tenant.schema_name}-{date.today().isoformat()}.csv"  # noqa: DTZ011
    return streamed(
        request,
        partial(_pieces, tenant, lines),
        permission="tenants.export_activity",
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


async def _pieces(tenant: Tenant, lines: QuerySet[Activity]) -> AsyncGenerator[bytes, None]:
    """The file in pieces. Each enters the tenant again: in between, other requests use the connection."""
    after = 0
    for number in range(EXPORT_LINES // CHUNK):
        found = await sync_to_async(_chunk)(tenant, lines, after)
        yield "".join(export.text("csv", found, heading=number == 0)).encode()
        if len(found) < CHUNK:
            return
        after = found[-1].number or 0


def _chunk(tenant: Tenant, lines: QuerySet[Activity], after: int) -> list[Activity]:
    with inside(tenant):
        return list(lines.filter(number__gt=after).order_by("number")[:CHUNK])
