"""Pages about workers, and about a camera while its worker runs it."""

from base64 import b64encode
from dataclasses import dataclass
from uuid import UUID

from django.contrib.auth.decorators import login_required, permission_required
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe
from redis.exceptions import RedisError

from cameras.queries import camera_states, get_camera
from tenants.access import granted
from tenants.queries import active_tenant
from workers.forms import WorkerSearch
from workers.models import Worker
from workers.operations import Answer, NoAnswer, Operation, ask
from workers.queries import search_workers
from workers.sinks.preview import newest, watch

PAGE_ROWS = 50
WALL_CAMERAS = 24
ASKED = (Operation.RESTART, Operation.TEST, Operation.SNAPSHOT)
TONES = {
    Worker.State.PROCESSING: "ok",
    Worker.State.IDLE: "ok",
    Worker.State.ONLINE: "wait",
    Worker.State.ERROR: "bad",
    Worker.State.OFFLINE: "off",
}
CURVE_WIDTH, CURVE_HEIGHT = 120, 24


@dataclass(frozen=True, slots=True)
class WorkerRow:
    """A worker as the monitor shows it; `curve` is what an SVG polyline takes as points."""

    worker: Worker
    tone: str
    label: str
    curve: str


@require_safe
@login_required
@permission_required("workers.view_worker", raise_exception=True)
@never_cache
def worker_list(request: HttpRequest) -> HttpResponse:
    """The page; for its own poll and its search only the rows."""
    form = WorkerSearch(request.GET)
    found = search_workers(form.cleaned_data["q"] if form.is_valid() else "")
    page = Paginator(found, PAGE_ROWS).get_page(request.GET.get("page"))
    template = "workers/results.html" if request.htmx else "workers/page.html"  # type: ignore[attr-defined]
    rows = [_row(worker) for worker in page]
    return render(request, template, {"form": form, "page": page, "rows": rows})


@require_safe
@login_required
@never_cache
def camera(request: HttpRequest, camera_id: UUID) -> HttpResponse:
    """One camera: how it is doing, its live picture, and what its worker can be asked for."""
    shown = get_camera(granted(request), camera_id)
    state = next(one for one in camera_states(granted(request), timezone.now()) if one.camera.pk == shown.pk)
    template = "workers/camera_state.html" if request.htmx else "workers/camera.html"  # type: ignore[attr-defined]
    return render(request, template, {"camera": shown, "state": state})


@require_POST
@login_required
@permission_required("cameras.change_camera", raise_exception=True)
def ask_camera(request: HttpRequest, camera_id: UUID, operation: str) -> HttpResponse:
    """Ask the camera's worker, and show what it answers."""
    if operation not in [one.value for one in ASKED]:
        raise Http404("There is no such operation.")
    shown = get_camera(granted(request), camera_id)
    try:
        answer = ask(Operation(operation), shown)
    except NoAnswer as error:
        answer = Answer(ok=False, detail=str(error))
    picture = b64encode(answer.picture).decode()
    return render(request, "workers/answer.html", {"camera": shown, "answer": answer, "picture": picture})


@require_safe
@login_required
@never_cache
def still(request: HttpRequest, camera_id: UUID) -> HttpResponse:
    """The newest live picture, for the wall; asking for it is what makes the worker send them."""
    shown = get_camera(granted(request), camera_id)
    try:
        watch(active_tenant().pk, shown.pk)
        picture = newest(active_tenant().pk, shown.pk)
    except RedisError:
        picture = None
    if picture is None:
        raise Http404("There is no live picture at this moment.")
    return HttpResponse(picture, content_type="image/jpeg")


@require_safe
@login_required
@never_cache
def wall(request: HttpRequest) -> HttpResponse:
    """Many cameras at a glance; their pictures are fetched with each tick of the page."""
    running = [state for state in camera_states(granted(request), timezone.now()) if state.camera.enabled]
    page = Paginator(running, WALL_CAMERAS).get_page(request.GET.get("page"))
    template = "workers/wall_rows.html" if request.htmx else "workers/wall.html"  # type: ignore[attr-defined]
    return render(request, template, {"page": page, "now": int(timezone.now().timestamp())})


def _row(worker: Worker) -> WorkerRow:
    state = Worker.State(worker.shown_state)  # type: ignore[attr-defined]
    return WorkerRow(worker, TONES[state], state.label.capitalize(), _curve(worker.history))


def _curve(history: list[float]) -> str:
    """Frames a second of the last beats, as points from the left; the highest reaches the top."""
    top = max([1.0, *history])
    step = CURVE_WIDTH / max(1, len(history) - 1)
    return " ".join(
        f"{n * step:.1f},{CURVE_HEIGHT - CURVE_HEIGHT * value / top:.1f}" for n, value in enumerate(history)
    )
