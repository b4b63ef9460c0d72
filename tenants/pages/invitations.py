"""Where the link of an invitation leads: it says who invites to what, and posting accepts.

The link's secret is kept as a hash in the session, so that the address of the form does not tell it. Nothing
happens by opening a link: mail servers open them too.
"""

from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.internal.flows.login import record_authentication
from django.contrib import messages
from django.contrib.auth import authenticate
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_http_methods, require_safe

from tenants.accounts.actions_invitations import accept_signed_in, accept_with_password
from tenants.accounts.invitations import AccountState, account_of, invitation_of
from tenants.accounts.second_factor import TooManyCodes
from tenants.accounts.second_factor import accept as accept_code
from tenants.models import Invitation, User
from tenants.pages.acceptance import ChooseForm, SignInForm
from tenants.pages.forms import refused
from tenants.queries import tenant_of
from tenants.rules.keys import digest_of

DIGEST = "invitation"
"""Key of the session: the hash of the link that was opened last."""


@require_safe
@never_cache
def follow(request: HttpRequest, secret: str) -> HttpResponse:
    """The link itself."""
    digest = digest_of(secret)
    if invitation_of(digest, tenant_of(request), timezone.now()) is None:
        return _gone(request)
    request.session[DIGEST] = digest
    return redirect("invitation")


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@sensitive_post_parameters()
@sensitive_variables()
def invitation(request: HttpRequest) -> HttpResponse:
    """What it is about, with a form by which its addressee accepts."""
    digest = str(request.session.get(DIGEST, ""))
    found = invitation_of(digest, tenant_of(request), timezone.now())
    if found is None:
        return _gone(request)
    if request.user.is_authenticated:
        return _shown(request, found, None, 200 if request.method != "POST" else 403)
    account, _ = account_of(found.email)
    if account is AccountState.CLOSED:
        return _shown(request, found, None, 200 if request.method != "POST" else 403)
    kind = ChooseForm if account is AccountState.NEW else SignInForm
    form = kind(request.POST if request.method == "POST" else None, email=found.email)
    if form.is_valid():
        try:
            return _accepted(request, found, form)
        except ValidationError as error:
            refused(form, error)
    return _shown(request, found, form)


def _accepted(request: HttpRequest, found: Invitation, form: ChooseForm | SignInForm) -> HttpResponse:
    """Raises ValidationError."""
    about: dict[str, Any] = {"digest": found.digest, "tenant": found.tenant, "now": timezone.now()}
    if isinstance(form, ChooseForm):
        accept_with_password(password=form.cleaned_data["password1"], **about)
        del request.session[DIGEST]
        messages.success(request, f"Welcome to {found.tenant}. Log in with your new password.")
        return redirect("login")
    user, code = _signed_in(request, found.email, form.cleaned_data)
    accept_signed_in(user=user, **about)
    del request.session[DIGEST]
    record_authentication(request, user, method="password")
    if code is not None:
        record_authentication(request, user, method="mfa", id=code.pk, type=code.type)
    get_adapter(request).login(request, user)
    messages.success(request, f"Welcome to {found.tenant}.")
    return redirect("/")


def _signed_in(request: HttpRequest, email: str, given: dict[str, Any]) -> tuple[User, Any | None]:
    """Whose address it is, and what their code is of: checked as at the login. Raises ValidationError."""
    user = authenticate(request, username=email, password=given["password"], invited=email)
    if not isinstance(user, User):
        raise ValidationError({"password": "This is not the password of that account."})
    if user.second_factor_at is None:
        return user, None
    if not given["code"]:
        raise ValidationError({"code": "This account has a second factor. Enter its code too."})
    try:
        code = accept_code(request, user, given["code"], invited=True)
    except TooManyCodes as error:
        raise ValidationError({"code": str(error)}) from None
    if code is None:
        raise ValidationError({"code": "This code is incorrect or was already used. Wait for the next one."})
    return user, code


def _shown(request: HttpRequest, found: Invitation, form: Any, status: int = 200) -> HttpResponse:
    return render(request, "members/invitation.html", {"invitation": found, "form": form}, status=status)


def _gone(request: HttpRequest) -> HttpResponse:
    return render(request, "members/invitation.html", {"invitation": None, "form": None}, status=404)
