"""The page of all cameras: how each is doing."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from cameras.queries import all_cameras, camera_states
from tenants.access.rights import granted

ARCHIVED_ROWS = 50
"""The admin lists the others."""


@require_safe
@login_required
@never_cache
def camera_list(request: HttpRequest) -> HttpResponse:
    """The page; for its own poll only the rows."""
    access = granted(request)
    template = "cameras/rows.html" if request.htmx else "cameras/page.html"  # type: ignore[attr-defined]
    archived = all_cameras(access).filter(archived_at__isnull=False).order_by("-archived_at")[:ARCHIVED_ROWS]
    return render(request, template, {"states": camera_states(access, timezone.now()), "archived": archived})
