"""The second factor: who needs one, and whether a code is right."""

from contextlib import nullcontext
from typing import Any
from uuid import UUID

from allauth.core import context
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.http import HttpRequest
from rest_framework.exceptions import AuthenticationFailed, Throttled

from tenants.accounts import lockout
from tenants.actions import use_code
from tenants.isolation.context import installation
from tenants.models import Membership, Tenant, User
from tenants.queries import is_public

CODE_LENGTH = 20


class TooManyCodes(Exception):
    """No code is tried for `seconds`."""

    def __init__(self, seconds: int) -> None:
        super().__init__(f"Too many wrong codes. Try again in {-(-seconds // 60)} min.")
        self.seconds = seconds


class SecondFactorRefused(AuthenticationFailed):
    """The password is right but not sufficient. DRF answers 401."""

    default_code = "second_factor"


def required(tenant: Tenant) -> bool:
    """Whether the tenant requires one of all its members. For operators, a setting says so."""
    if is_public(tenant):
        return bool(settings.FACETRACK_INSTALLATION_SECOND_FACTOR)
    return tenant.second_factor_required


def missing(user: User, tenant: Tenant) -> bool:
    """Whether `user` needs a second factor here and has none. Asks nothing of the database."""
    return required(tenant) and user.second_factor_at is None


def required_of(user_id: UUID) -> bool:
    """Whether any place where the user logs in requires a second factor."""
    with installation():
        if Membership.objects.filter(user=user_id, tenant__second_factor_required=True).exists():
            return True
        staff = User.objects.filter(pk=user_id, is_staff=True).exists()
    return staff and bool(settings.FACETRACK_INSTALLATION_SECOND_FACTOR)


def check(user: User, tenant: Tenant, code: str) -> None:
    """Let `user`, whose password was right, get a token. A right code is used up.

    Raises SecondFactorRefused, which says what is missing, or Throttled.
    """
    if missing(user, tenant):
        raise SecondFactorRefused(f"{tenant} requires a second factor. Log in with a browser and set it up.")
    if user.second_factor_at is None:
        return
    if not code:
        raise SecondFactorRefused("Send the code of your authenticator app, or a recovery code, as `code`.")
    try:
        found = accept(context.request, user, code)
    except TooManyCodes as error:
        raise Throttled(error.seconds, "Too many wrong codes for this account.") from None
    if found is None:
        raise SecondFactorRefused("This code is incorrect or was already used. Wait for the next one.")


def accept(request: HttpRequest, user: User, code: str, *, invited: bool = False) -> Any | None:
    """The authenticator (app or recovery codes) that the code is of; None for a wrong one, which is counted.

    `invited` users are no members of the request's tenant yet, which therefore does not see what they have.

    Raises TooManyCodes: by account and address as with passwords, and by account whatever the address.
    """
    if seconds := lockout.seconds_left(request, user.email):
        raise TooManyCodes(seconds)
    codes = lockout.code_limit(request, user)
    if codes.count() > codes.limit.attempts:
        raise TooManyCodes(codes.seconds_left())
    with installation() if invited else nullcontext():
        found: Authenticator | None = use_code(user=user, code=code[:CODE_LENGTH])
    if found is None:
        lockout.count_failure(request, user)
    else:
        codes.forget()
    return found
