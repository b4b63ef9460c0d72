"""Links with which a user chooses a password: in an invitation, or because the old one is forgotten."""

from uuid import UUID

from django.conf import settings
from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.utils.http import base36_to_int

from tenants.models import User


class InvitationTokens(PasswordResetTokenGenerator):
    """Each works once: it is signed with the password, which using it changes."""

    key_salt = "tenants.links.invitation"
    seconds: int = settings.PASSWORD_RESET_TIMEOUT

    def check_token(self, user: User | None, token: str | None) -> bool:
        if not super().check_token(user, token):
            return False
        made = base36_to_int((token or "").partition("-")[0])
        return self._num_seconds(self._now()) - made <= self.seconds


class ResetTokens(InvitationTokens):
    """For a forgotten password: any stranger can request it, so it is valid for a short time only."""

    key_salt = "tenants.links.reset"
    seconds = settings.FACETRACK_RESET_SECONDS


invitations, resets = InvitationTokens(), ResetTokens()


def user_of_link(uid: str, token: str) -> User | None:
    """Whose password the link sets; None where it was used, is too old or never was one of ours."""
    try:
        user = User.objects.filter(pk=UUID(uid), is_active=True).first()
    except ValueError:
        return None
    if user and any(tokens.check_token(user, token) for tokens in (invitations, resets)):
        return user
    return None
