"""Token families: created by a login or a key, renewed token by token, and ended together."""

from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.utils import timezone

from tenants.access.rights import Access
from tenants.credentials.queries import families, owner, token_access
from tenants.credentials.refusal import CredentialRefused, spoken
from tenants.credentials.tokens import (
    AccessToken,
    RefreshToken,
    TokenClaims,
    fill,
    fingerprint,
    read,
    renewed_until,
)
from tenants.events import credential_issued, credential_revoked, credential_used
from tenants.models import ApiKey, Tenant, TokenFamily


def log_in(*, access: Access, address: str | None) -> dict[str, str]:
    """The first pair of tokens, `access` and `refresh`, of a member who has just proved who they are."""
    now = timezone.now()
    refresh = _refresh(now, int(now.timestamp()))
    family = TokenFamily.objects.create(
        tenant=owner(access.tenant),
        user=access.user,
        current=fingerprint(refresh["jti"]),
        expires_at=renewed_until(now, refresh["auth_time"]),
    )
    pair = _pair(refresh, access, family.pk)
    credential_issued.send(
        TokenFamily,
        kind="access",
        tenant=access.tenant,
        address=address,
        user=access.user and access.user.pk,
        family=family.pk,
    )
    return pair


def renew(*, text: str, tenant: Tenant, address: str | None) -> dict[str, str]:
    """A new pair for a refresh token, which is thereby used up. Raises CredentialRefused.

    A token that is used twice was copied. It cannot be known whether the first or the second use was the
    thief's, so the whole family ends, access tokens included. Of two uses at the same moment
    exactly one gets a pair, and that dies at once too. There is no grace for a client that repeats a
    request whose answer it lost: it logs in again.
    """
    now = timezone.now()
    claims = read(RefreshToken, text, tenant)
    _, access = token_access(claims, tenant, now)
    refresh = _refresh(now, claims.auth_time)
    family = families(claims, tenant, now)
    won = family.filter(current=fingerprint(claims.jti)).update(
        current=fingerprint(refresh["jti"]),
        last_used_at=now,
        expires_at=renewed_until(now, claims.auth_time),
    )
    if not won:
        ended = _end(claims, tenant, TokenFamily.Reason.REUSE, now, address)
        raise CredentialRefused("reuse" if ended else "revoked", spoken(claims.jti))
    pair = _pair(refresh, access, claims.family)
    credential_used.send(
        TokenFamily,
        kind="refresh",
        tenant=tenant,
        address=address,
        user=access.user and access.user.pk,
        family=claims.family,
    )
    return pair


def log_out(*, text: str, tenant: Tenant, address: str | None) -> UUID:
    """End the family of a refresh token: all its tokens become invalid. Returns whose it was.

    Raises CredentialRefused.
    """
    claims = read(RefreshToken, text, tenant)
    if not _end(claims, tenant, TokenFamily.Reason.LOGOUT, timezone.now(), address):
        raise CredentialRefused("revoked", spoken(claims.jti))
    return claims.subject


def exchange(*, key: ApiKey, access: Access, address: str | None) -> str:
    """An access token that may do what the key may, for as long as the key may."""
    now = timezone.now()
    family = TokenFamily.objects.create(
        tenant=owner(access.tenant), key=key, expires_at=now + settings.SIMPLE_JWT["ACCESS_TOKEN_LIFETIME"]
    )
    token = AccessToken()
    fill(token, tenant=access.tenant, access=access, family=family.pk, auth_time=int(now.timestamp()))
    credential_used.send(
        TokenFamily, kind="key", tenant=access.tenant, address=address, key=key.pk, family=family.pk
    )
    return str(token)


def forget_expired(*, now: datetime) -> int:
    """Delete expired families of all tenants. Returns how many."""
    return TokenFamily.objects.filter(expires_at__lte=now).delete()[0]


def _end(
    claims: TokenClaims, tenant: Tenant, reason: TokenFamily.Reason, now: datetime, address: str | None
) -> bool:
    ended = bool(families(claims, tenant, now).update(revoked_at=now, reason=reason))
    if ended:
        credential_revoked.send(
            TokenFamily,
            kind="refresh",
            tenant=tenant,
            address=address,
            user=claims.subject,
            family=claims.family,
            reason=reason.value,
        )
    return ended


def _refresh(now: datetime, auth_time: int) -> RefreshToken:
    token = RefreshToken()
    token["auth_time"] = auth_time
    token.set_exp(from_time=now, lifetime=renewed_until(now, auth_time) - now)
    return token


def _pair(refresh: RefreshToken, access: Access, family: UUID) -> dict[str, str]:
    fill(refresh, tenant=access.tenant, access=access, family=family, auth_time=refresh["auth_time"])
    token = refresh.access_token
    token.set_exp()  # from its own beginning, not from the refresh token's
    return {"access": str(token), "refresh": str(refresh)}
