"""Pages about cameras: how each is doing, and the switch."""

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required, permission_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from cameras.actions import SourceTaken, set_enabled
from cameras.queries import camera_states, get_camera
from tenants.access import granted
from tenants.queries import user_of


@require_safe
@login_required
@never_cache
def camera_list(request: HttpRequest) -> HttpResponse:
    """The page; for its own poll only the rows."""
    template = "cameras/rows.html" if request.htmx else "cameras/page.html"  # type: ignore[attr-defined]
    return render(request, template, {"states": camera_states(granted(request), timezone.now())})


@require_POST
@login_required
@permission_required("cameras.change_camera", raise_exception=True)
def start(request: HttpRequest, camera_id: UUID) -> HttpResponse:
    return _switch(request, camera_id, enabled=True)


@require_POST
@login_required
@permission_required("cameras.change_camera", raise_exception=True)
def stop(request: HttpRequest, camera_id: UUID) -> HttpResponse:
    return _switch(request, camera_id, enabled=False)


def _switch(request: HttpRequest, camera_id: UUID, *, enabled: bool) -> HttpResponse:
    access, refusal = granted(request), ""
    camera = get_camera(access, camera_id)
    force = request.POST.get("force") == "true" and access.sites is None
    try:
        set_enabled(camera=camera, enabled=enabled, by=user_of(request), force=force)
    except SourceTaken as error:
        refusal = f"{camera} does not start. {error.told(access)}"
    if request.htmx:  # type: ignore[attr-defined]
        context = {"states": camera_states(access, timezone.now()), "refusal": refusal}
        return render(request, "cameras/rows.html", context)
    if refusal:
        messages.error(request, refusal)
    else:
        messages.success(request, f"{camera} will {'start' if enabled else 'stop'} within seconds.")
    return redirect("cameras")
