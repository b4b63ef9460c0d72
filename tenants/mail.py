"""Mails to people who log in. Their links carry a secret, so nothing here is logged or queued."""

import logging
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse

from tenants.access import may_enter
from tenants.links import InvitationTokens, invitations, resets
from tenants.models import Domain, Membership, Tenant, User
from tenants.queries import tenant_of

log = logging.getLogger(__name__)


def invite(user: User, tenant: Tenant, where: HttpRequest | str) -> None:
    """Tell `user` that they may log in at `tenant`, with a link to choose a password if they have none yet.

    `where` is the request that invites, or the tenant's address, such as `https://acme.example.com`. Raises
    OSError where the mail server does not take it.
    """
    origin = _origin(tenant, where)
    link = origin + reverse("login", urlconf=settings.ROOT_URLCONF)
    if not user.has_usable_password():
        link = origin + _path(user, invitations)
    days = settings.PASSWORD_RESET_TIMEOUT // 86_400
    _send(
        "invitation",
        user.email,
        f"You may log in at {tenant}",
        {"tenant": tenant, "user": user, "link": link, "days": days},
    )


def try_to_invite(member: Membership, request: HttpRequest) -> bool:
    """Mail the invitation of a member of the request's tenant; False where the mail server does not take it.

    Whoever is told so otherwise can still choose a password: as somebody who has forgotten theirs.
    """
    try:
        invite(member.user, tenant_of(request), request)
    except OSError as error:
        log.warning("the invitation of member %s was not mailed: %s", member.pk, type(error).__name__)
        return False
    return True


def send_reset(email: str, request: HttpRequest) -> None:
    """A link to choose a new password; for an unknown address a mail that says that it is unknown.

    So both take the same time, and whoever asks learns nothing. Raises OSError like `invite`.
    """
    tenant = tenant_of(request)
    user = User.objects.filter(email__iexact=email, is_active=True).first()
    context: dict[str, Any] = {"tenant": tenant, "host": request.get_host()}
    if user is None or not may_enter(user, tenant):
        _send("unknown", email, "Somebody asked for a new password", context)
        return
    context |= {
        "link": request.build_absolute_uri(_path(user, resets)),
        "minutes": settings.FACETRACK_RESET_SECONDS // 60,
    }
    _send("reset", user.email, "Choose a new password", context)


def _path(user: User, tokens: InvitationTokens) -> str:
    arguments = {"uidb36": user.pk.hex, "key": tokens.make_token(user)}
    return reverse("account_reset_password_from_key", kwargs=arguments, urlconf=settings.ROOT_URLCONF)


def _origin(tenant: Tenant, where: HttpRequest | str) -> str:
    """The tenant's own address; a request on another host lends its scheme and port only."""
    if isinstance(where, str):
        return where.rstrip("/")
    if tenant_of(where).pk == tenant.pk:
        return where.build_absolute_uri("/").rstrip("/")
    host = Domain.objects.filter(tenant=tenant).order_by("-is_primary").values_list("domain", flat=True)[0]
    _, colon, port = where.get_host().partition(":")
    return f"{where.scheme}://{host}{colon}{port}"


def _send(name: str, to: str, subject: str, context: dict[str, Any]) -> None:
    body = render_to_string(f"mail/{name}.txt", context).strip() + "\n"
    EmailMessage(settings.ACCOUNT_EMAIL_SUBJECT_PREFIX + subject, body, to=[to]).send()
