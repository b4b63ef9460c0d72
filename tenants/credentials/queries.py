"""Queries of tokens and keys. Each request with one costs one query."""

from dataclasses import replace
from datetime import datetime
from hmac import compare_digest
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet

from facetrack.core.rows import get_or_404
from tenants.access.rights import Access, of_membership
from tenants.accounts import second_factor
from tenants.credentials.refusal import CredentialRefused, spoken
from tenants.credentials.tokens import TokenClaims, proof_of
from tenants.models import ApiKey, Membership, Tenant, TokenFamily
from tenants.queries import is_public
from tenants.rules import MEMBER_ROLES, Role, may
from tenants.rules.keys import KeyText, same_secret

MANAGE_KEYS = "tenants.manage_keys"
_MAKERS = [role.value for role in MEMBER_ROLES if may(role, MANAGE_KEYS)]


def keys(tenant: Tenant) -> QuerySet[ApiKey]:
    """The keys that count on the tenant's host; on the public host those of workers."""
    maker = Membership.objects.filter(
        tenant=OuterRef("tenant"), user=OuterRef("created_by"), role__in=_MAKERS, user__is_active=True
    )
    facts: dict[str, Any] = {"maker_may": Q(created_by=None) | Exists(maker)}  # as the model declares it
    return ApiKey.objects.filter(tenant=owner(tenant)).annotate(**facts)


def listed_keys(tenant: Tenant) -> QuerySet[ApiKey]:
    """As `keys`, with all that a list shows of them; newest first."""
    return keys(tenant).select_related("created_by", "replaced_by").order_by("-created_at", "-id")


def keys_called(text: str) -> Q:
    """Keys whose name contains the text, or whose visible beginning it is."""
    prefix = text.removeprefix("ft_").split("_")[0]
    return Q(name__contains_folded=text) | Q(prefix__istartswith=prefix)


def get_key(tenant: Tenant, key_id: UUID) -> ApiKey:
    """Raises Http404."""
    return get_or_404(listed_keys(tenant), "There is no such API key.", pk=key_id)


def key_access(key: KeyText, tenant: Tenant, now: datetime) -> tuple[ApiKey, Access]:
    """What the key may do on the tenant's host. Raises CredentialRefused, after the same work for each
    reason."""
    row = keys(tenant).filter(prefix=key.prefix).first()
    right = same_secret(key.secret, row.digest if row else None)
    if row is None:
        raise CredentialRefused("unknown", key.prefix)
    if not right:
        raise CredentialRefused("secret", key.prefix)
    return row, _of_key(row, tenant, now)


def key_access_now(key_id: UUID, tenant: Tenant, now: datetime) -> Access:
    """What a key that was shown before may do by now. Raises CredentialRefused."""
    row = keys(tenant).filter(pk=key_id).first()
    if row is None:
        raise CredentialRefused("unknown")
    return _of_key(row, tenant, now)


def token_access(claims: TokenClaims, tenant: Tenant, now: datetime) -> tuple[ApiKey | None, Access]:
    """What a token's holder may do today, whatever the token says. Raises CredentialRefused."""
    if claims.of_key:
        row = (
            keys(tenant).filter(pk=claims.subject, **_living("token_families__", claims, tenant, now)).first()
        )
        if row is None:
            raise CredentialRefused("revoked", spoken(claims.jti))
        return row, _of_key(row, tenant, now, way="token")
    family = _living("user__token_families__", claims, tenant, now)
    membership = (
        Membership.objects.select_related("user")
        .filter(tenant=tenant, user=claims.subject, user__is_active=True, user__is_staff=False, **family)
        .first()
    )
    if membership is None:
        alive = families(claims, tenant, now).exists()
        raise CredentialRefused("member" if alive else "revoked", spoken(claims.jti))
    if not compare_digest(claims.proof.encode(), proof_of(membership.user).encode()):
        raise CredentialRefused("changed", spoken(claims.jti))
    if second_factor.missing(membership.user, tenant):
        raise CredentialRefused("factor", spoken(claims.jti))
    access = of_membership(membership, user=membership.user, tenant=tenant, way="token")
    return None, replace(access, proved_at=claims.auth_time)


def families(claims: TokenClaims, tenant: Tenant, now: datetime) -> QuerySet[TokenFamily]:
    """The token's family, if it lives."""
    subject = {"key" if claims.of_key else "user": claims.subject}
    return TokenFamily.objects.filter(**subject, **_living("", claims, tenant, now))


def owner(tenant: Tenant) -> Tenant | None:
    """Whose keys and tokens count on the tenant's host; None for the installation's."""
    return None if is_public(tenant) else tenant


def _living(path: str, claims: TokenClaims, tenant: Tenant, now: datetime) -> dict[str, Any]:
    facts = {"pk": claims.family, "tenant": owner(tenant), "revoked_at": None, "expires_at__gt": now}
    return {f"{path}{name}": value for name, value in facts.items()}


def _of_key(key: ApiKey, tenant: Tenant, now: datetime, **way: Any) -> Access:
    if state := key.ended(now):
        raise CredentialRefused(state, key.prefix)
    return Access(
        tenant=tenant,
        role=Role(key.role),
        sites=None if key.sites is None else frozenset(key.sites),
        key=key.pk,
        scopes=frozenset(key.scopes),
        worker=key.worker,
        **({"way": "key"} | way),
    )
