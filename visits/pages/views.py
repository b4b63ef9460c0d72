"""Pages about visits and people. Each is one view at one URL; htmx gets a fragment."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required, permission_required
from django.core.exceptions import BadRequest, PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django_htmx.http import HttpResponseClientRefresh

from cameras.queries import camera_states
from facetrack.core.rows import hold
from staff.actions import OTHERS_BY_NOW, confirm_face_image, delete_staff_member
from staff.models import FaceImage
from staff.queries import (
    face_images_of,
    get_changeable,
    get_decidable,
    get_staff_member,
    picture_url,
    shown_likeness,
    staff_members,
)
from staff.rules import may_be_changed
from tenants.access.actor import because
from tenants.access.rights import Access, granted
from tenants.filters.counted import CountedPaginator, counted
from tenants.isolation.quotas import usage_of
from tenants.pages.activity.forms import ReasonForm
from tenants.queries import user_of
from visits.actions import delete_visitor, rename_visitor
from visits.filters import MergeFilters, ProposalFilters, SightingFilters, VisitFilters, VisitorFilters
from visits.merging.actions import keep_apart, merge_proposed, undo_merge, withdraw_rejection
from visits.merging.queries import (
    get_merge,
    get_merge_proposal,
    get_rejection,
    merge_proposals,
    merges,
    rejections,
)
from visits.models import MergeProposal, Visitor
from visits.pages.forms import CursorForm, SightingFilterForm, VisitFilterForm, VisitorForm, VisitorSearch
from visits.queries import (
    counts,
    get_visitor,
    live_cursor,
    missed,
    of_person,
    sightings,
    still_there,
    visitors,
    visits,
)

LIVE_ROWS = 30
PAGE_ROWS = 50
PERSON_ROWS = 20


@require_safe
@login_required
@never_cache
def dashboard(request: HttpRequest) -> HttpResponse:
    """What happens now; its own poll gets the cameras only."""
    access = granted(request)
    states = {"states": camera_states(access, timezone.now())}
    if request.htmx:  # type: ignore[attr-defined]
        return render(request, "visits/strip.html", states)
    cursor = live_cursor(
        access
    )  # read before the list: a visit that arrives in between is sent again and replaces its row
    return render(
        request,
        "visits/dashboard.html",
        {
            "cursor": cursor,
            "visits": visits(access)[:LIVE_ROWS],
            "live_rows": LIVE_ROWS,
            "storage": usage_of(access.tenant) if access.may("tenants.change_settings") else None,
            **states,
            **_figures(access),
        },
    )


@require_safe
@login_required
@never_cache
def live_visits(request: HttpRequest) -> HttpResponse:
    """The events after a live page's cursor; if there are too many, the page reloads."""
    access = granted(request)
    form = CursorForm(access, request.GET)
    if not form.is_valid():
        raise BadRequest("after: the number of a live event; shown: ids of visits")
    events = missed(access, form.cleaned_data["after"])
    if events is None:
        return HttpResponseClientRefresh()
    opened, changed, cursor = events
    shown = set(form.cleaned_data["shown"])
    context = {
        "fresh": [visit for visit in opened if visit.pk not in shown],
        "changed": [visit for visit in [*opened, *changed] if visit.pk in shown],
        "gone": shown - still_there(access, shown),
        "cursor": cursor,
    }
    return render(request, "visits/live.html", context | _figures(access))


@require_safe
@login_required
@never_cache
def visit_list(request: HttpRequest) -> HttpResponse:
    access = granted(request)
    form = VisitFilterForm(access, request.GET)
    return _list(request, "visits", form, VisitFilters.of_page(form, visits(access)))


@require_safe
@login_required
@never_cache
def sighting_list(request: HttpRequest) -> HttpResponse:
    access = granted(request)
    form = SightingFilterForm(access, request.GET)
    return _list(request, "sightings", form, SightingFilters.of_page(form, sightings(access)))


@require_safe
@login_required
@never_cache
def visitor_list(request: HttpRequest) -> HttpResponse:
    form = VisitorSearch(request.GET)
    return _list(request, "visitors", form, VisitorFilters.of_page(form, visitors(granted(request))))


@require_safe
@login_required
@never_cache
def merge_list(request: HttpRequest) -> HttpResponse:
    """Possible duplicates for a user to review."""
    form = VisitorSearch(request.GET)
    found = merge_proposals(granted(request)).filter(state=MergeProposal.State.OPEN)
    return _list(request, "merges", form, ProposalFilters.of_page(form, found))


@require_safe
@login_required
@never_cache
def merge_history(request: HttpRequest) -> HttpResponse:
    form = VisitorSearch(request.GET)
    found = MergeFilters.of_page(form, merges(granted(request)))
    return _list(request, "merges", form, found, history=True)


@require_POST
@login_required
@permission_required("visits.change_mergeproposal", raise_exception=True)
def accept_merge(request: HttpRequest, proposal_id: UUID) -> HttpResponse:
    """Merge the pair."""
    pair = get_merge_proposal(granted(request), proposal_id)
    return _decided(
        request, "merges", lambda: f"Merged: {merge_proposed(proposal=pair, by=user_of(request))}."
    )


@require_POST
@login_required
@permission_required("visits.change_mergeproposal", raise_exception=True)
def reject_merge(request: HttpRequest, proposal_id: UUID) -> HttpResponse:
    """Mark the pair as different people."""
    pair = get_merge_proposal(granted(request), proposal_id)

    def decide() -> str:
        keep_apart(proposal=pair, by=user_of(request))
        return f"{pair.first} and {pair.second} are different people and are not proposed again."

    return _decided(request, "merges", decide)


@require_POST
@login_required
@permission_required("visits.change_merge", raise_exception=True)
def undo(request: HttpRequest, merge_id: UUID) -> HttpResponse:
    """Undo a merge."""
    merge = get_merge(granted(request), merge_id)

    def decide() -> str:
        restored = undo_merge(merge=merge, by=user_of(request), now=timezone.now())
        return f"Undone: {restored} and {merge.kept} are two visitors again."

    return _decided(request, "merge_history", decide)


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@never_cache
def visitor(request: HttpRequest, visitor_id: UUID) -> HttpResponse:
    """A visitor; POST changes the name."""
    access, posted = granted(request), request.method == "POST"
    if posted and not access.may("visits.change_visitor"):
        get_visitor(access, visitor_id)
        raise PermissionDenied
    with transaction.atomic():
        if posted:
            hold(Visitor, visitor_id)
        person = get_visitor(access, visitor_id)
        form = VisitorForm(person, request.POST if posted else None)
        if form.is_valid():
            sent = {name: form.cleaned_data[name] for name in form.sent()}
            renamed = rename_visitor(visitor=person, **sent, by=user_of(request))
            messages.success(request, f"Saved: {renamed}.")
            return redirect("visitor", visitor_id)
    return render(
        request, "visitors/visitor.html", {"visitor": person, "form": form, **_seen(access, visitor_id)}
    )


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@permission_required("visits.delete_visitor", raise_exception=True)
@never_cache
def forget_visitor(request: HttpRequest, visitor_id: UUID) -> HttpResponse:
    """Asks for confirmation and a reason; POST deletes the visitor."""
    person = get_visitor(granted(request), visitor_id)
    form = ReasonForm(request.POST or None)
    if form.is_valid():
        with because(form.cleaned_data["reason"]):
            delete_visitor(visitor=person)
        messages.success(request, f"{person} was deleted, with all pictures, sightings and visits.")
        return redirect("visitors")
    return render(request, "visitors/forget.html", {"visitor": person, "form": form})


@require_POST
@login_required
@permission_required("visits.change_sighting", raise_exception=True)
def withdraw(request: HttpRequest, rejection_id: UUID) -> HttpResponse:
    """Withdraw a rejected match, and go back to the person's page."""
    access = granted(request)
    rejection = get_rejection(access, rejection_id)
    try:
        withdraw_rejection(rejection=rejection)
        messages.success(request, "Withdrawn: a face like this one may match again.")
    except ValidationError as refusal:
        messages.error(request, " ".join(refusal.messages))
    if visitors(access).filter(pk=rejection.person).exists():
        return redirect("visitor", rejection.person)
    if staff_members(access).filter(pk=rejection.person).exists():
        return redirect("staff_person", rejection.person)
    return redirect("sightings")


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@permission_required("staff.delete_staffmember", raise_exception=True)
@never_cache
def forget_staff(request: HttpRequest, member_id: UUID) -> HttpResponse:
    """Asks for confirmation and a reason; POST deletes the staff member."""
    person = get_changeable(granted(request), member_id)
    form = ReasonForm(request.POST or None)
    if form.is_valid():
        with because(form.cleaned_data["reason"]):
            delete_staff_member(member=person)
        messages.success(request, f"{person} was deleted, with all pictures, sightings and visits.")
        return redirect("admin:staff_staffmember_changelist")
    return render(request, "staff/forget.html", {"member": person, "form": form})


@require_safe
@login_required
@never_cache
def staff_person(request: HttpRequest, member_id: UUID) -> HttpResponse:
    access = granted(request)
    member = get_staff_member(access, member_id)
    pictures = list(face_images_of(access, member_id))
    ready = [image for image in pictures if image.status == FaceImage.Status.READY]
    context = {
        "member": member,
        "pictures": [(image, picture_url(image)) for image in ready],
        "refused": sum(image.status == FaceImage.Status.REFUSED for image in pictures),
        "pending": sum(image.status == FaceImage.Status.PENDING for image in pictures),
        "held": [
            (image, picture_url(image), shown_likeness(access, image))
            for image in pictures
            if image.status == FaceImage.Status.HELD
        ],
        "may_decide": access.may("staff.add_faceimage") and may_be_changed(member.sites, access.sites),
    }
    return render(request, "staff/person.html", context | _seen(access, member_id))


@require_POST
@login_required
@permission_required("staff.add_faceimage", raise_exception=True)
def confirm_picture(request: HttpRequest, member_id: UUID, face_image_id: UUID) -> HttpResponse:
    """Enrol a picture that resembles another person."""
    held = get_decidable(granted(request), member_id, face_image_id)
    try:
        shown = {str(other) for other in held.resembles}
        if held.status == FaceImage.Status.HELD and set(request.POST.getlist("other")) != shown:
            raise ValidationError(OTHERS_BY_NOW)
        confirm_face_image(face_image=held, by=user_of(request))
    except ValidationError as refusal:
        messages.error(request, " ".join(refusal.messages))
    else:
        messages.success(request, "Your decision was recorded. The picture is being checked.")
    return redirect("staff_person", member_id)


def _decided(request: HttpRequest, back: str, decide: Callable[[], str]) -> HttpResponse:
    """Run the action, report the result, and return to the list with its search."""
    try:
        messages.success(request, decide())
    except ValidationError as refusal:
        messages.error(request, " ".join(refusal.messages))
    return redirect(f"{reverse(back)}?{request.GET.urlencode()}")


def _list(request: HttpRequest, name: str, form: Any, found: QuerySet[Any], **more: object) -> HttpResponse:
    page = CountedPaginator(found, PAGE_ROWS).get_page(request.GET.get("page"))
    template = "results" if request.htmx else "page"  # type: ignore[attr-defined]
    return render(request, f"{name}/{template}.html", {"form": form, "page": page, **more})


def _seen(access: Access, person_id: UUID) -> dict[str, Any]:
    """A person's latest visits and sightings, and their number."""
    stays = visits(access).filter(of_person(person_id))
    seen = sightings(access).filter(of_person(person_id))
    return {
        "person_id": person_id,
        "visits": stays[:PERSON_ROWS],
        "visit_total": counted(stays),
        "sightings": seen[:PERSON_ROWS],
        "sighting_total": counted(seen),
        "rejections": rejections(access).filter(person=person_id)[:PERSON_ROWS],
    }


def _figures(access: Access) -> dict[str, Any]:
    return {"figures": counts(access, timezone.now())}
