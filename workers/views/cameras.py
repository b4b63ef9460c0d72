"""Pages about a camera while its worker runs it: its own page, the camera wall, requests to the worker."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required, permission_required
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from redis.exceptions import RedisError

from cameras.actions import SourceTaken, archive_camera, unarchive_camera
from cameras.models import Camera
from cameras.queries import CameraState, camera_states, get_any_camera, get_camera, state_of
from tenants.access.rights import Access, granted
from tenants.queries import active_tenant, user_of
from workers.control import camera_control
from workers.control.operations import Answer, NoAnswer, ask
from workers.process.sinks.answers import Operation
from workers.process.sinks.pictures import newest, watch

WALL_CAMERAS = 24
CAMERA_PART = "camera-state"
"""The views with the buttons of a camera's own page; those of the list are in `cameras`."""
ASKED = (Operation.RESTART, Operation.TEST, Operation.SNAPSHOT)


@dataclass(frozen=True, slots=True)
class CameraNotice:
    """The result of Start or Stop: a text, and the camera that may take its source by force."""

    said: str = ""
    refusal: str = ""
    hand_over: Camera | None = None


@require_safe
@login_required
@never_cache
def camera(request: HttpRequest, camera_id: UUID) -> HttpResponse:
    """One camera: its state, its live picture, and requests to its worker. An archived one has none."""
    shown = get_any_camera(granted(request), camera_id)
    template = "workers/camera_state.html" if request.htmx else "workers/camera.html"  # type: ignore[attr-defined]
    return render(request, template, _facts(shown))


@require_POST
@login_required
@permission_required("cameras.change_camera", raise_exception=True)
def start(request: HttpRequest, camera_id: UUID) -> HttpResponse:
    """Start the camera. The answer comes when it runs, within seconds."""
    access = granted(request)
    shown = get_camera(access, camera_id)
    return _told(request, shown, _start(request, shown, access))


@require_POST
@login_required
@permission_required("cameras.change_camera", raise_exception=True)
def stop(request: HttpRequest, camera_id: UUID) -> HttpResponse:
    """Stop the camera. The answer comes when no worker runs it any more."""
    shown = get_camera(granted(request), camera_id)
    try:
        camera_control.stop(camera=shown, by=user_of(request))
        told = CameraNotice(said=f"{shown} is stopped.")
    except NoAnswer as error:
        told = CameraNotice(refusal=str(error))
    except ValidationError as refusal:  # archived meanwhile
        told = CameraNotice(refusal=" ".join(refusal.messages))
    return _told(request, shown, told)


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@permission_required("cameras.delete_camera", raise_exception=True)
@never_cache
def archive(request: HttpRequest, camera_id: UUID) -> HttpResponse:
    """Asks first; POST archives the camera."""
    shown = get_camera(granted(request), camera_id)
    if request.method != "POST":
        return render(request, "workers/archive.html", {"camera": shown})
    try:
        archive_camera(camera=shown, by=user_of(request))
        messages.success(request, f"{shown} is archived.")
    except ValidationError as refusal:  # another user was first
        messages.error(request, " ".join(refusal.messages))
    return redirect("cameras")


@require_POST
@login_required
@permission_required("cameras.delete_camera", raise_exception=True)
def unarchive(request: HttpRequest, camera_id: UUID) -> HttpResponse:
    """Uses the camera again, or says why not."""
    access = granted(request)
    shown = get_any_camera(access, camera_id)
    try:
        unarchive_camera(camera=shown, by=user_of(request))
        messages.success(request, f"{shown} is in use again. Start it when you are ready.")
    except ValidationError as refusal:
        messages.error(request, " ".join(refusal.messages))
    except SourceTaken as refusal:
        messages.error(request, refusal.told(access))
    return redirect("camera", shown.pk)


@require_POST
@login_required
@permission_required("cameras.change_camera", raise_exception=True)
def ask_camera(request: HttpRequest, camera_id: UUID, operation: str) -> HttpResponse:
    """Send the camera's worker a request, and show its answer."""
    if operation not in [one.value for one in ASKED]:
        raise Http404("There is no such operation.")
    shown = get_camera(granted(request), camera_id)
    try:
        restarts = operation == Operation.RESTART
        answer = camera_control.restart(camera=shown) if restarts else ask(Operation(operation), shown)
    except NoAnswer as error:
        answer = Answer(ok=False, detail=str(error))
    facts = {"answer": answer, "picture": b64encode(answer.picture).decode()}
    template = "workers/answer.html" if request.htmx else "workers/camera.html"  # type: ignore[attr-defined]
    return render(request, template, _facts(get_camera(granted(request), shown.pk)) | facts)


@require_safe
@login_required
@never_cache
def still(request: HttpRequest, camera_id: UUID) -> HttpResponse:
    """The newest picture, with its age; 204 if there is none.

    The request makes the worker send pictures. A stopped camera shows none.
    """
    shown = get_camera(granted(request), camera_id)
    try:
        if shown.enabled:
            watch(active_tenant().pk, [shown.pk])
        picture = newest(active_tenant().pk, shown.pk) if shown.enabled else None
    except RedisError:
        picture = None
    if picture is None:
        return HttpResponse(status=204)
    return HttpResponse(picture.jpeg, content_type="image/jpeg", headers={"Age": f"{picture.age:.0f}"})


@require_safe
@login_required
@never_cache
def wall(request: HttpRequest) -> HttpResponse:
    """Many cameras at a glance, enabled ones first; the page fetches their pictures by itself."""
    states = camera_states(granted(request), timezone.now())
    states.sort(key=lambda state: not state.camera.enabled)
    page = Paginator(states, WALL_CAMERAS).get_page(request.GET.get("page"))
    _watch(list(page))
    template = "workers/wall_rows.html" if request.htmx else "workers/wall.html"  # type: ignore[attr-defined]
    return render(request, template, {"page": page})


def _watch(states: list[CameraState]) -> None:
    """Have the workers send pictures now, so that they are ready when the page asks for them."""
    try:
        watch(active_tenant().pk, [state.camera.pk for state in states if state.camera.enabled])
    except RedisError:
        return  # the page asks again


def _start(request: HttpRequest, shown: Camera, access: Access) -> CameraNotice:
    force = request.POST.get("force") == "true" and access.sites is None
    try:
        begun = camera_control.start(camera=shown, by=user_of(request), force=force)
    except SourceTaken as error:
        refusal = f"{shown} does not start. {error.told(access)}"
        return CameraNotice(refusal=refusal, hand_over=shown if error.may_be_forced(access) else None)
    except NoAnswer as error:
        return CameraNotice(refusal=str(error))
    except ValidationError as refusal:  # archived meanwhile
        return CameraNotice(refusal=" ".join(refusal.messages))
    if begun is None:
        return CameraNotice(said=f"{shown} is being assigned to a worker, and starts within seconds.")
    if begun.status == Camera.Status.ERROR:
        return CameraNotice(refusal=f"{shown} fails: {begun.status_detail}")
    return CameraNotice(said=f"{shown} runs on worker {begun.worker}.")


def _told(request: HttpRequest, shown: Camera, told: CameraNotice) -> HttpResponse:
    """The part of the page that had the button; without htmx the whole page.

    A refusal is shown at once, with the button that overrides it. A success is shown after a redirect, so
    that reloading the page does not repeat the action.
    """
    htmx: bool = bool(request.htmx)  # type: ignore[attr-defined]
    on_its_page = request.POST.get("from") == CAMERA_PART
    if not htmx and not told.refusal:
        messages.success(request, told.said)
        return redirect("camera", shown.pk) if on_its_page else redirect("cameras")
    access = granted(request)
    context = {"said": told.said, "refusal": told.refusal, "hand_over": told.hand_over}
    if on_its_page:
        part, page = "workers/camera_state.html", "workers/camera.html"
        facts = _facts(get_camera(access, shown.pk)) | {"target": CAMERA_PART}
    else:
        part, page = "cameras/rows.html", "cameras/page.html"
        facts = {"states": camera_states(access, timezone.now()), "target": "cameras"}
    return render(request, "workers/switched.html" if htmx else page, context | facts | {"part": part})


def _facts(shown: Camera) -> dict[str, object]:
    return {"camera": shown, "state": state_of(shown, timezone.now())}
