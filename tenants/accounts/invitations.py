"""Queries of invitations: who is invited here, and what a link is for."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from django.db.models import QuerySet

from facetrack.core.rows import get_or_404
from tenants.isolation.context import installation
from tenants.models import Invitation, Membership, Tenant, User
from tenants.queries import active_tenant
from tenants.rules import plain_email


class AccountState(StrEnum):
    """What accepting requires, by the account of the address."""

    NEW = "new"
    """Choosing a password: there is no account, or one without any access yet."""
    KNOWN = "known"
    """Signing in: its owner chose a password when they first became a member somewhere."""
    CLOSED = "closed"
    """It runs the installation, or may not log in: no member."""


def open_invitations() -> QuerySet[Invitation]:
    """Those of the active tenant that were neither accepted nor withdrawn, newest first."""
    rows = Invitation.objects.filter(tenant=active_tenant(), accepted_at=None, revoked_at=None)
    return rows.select_related("invited_by")


def get_invitation(invitation_id: UUID) -> Invitation:
    """An open invitation of the active tenant. Raises Http404."""
    return get_or_404(open_invitations(), "There is no such invitation.", pk=invitation_id)


def invitation_of(digest: str, tenant: Tenant, now: datetime) -> Invitation | None:
    """What a link is for; None where it was used, withdrawn, replaced, has run out, or is not of `tenant`."""
    rows = Invitation.objects.filter(tenant=tenant, digest=digest, accepted_at=None, revoked_at=None)
    return rows.select_related("invited_by").filter(expires_at__gt=now).first()


def account_of(email: str) -> tuple[AccountState, User | None]:
    """The account whose address this is, and what accepting takes. Only for the holder of the link."""
    with installation():
        user = user_with(email)
        if user is None:
            return AccountState.NEW, None
        if user.is_staff or not user.is_active:
            return AccountState.CLOSED, user
        known = user.has_usable_password() and Membership.objects.filter(user=user).exists()
        return AccountState.KNOWN if known else AccountState.NEW, user


def user_with(email: str) -> User | None:
    """The account with this address; PostgreSQL alone would take letters for others that look alike.

    To be asked inside `installation()`.
    """
    for user in User.objects.filter(email__iexact=email):
        try:
            if plain_email(user.email) == email:
                return user
        except ValueError:
            continue
    return None
