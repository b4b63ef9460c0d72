"""Invitations. A membership begins when an invitation is accepted, not before."""

import secrets
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.db.models import Sum

from tenants.access.actor import claim, of_user
from tenants.access.rights import Access
from tenants.accounts.invitations import AccountState, account_of, invitation_of
from tenants.actions import chosen_sites
from tenants.isolation.context import installation
from tenants.isolation.quotas import Resource, require_room
from tenants.models import Invitation, Membership, Tenant, User
from tenants.rules import Role, plain_email
from tenants.rules.conflicts import CONFLICT
from tenants.rules.keys import digest_of

MAX_MAILS_TO_ONE = 5
"""Mails from one tenant to one address in a day."""
KEPT = timedelta(days=7)
"""How long rows are kept after their end."""
GONE = "This invitation was used or withdrawn, or has expired. Ask for a new one."


def invite(
    *, access: Access, email: str, role: Role, sites: Collection[UUID] = (), now: datetime
) -> tuple[Invitation, str]:
    """An invitation, and the secret of its link: there is no other moment to see it.

    No account is looked at: the answer is the same whether there is one or not. Raises ValidationError and
    QuotaExceeded.
    `tenants.accounts.mail` sends it.
    """
    email = _address(email)
    chosen = chosen_sites(role, sites)
    with _counting(access.tenant, email, now):
        if Membership.objects.filter(tenant=access.tenant, user__email__iexact=email).exists():
            message = f"{email} is already a member. Change the role in the list."
            raise ValidationError({"email": ValidationError(message, CONFLICT)})
        open_ones = Invitation.objects.filter(tenant=access.tenant, accepted_at=None, revoked_at=None)
        open_ones.filter(email=email, expires_at__lte=now).update(revoked_at=now)
        if open_ones.filter(email=email).exists():
            message = f"{email} is already invited. Send that invitation again, or withdraw it first."
            raise ValidationError({"email": ValidationError(message, CONFLICT)})
        limit = settings.FACETRACK_MAX_INVITATIONS
        if open_ones.filter(expires_at__gt=now).count() >= limit:
            raise ValidationError(
                f"{limit} invitations are pending. Withdraw those that you do not need.", CONFLICT
            )
        require_room(access.tenant, Resource.MEMBERS)
        secret = secrets.token_urlsafe(32)
        invitation = Invitation.objects.create(
            tenant=access.tenant,
            email=email,
            role=role.value,
            sites=chosen,
            invited_by=access.user,
            created_at=now,
            expires_at=now + _life(),
            digest=digest_of(secret),
            sent_at=now,
        )
    return invitation, secret


def invite_again(*, access: Access, invitation: Invitation, now: datetime) -> str:
    """Replace the link and return the secret of the new one; former links end. Raises ValidationError."""
    secret = secrets.token_urlsafe(32)
    with _counting(access.tenant, invitation.email, now):
        row = Invitation.objects.select_for_update(of=("self",)).filter(
            pk=invitation.pk, accepted_at=None, revoked_at=None
        )
        if (found := row.first()) is None:
            raise ValidationError("This invitation has just been accepted or withdrawn.", CONFLICT)
        found.digest, found.expires_at, found.sent_at = digest_of(secret), now + _life(), now
        found.mails, found.invited_by = found.mails + 1, access.user
        found.save(update_fields=["digest", "expires_at", "sent_at", "mails", "invited_by"])
    return secret


def withdraw(*, invitation: Invitation, now: datetime) -> None:
    """End an invitation's link. An invitation that was accepted meanwhile stays accepted."""
    Invitation.objects.filter(pk=invitation.pk, accepted_at=None, revoked_at=None).update(revoked_at=now)


def accept_with_password(*, digest: str, tenant: Tenant, password: str, now: datetime) -> User:
    """Begin a membership with an account that is new, or had no access: `password` replaces any other.

    A password that it had before might be known to the person who made the account. Raises ValidationError.
    """
    try:
        with _accepting(digest, tenant, now) as invitation:
            account, user = account_of(invitation.email)
            if account is not AccountState.NEW:
                raise ValidationError("An account with this e-mail now exists. Open the link again.")
            if user is None:
                user = User.objects.create_user(invitation.email, password)
            else:
                user.set_password(password)
                user.save(update_fields=["password"])
            _join(invitation, user)
    except IntegrityError:  # two invitations of different organisations at the same moment
        raise ValidationError("An account with this e-mail was just created. Open the link again.") from None
    return user


def accept_signed_in(*, digest: str, tenant: Tenant, user: User, now: datetime) -> Membership:
    """Begin a membership of an account whose owner has just given its password. Raises ValidationError."""
    with _accepting(digest, tenant, now) as invitation:
        if account_of(invitation.email) != (AccountState.KNOWN, user):
            raise ValidationError("This invitation is for another account.")
        return _join(invitation, user)


def forget_invitations(*, now: datetime) -> int:
    """Delete the rows of all tenants that ended days ago; returns how many."""
    done, _ = Invitation.objects.filter(expires_at__lt=now - KEPT).delete()
    return done


def _join(invitation: Invitation, user: User) -> Membership:
    claim(of_user(user))  # the link, or the password, is theirs: so is what they do with it
    if Membership.objects.filter(tenant=invitation.tenant_id, user=user).exists():
        raise ValidationError("You are already a member. Log in.")
    require_room(invitation.tenant, Resource.MEMBERS)
    return Membership.objects.create(
        tenant_id=invitation.tenant_id, user=user, role=invitation.role, sites=invitation.sites
    )


@contextmanager
def _accepting(digest: str, tenant: Tenant, now: datetime) -> Iterator[Invitation]:
    """Holds an invitation, so that of two who follow a link one finds it used. Raises ValidationError.

    Only the installation makes memberships: PostgreSQL refuses tenants.
    """
    with installation(), transaction.atomic():
        Invitation.objects.select_for_update(no_key=True).filter(digest=digest).first()
        invitation = invitation_of(digest, tenant, now)
        if invitation is None:
            raise ValidationError(GONE)
        _require_an_inviter(invitation)
        yield invitation
        invitation.accepted_at = now
        invitation.save(update_fields=["accepted_at"])


def _require_an_inviter(invitation: Invitation) -> None:
    """Raises ValidationError where the inviter is no longer an administrator of the tenant."""
    administrators = Membership.objects.filter(tenant=invitation.tenant_id, role=Role.TENANT_ADMIN.value)
    still = administrators.filter(user=invitation.invited_by_id, user__is_active=True, user__is_staff=False)
    if not still.exists():
        raise ValidationError("Your inviter is no longer an administrator. Ask for a new invitation.")


@contextmanager
def _counting(tenant: Tenant, email: str, now: datetime) -> Iterator[None]:
    """Around a mail: within the limits, one at a time in a tenant. Raises ValidationError."""
    with transaction.atomic():
        Tenant.objects.select_for_update(no_key=True).get(pk=tenant.pk)
        limit = settings.FACETRACK_INVITATION_MAILS
        if _mails(tenant, sent_at__gt=now - timedelta(hours=1)) >= limit:
            raise ValidationError(
                f"{limit} invitations were mailed within an hour. Try again in an hour.", CONFLICT
            )
        if _mails(tenant, email=email, sent_at__gt=now - timedelta(days=1)) >= MAX_MAILS_TO_ONE:
            message = f"{email} was mailed {MAX_MAILS_TO_ONE} times within a day. Ask them to check."
            raise ValidationError({"email": ValidationError(message, CONFLICT)})
        yield


def _mails(tenant: Tenant, **which: object) -> int:
    found = Invitation.objects.filter(tenant=tenant, **which).aggregate(mails=Sum("mails"))["mails"]
    return int(found or 0)


def _address(email: str) -> str:
    """Raises ValidationError."""
    try:
        email = plain_email(email)
        validate_email(email)
    except (ValueError, ValidationError) as error:
        reason = error.messages[0] if isinstance(error, ValidationError) else str(error)
        raise ValidationError({"email": reason}) from None
    return email


def _life() -> timedelta:
    return timedelta(seconds=settings.PASSWORD_RESET_TIMEOUT)
