"""Mails to people who log in. Their links carry a secret, so nothing here is logged or queued."""

import logging
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse

from tenants.access.rights import may_enter
from tenants.accounts.links import InvitationTokens, invitations, resets
from tenants.isolation.hosts import origin_of
from tenants.models import Invitation, User
from tenants.queries import host_of, tenant_of

log = logging.getLogger(__name__)


def try_to_invite(invitation: Invitation, secret: str, request: HttpRequest) -> bool:
    """Mail an invitation of the request's tenant; False where the mail server does not take it.

    The mail is the same whether there is an account for its address or not.
    """
    tenant = tenant_of(request)
    context = {
        "tenant": tenant,
        "by": invitation.invited_by,
        "role": invitation.get_role_display().lower(),
        "link": origin_of(tenant, request) + reverse("follow_invitation", args=[secret]),
        "days": settings.PASSWORD_RESET_TIMEOUT // 86_400,
    }
    try:
        _send("invitation", invitation.email, f"You are invited to {tenant}", context)
    except OSError as error:
        log.warning("invitation %s was not mailed: %s", invitation.pk, type(error).__name__)
        return False
    return True


def try_to_open(user: User, request: HttpRequest) -> bool:
    """Mail an operator the link to choose a password; False where the mail server does not take it."""
    days = settings.PASSWORD_RESET_TIMEOUT // 86_400
    try:
        context = {
            "host": host_of(tenant_of(request)),
            "link": _link(user, invitations, request),
            "days": days,
        }
        _send("account", user.email, "Choose a password", context)
    except OSError as error:
        log.warning("the link of account %s was not mailed: %s", user.pk, type(error).__name__)
        return False
    return True


def send_reset(email: str, request: HttpRequest) -> None:
    """A link to choose a new password; for an unknown address a mail that says that it is unknown.

    So both take the same time, and the caller learns nothing. Raises OSError where the mail server does
    not take it.
    """
    tenant = tenant_of(request)
    user = User.objects.filter(email__iexact=email, is_active=True).first()
    context: dict[str, Any] = {"tenant": tenant, "host": host_of(tenant)}
    if user is None or not may_enter(user, tenant):
        _send("unknown", email, "A new password was requested", context)
        return
    context |= {"link": _link(user, resets, request), "minutes": settings.FACETRACK_RESET_SECONDS // 60}
    _send("reset", user.email, "Choose a new password", context)


def _link(user: User, tokens: InvitationTokens, request: HttpRequest) -> str:
    arguments = {"uidb36": user.pk.hex, "key": tokens.make_token(user)}
    path = reverse("account_reset_password_from_key", kwargs=arguments, urlconf=settings.ROOT_URLCONF)
    return origin_of(tenant_of(request), request) + path


def _send(name: str, to: str, subject: str, context: dict[str, Any]) -> None:
    body = render_to_string(f"mail/{name}.txt", context).strip() + "\n"
    EmailMessage(settings.ACCOUNT_EMAIL_SUBJECT_PREFIX + subject, body, to=[to]).send()
