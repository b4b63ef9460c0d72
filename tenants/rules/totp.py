"""The six digits of an authenticator app (TOTP, RFC 6238)."""

from allauth.core.internal.cryptokit import compare_user_code
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.conf import settings

PERIOD_SECONDS = 30


def step_of(secret: str, code: str, *, now: float) -> int | None:
    """The period of 30 s, about `now` (seconds since 1970), whose code this is; None for a wrong one."""
    present = int(now) // PERIOD_SECONDS
    for step in range(present - settings.MFA_TOTP_TOLERANCE, present + settings.MFA_TOTP_TOLERANCE + 1):
        if compare_user_code(actual=code, expected=code_at(secret, step)):
            return step
    return None


def code_at(secret: str, step: int) -> str:
    return str(format_hotp_value(hotp_value(secret, step)))
