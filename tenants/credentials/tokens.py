"""Tokens as text: signed by the ring of keys, and refused unless every claim is there and fits the host."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

import jwt
from django.conf import settings
from rest_framework_simplejwt.backends import TokenBackend
from rest_framework_simplejwt.exceptions import TokenBackendError, TokenError
from rest_framework_simplejwt.tokens import AccessToken as SimpleAccessToken
from rest_framework_simplejwt.tokens import RefreshToken as SimpleRefreshToken
from rest_framework_simplejwt.tokens import Token

from facetrack.core.crypto.jwt_keys import GivenKeys, JwtKey, JwtKeys, KeptKeys
from tenants.access.rights import Access
from tenants.credentials.refusal import CredentialRefused, Reason, spoken
from tenants.models import Tenant, User
from tenants.rules import Role

LOGIN_LASTS = timedelta(days=30)
"""Then a person logs in again, however often the tokens were renewed."""

REQUIRED = ("iss", "aud", "sub", "tid", "role", "fam", "jti", "token_type", "iat", "exp", "auth_time")
"""And `sites`, which may be null; PyJWT takes null for missing."""
_ALGORITHM = "RS256"
_TokenT = TypeVar("_TokenT", bound=Token)


@dataclass(frozen=True, slots=True)
class TokenClaims:
    """Whose token it is. What it may do is asked of the database: the claims of rights inform clients."""

    family: UUID
    subject: UUID
    of_key: bool
    jti: str
    auth_time: int
    proof: str


def ring() -> JwtKeys:
    """The keys of this installation: given by the environment, else kept in files."""
    return _ring(tuple(settings.JWT_PRIVATE_KEYS), settings.JWT_KEY_FOLDER)


@cache
def _ring(pems: Sequence[str], folder: Path) -> JwtKeys:
    return GivenKeys(pems) if pems else KeptKeys(folder, settings.SIMPLE_JWT["REFRESH_TOKEN_LIFETIME"])


class RingBackend(TokenBackend):
    """Signs with the first key; checks with the key that the token names, and with RS256 only."""

    def __init__(self) -> None:
        super().__init__(_ALGORITHM)

    def encode(self, payload: dict[str, Any]) -> str:
        key = ring().live()[0]
        return jwt.encode(payload, key.private, _ALGORITHM, headers={"kid": key.kid})

    def decode(self, token: Any, verify: bool = True) -> dict[str, Any]:
        """Raises TokenBackendError, whatever `verify` says. Its cause is a Refused that tells why."""
        try:
            key = _named(jwt.get_unverified_header(token))
            options: Any = {"require": list(REQUIRED), "verify_aud": False}  # by `read`, strictly
            return jwt.decode(token, key.public, [_ALGORITHM], options=options)
        except jwt.InvalidTokenError as error:
            raise TokenBackendError from CredentialRefused(_reason(error))
        except CredentialRefused as refusal:
            raise TokenBackendError from refusal


_backend = RingBackend()


class AccessToken(SimpleAccessToken):
    _token_backend = _backend


class RefreshToken(SimpleRefreshToken):
    _token_backend = _backend
    access_token_class = AccessToken


def fill(token: Token, *, tenant: Tenant, access: Access, family: UUID, auth_time: int) -> None:
    """Write into a new token whose it is, where it counts and what its holder may do today."""
    sites = None if access.sites is None else sorted(str(site) for site in access.sites)
    token["iss"], token["aud"] = settings.FACETRACK_PUBLIC_HOST, str(tenant.pk)
    token["tid"], token["fam"] = str(tenant.pk), str(family)
    token["role"], token["sites"] = access.role.value, sites
    token["auth_time"] = auth_time
    if access.key is not None:
        token["sub"] = token["key"] = str(access.key)
        token["scopes"] = sorted(access.scopes or ())
    elif access.user is not None:
        token["sub"], token["proof"] = str(access.user.pk), proof_of(access.user)


def read(kind: type[_TokenT], text: str, tenant: Tenant) -> TokenClaims:
    """The claims of a token of this kind that counts on the tenant's host. Raises CredentialRefused."""
    try:
        token = kind(text)  # type: ignore[arg-type]  # its annotation is wrong, its code takes text
    except TokenError as error:
        cause = error.__cause__ and error.__cause__.__cause__
        reason: Reason = cause.reason if isinstance(cause, CredentialRefused) else "claims"
        raise CredentialRefused(reason, spoken(_claimed(text))) from None
    return _checked(token.payload, tenant)


def proof_of(user: User) -> str:
    """What a login was proved with, as a mark that tells nothing of it: as with sessions, a new password or
    second factor ends what was begun before."""
    return hashlib.sha256(user.get_session_auth_hash().encode()).hexdigest()[:32]


def fingerprint(jti: str) -> str:
    """What is kept of a refresh token: enough to recognise it, useless to a reader of the table."""
    return hashlib.sha256(jti.encode()).hexdigest()


def renewed_until(now: datetime, auth_time: int) -> datetime:
    """When a refresh token that is made now ends."""
    lifetime: timedelta = settings.SIMPLE_JWT["REFRESH_TOKEN_LIFETIME"]
    return min(now + lifetime, datetime.fromtimestamp(auth_time, now.tzinfo) + LOGIN_LASTS)


def _checked(payload: dict[str, Any], tenant: Tenant) -> TokenClaims:
    name = spoken(payload["jti"])
    home, here = str(tenant.pk), (payload["iss"], payload["aud"], payload["tid"])
    if here != (settings.FACETRACK_PUBLIC_HOST, home, home):
        raise CredentialRefused("foreign", name)
    try:
        Role(payload["role"])
        sites = payload["sites"]
        if sites is not None:
            [UUID(site) for site in sites]
        key = payload.get("key")
        if key is not None and key != payload["sub"]:
            raise ValueError
        return TokenClaims(
            family=UUID(payload["fam"]),
            subject=UUID(payload["sub"]),
            of_key=key is not None,
            jti=str(payload["jti"]),
            auth_time=int(payload["auth_time"]),
            proof=str(payload.get("proof")),
        )
    except (KeyError, ValueError, TypeError, AttributeError):
        raise CredentialRefused("claims", name) from None


def _named(header: dict[str, Any]) -> JwtKey:
    """Nothing else in the header counts: a key, or an address of keys, that a token brings is not used."""
    for key in ring().live():
        if key.kid == header.get("kid"):
            return key
    raise CredentialRefused("kid")


def _reason(error: jwt.InvalidTokenError) -> Reason:
    match error:
        case jwt.ExpiredSignatureError():
            return "expired"
        case jwt.InvalidSignatureError() | jwt.InvalidAlgorithmError():
            return "signature"
        case jwt.DecodeError():
            return "malformed"
    return "claims"


def _claimed(text: str) -> object:
    """What a refused token calls itself: its kid, which is not verified."""
    try:
        return jwt.get_unverified_header(text).get("kid")
    except jwt.InvalidTokenError:
        return None
