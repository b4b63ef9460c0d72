"""The worker monitor."""

from dataclasses import dataclass

from django.contrib.auth.decorators import login_required, permission_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from workers.filters import WorkerFilters, WorkerSearch
from workers.fleet.models import Worker
from workers.fleet.queries import workers

PAGE_ROWS = 50
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
    """A worker as the monitor shows it; `curve` holds the points of an SVG polyline."""

    worker: Worker
    tone: str
    label: str
    curve: str


@require_safe
@login_required
@permission_required("workers.view_worker", raise_exception=True)
@never_cache
def worker_list(request: HttpRequest) -> HttpResponse:
    """The page; its own poll and its search get the rows only."""
    form = WorkerSearch(request.GET)
    page = Paginator(WorkerFilters.of_page(form, workers().order_by("name")), PAGE_ROWS).get_page(
        request.GET.get("page")
    )
    template = "workers/results.html" if request.htmx else "workers/page.html"  # type: ignore[attr-defined]
    rows = [_row(worker) for worker in page]
    return render(request, template, {"form": form, "page": page, "rows": rows})


def _row(worker: Worker) -> WorkerRow:
    state = Worker.State(worker.shown_state)  # type: ignore[attr-defined]
    return WorkerRow(worker, TONES[state], state.label.capitalize(), _curve(worker.history))


def _curve(history: list[float]) -> str:
    """Frames per second at the last heartbeats, as points from the left; the highest reaches the top."""
    top = max([1.0, *history])
    step = CURVE_WIDTH / max(1, len(history) - 1)
    return " ".join(
        f"{n * step:.1f},{CURVE_HEIGHT - CURVE_HEIGHT * value / top:.1f}" for n, value in enumerate(history)
    )
