"""The worker monitor."""

from dataclasses import dataclass

from django.contrib.auth.decorators import login_required, permission_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from tenants.access.rights import granted
from workers.filters import WorkerFilters, WorkerSearch
from workers.fleet.models import Worker
from workers.fleet.queries import own_workers

PAGE_ROWS = 50
TONES = {
    Worker.State.PROCESSING: "ok",
    Worker.State.IDLE: "ok",
    Worker.State.OFFLINE: "off",
}


@dataclass(frozen=True, slots=True)
class WorkerRow:
    """A worker as the monitor shows it."""

    worker: Worker
    tone: str
    label: str


@require_safe
@login_required
@permission_required("workers.view_worker", raise_exception=True)
@never_cache
def worker_list(request: HttpRequest) -> HttpResponse:
    """The page; its own poll and its search get the rows only."""
    form = WorkerSearch(request.GET)
    found = WorkerFilters.of_page(form, own_workers(granted(request)).order_by("name"))
    page = Paginator(found, PAGE_ROWS).get_page(request.GET.get("page"))
    template = "workers/results.html" if request.htmx else "workers/page.html"  # type: ignore[attr-defined]
    rows = [_row(worker) for worker in page]
    return render(request, template, {"form": form, "page": page, "rows": rows})


def _row(worker: Worker) -> WorkerRow:
    state = Worker.State(worker.shown_state)  # type: ignore[attr-defined]
    return WorkerRow(worker, TONES[state], state.label.capitalize())
