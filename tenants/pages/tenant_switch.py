"""From one tenant to another with one login.

Leaving is a POST on the host where the user is logged in. It answers with a form that their browser posts
to the other host. What it carries is signed, bound to the user and both tenants, and works once within
seconds. The other host takes it only from the page that made it, so that a link or a stranger's form logs
no user in. The session there is no new login: it ends when this one would, and its proof is as old.
"""

from typing import Any
from uuid import UUID

from django.contrib.auth import login
from django.contrib.auth.decorators import login_required
from django.core import signing
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST

from tenants.access.rights import member_access
from tenants.accounts.proofs import Proof, carry, proof_of
from tenants.actions import NO_CUSTOMER, TENANT_SWITCH_LIFE, begin_tenant_switch, use_tenant_switch
from tenants.filters.counted import CountedPaginator
from tenants.filters.forms import ListForm
from tenants.filters.lists import CustomerFilters
from tenants.isolation.context import installation
from tenants.isolation.hosts import origin_at, origin_of
from tenants.models import User
from tenants.queries import open_to, tenant_of, user_of

SALT = "tenants.hand-over"
GONE = "This link was already used or has expired. Go back and choose the customer again."
BACKEND = "tenants.auth.MembershipBackend"
PAGE_ROWS = 50


class CustomerSearch(ListForm):
    hint = "Name"


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@never_cache
def switch(request: HttpRequest) -> HttpResponse:
    """The customers that the user can enter; posting one leads there."""
    if request.method == "POST":
        return _leave(request)
    search, user, here = CustomerSearch(request.GET), user_of(request), tenant_of(request)
    with installation():
        found = CustomerFilters.of_page(search, open_to(user, timezone.now()).exclude(pk=here.pk))
        page = CountedPaginator(found, PAGE_ROWS).get_page(request.GET.get("page"))
        page.object_list = list(page.object_list)
    template = "switch/results.html" if request.htmx else "switch/page.html"  # type: ignore[attr-defined]
    return render(request, template, {"form": search, "page": page})


@csrf_exempt  # it comes from another host; what stands in for the token is what `_claims` checks
@require_POST
@never_cache
def arrive(request: HttpRequest) -> HttpResponse:
    """Log in the user who was logged in at the host they come from. Raises PermissionDenied, always alike."""
    claims, tenant = _claims(request), tenant_of(request)
    used = use_tenant_switch(
        switch_id=UUID(claims["id"]),
        user_id=UUID(claims["user"]),
        source_id=UUID(claims["source"]),
        target=tenant,
        now=timezone.now(),
    )
    user = User.objects.filter(pk=claims["user"]).first() if used else None
    proof = _proof(claims)
    if user is None or proof is None or member_access(user, tenant) is None:
        raise PermissionDenied(GONE)
    carry(request, user, proof)
    login(request, user, backend=BACKEND)
    return redirect("/")


def _leave(request: HttpRequest) -> HttpResponse:
    try:
        target_id = UUID(request.POST.get("tenant", ""))
    except ValueError:
        raise Http404(NO_CUSTOMER) from None
    here, user = tenant_of(request), user_of(request)
    tenant_switch = begin_tenant_switch(user=user, source=here, target_id=target_id, now=timezone.now())
    with installation():
        there = origin_of(tenant_switch.tenant, request)
    token = signing.dumps(
        {
            "id": str(tenant_switch.pk),
            "user": str(user.pk),
            "source": str(here.pk),
            "target": str(target_id),
            "origin": origin_at(request.get_host().partition(":")[0], request),
            "proof": proof_of(request, user).as_json(),
        },
        salt=SALT,
    )
    context = {"address": f"{there}/switch/arrive/", "token": token, "target": tenant_switch.tenant}
    answer = render(request, "switch/leave.html", context)
    answer["Referrer-Policy"] = "strict-origin"  # else the browser does not say where the form comes from
    answer._csp_update = {"form-action": [there]}  # type: ignore[attr-defined]
    return answer


def _claims(request: HttpRequest) -> dict[str, Any]:
    """What a hand-over says, made for this host by the page that posts it. Raises PermissionDenied."""
    try:
        claims: dict[str, Any] = signing.loads(
            request.POST.get("token", ""), salt=SALT, max_age=TENANT_SWITCH_LIFE
        )
    except signing.BadSignature:
        raise PermissionDenied(GONE) from None
    right_host = claims["target"] == str(tenant_of(request).pk)
    if not right_host or request.headers.get("Origin") != claims["origin"]:
        raise PermissionDenied(GONE)
    return claims


def _proof(claims: dict[str, Any]) -> Proof | None:
    """What the session that was left knew of its login; None where that would have ended by now."""
    try:
        proof = Proof.of_json(claims["proof"])
    except (KeyError, TypeError, ValueError):
        return None
    return proof if proof.seconds_left > 0 else None
