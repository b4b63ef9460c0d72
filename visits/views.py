"""Pages about visits and the people who make them. Each is one view at one address; htmx gets a fragment."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required, permission_required
from django.core.exceptions import BadRequest, PermissionDenied
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe
from django_htmx.http import HttpResponseClientRefresh

from cameras.queries import camera_states
from staff.models import FaceImage
from staff.queries import get_staff_member, picture_url
from tenants.queries import user_of
from visits.actions import delete_visitor, rename_visitor
from visits.forms import NewsForm, SightingFilter, VisitFilter, VisitorForm, VisitorSearch
from visits.queries import (
    counts,
    get_visitor,
    live_cursor,
    missed,
    of_person,
    search_visitors,
    sightings,
    still_there,
    visits,
)

LIVE_ROWS = 30
PAGE_ROWS = 50
PERSON_ROWS = 20


@require_safe
@login_required
@never_cache
def dashboard(request: HttpRequest) -> HttpResponse:
    """What happens now; for its own poll only the cameras."""
    states = {"states": camera_states(timezone.now())}
    if request.htmx:  # type: ignore[attr-defined]
        return render(request, "visits/strip.html", states)
    cursor = live_cursor()  # before the list: a visit that comes in between comes again and replaces its row
    return render(
        request,
        "visits/dashboard.html",
        {"cursor": cursor, "visits": visits()[:LIVE_ROWS], "live_rows": LIVE_ROWS, **states, **_figures()},
    )


@require_safe
@login_required
@never_cache
def live_visits(request: HttpRequest) -> HttpResponse:
    """What a live page has missed after its cursor; too much of it makes the page load itself anew."""
    form = NewsForm(request.GET)
    if not form.is_valid():
        raise BadRequest("after: the number of a live event; shown: ids of visits")
    news = missed(form.cleaned_data["after"])
    if news is None:
        return HttpResponseClientRefresh()
    opened, changed, cursor = news
    shown = set(form.cleaned_data["shown"])
    context = {
        "fresh": [visit for visit in opened if visit.pk not in shown],
        "changed": [visit for visit in [*opened, *changed] if visit.pk in shown],
        "gone": shown - still_there(shown),
        "cursor": cursor,
    }
    return render(request, "visits/live.html", context | _figures())


@require_safe
@login_required
@never_cache
def visit_list(request: HttpRequest) -> HttpResponse:
    form = VisitFilter(request.GET)
    return _list(request, "visits", form, form.found() if form.is_valid() else visits().none())


@require_safe
@login_required
@never_cache
def sighting_list(request: HttpRequest) -> HttpResponse:
    form = SightingFilter(request.GET)
    return _list(request, "sightings", form, form.found() if form.is_valid() else sightings().none())


@require_safe
@login_required
@never_cache
def visitor_list(request: HttpRequest) -> HttpResponse:
    form = VisitorSearch(request.GET)
    valid = form.is_valid()
    found = search_visitors(form.cleaned_data["q"]) if valid else search_visitors("").none()
    return _list(request, "visitors", form, found)


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@never_cache
def visitor(request: HttpRequest, visitor_id: UUID) -> HttpResponse:
    """A visitor; posting names them."""
    person = get_visitor(visitor_id)
    form = VisitorForm(request.POST or None, initial={"name": person.name, "note": person.note})
    if request.method == "POST":
        if not request.user.has_perm("visits.change_visitor"):
            raise PermissionDenied
        if form.is_valid():
            renamed = rename_visitor(visitor=person, **form.cleaned_data, by=user_of(request))
            messages.success(request, f"Saved: {renamed}.")
            return redirect("visitor", visitor_id)
    return render(request, "visitors/visitor.html", {"visitor": person, "form": form, **_seen(visitor_id)})


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@permission_required("visits.delete_visitor", raise_exception=True)
@never_cache
def forget_visitor(request: HttpRequest, visitor_id: UUID) -> HttpResponse:
    """Asks first; posting forgets the visitor for good."""
    person = get_visitor(visitor_id)
    if request.method == "POST":
        delete_visitor(visitor=person)
        messages.success(request, f"{person} is forgotten, with every picture, sighting and visit.")
        return redirect("visitors")
    return render(request, "visitors/forget.html", {"visitor": person})


@require_safe
@login_required
@never_cache
def staff_person(request: HttpRequest, member_id: UUID) -> HttpResponse:
    member = get_staff_member(member_id)
    pictures = list(member.face_images.defer("embedding"))
    ready = [image for image in pictures if image.status == FaceImage.Status.READY]
    context = {
        "member": member,
        "pictures": [(image, picture_url(image)) for image in ready],
        "refused": sum(image.status == FaceImage.Status.REFUSED for image in pictures),
        "pending": sum(image.status == FaceImage.Status.PENDING for image in pictures),
    }
    return render(request, "staff/person.html", context | _seen(member_id))


def _list(request: HttpRequest, name: str, form: Any, found: QuerySet[Any]) -> HttpResponse:
    page = Paginator(found, PAGE_ROWS).get_page(request.GET.get("page"))
    template = "results" if request.htmx else "page"  # type: ignore[attr-defined]
    return render(request, f"{name}/{template}.html", {"form": form, "page": page})


def _seen(person_id: UUID) -> dict[str, Any]:
    """The latest visits and sightings of a person, and how many there are."""
    of_them = of_person(person_id)
    return {
        "person_id": person_id,
        "visits": visits().filter(of_them)[:PERSON_ROWS],
        "visit_total": visits().filter(of_them).count(),
        "sightings": sightings().filter(of_them)[:PERSON_ROWS],
        "sighting_total": sightings().filter(of_them).count(),
    }


def _figures() -> dict[str, Any]:
    today = _midnight()
    return {"figures": counts(today), "today": today.date()}


def _midnight() -> datetime:
    return timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
