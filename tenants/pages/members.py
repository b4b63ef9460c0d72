"""Pages about members: who they are, what they may do, on which sites, and who is invited to become one."""

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required, permission_required
from django.core.exceptions import ValidationError
from django.core.paginator import Page
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from tenants.access.rights import granted
from tenants.access.sites import site_names
from tenants.accounts.actions_invitations import invite, invite_again, withdraw
from tenants.accounts.invitations import get_invitation, open_invitations
from tenants.accounts.mail import try_to_invite
from tenants.actions import change_member, hold_member, remove_member
from tenants.filters.counted import CountedPaginator
from tenants.filters.lists import MemberFilters
from tenants.models import Invitation
from tenants.pages.forms import InviteForm, MemberForm, PersonSearch, refused
from tenants.queries import get_member, members

PAGE_ROWS = 50

manages_members = permission_required("tenants.manage_members", raise_exception=True)


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@manages_members
@never_cache
def member_list(request: HttpRequest) -> HttpResponse:
    """The members; posting invites one."""
    form = InviteForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            _send(request, *invite(access=granted(request), now=timezone.now(), **form.cleaned_data))
            return redirect("members")
        except ValidationError as error:
            refused(form, error)
    search = PersonSearch(request.GET)
    page = CountedPaginator(MemberFilters.of_page(search, members()), PAGE_ROWS).get_page(
        request.GET.get("page")
    )
    names = site_names(archived=True)
    rows = [(member, [names[site] for site in member.sites if site in names]) for member in page]
    template = "members/results.html" if request.htmx else "members/page.html"  # type: ignore[attr-defined]
    context = {"form": search, "invitation": form, "page": page, "rows": rows, "invited": _invited(request)}
    return render(request, template, context)


@require_POST
@login_required
@manages_members
def again(request: HttpRequest, invitation_id: UUID) -> HttpResponse:
    """Mails an invitation once more, with a new link."""
    invitation = get_invitation(invitation_id)
    try:
        secret = invite_again(access=granted(request), invitation=invitation, now=timezone.now())
        _send(request, invitation, secret)
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    return redirect("members")


@require_POST
@login_required
@manages_members
def withdrawn(request: HttpRequest, invitation_id: UUID) -> HttpResponse:
    """Withdraws an invitation; its link stops working."""
    invitation = get_invitation(invitation_id)
    withdraw(invitation=invitation, now=timezone.now())
    messages.success(request, f"The invitation of {invitation.email} is withdrawn.")
    return redirect("members")


def _send(request: HttpRequest, invitation: Invitation, secret: str) -> None:
    if try_to_invite(invitation, secret, request):
        messages.success(
            request, f"Invitation sent to {invitation.email}. They become a member when they accept it."
        )
    else:
        messages.warning(
            request,
            f"{invitation.email} is invited, but the mail could not be sent. Send it again later.",
        )


def _invited(request: HttpRequest) -> Page[Invitation]:
    """A page of who is invited, each with whether the invitation has run out."""
    now = timezone.now()
    page = CountedPaginator(open_invitations(), PAGE_ROWS).get_page(request.GET.get("invited"))
    for invitation in page:
        invitation.run_out = invitation.has_run_out(now)
    return page


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@manages_members
@never_cache
def member(request: HttpRequest, membership_id: UUID) -> HttpResponse:
    """One member; posting gives them another role or other sites."""
    with transaction.atomic():
        if request.method == "POST":
            hold_member(membership_id)
        member = get_member(membership_id)
        form = MemberForm(member, request.POST if request.method == "POST" else None)
        if form.is_valid():
            try:
                change_member(access=granted(request), member=member, **form.cleaned_data)
                messages.success(request, f"{member.user.email} is {member.get_role_display().lower()} now.")
                return redirect("members")
            except ValidationError as error:
                refused(form, error)
    return render(request, "members/member.html", {"member": get_member(membership_id), "form": form})


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@manages_members
@never_cache
def remove(request: HttpRequest, membership_id: UUID) -> HttpResponse:
    """Asks first; posting ends the membership."""
    member, problem = get_member(membership_id), ""
    if request.method == "POST":
        try:
            remove_member(access=granted(request), member=member)
            messages.success(request, f"{member.user.email} is no longer a member.")
            return redirect("members")
        except ValidationError as error:
            problem = " ".join(error.messages)
    return render(request, "members/remove.html", {"member": member, "problem": problem})
