"""Tokens and keys in the Authorization header: checked, and noted as what this request may do.

Only sessions are checked for CSRF: no browser adds these headers by itself.
"""

from dataclasses import dataclass
from typing import NoReturn
from uuid import UUID

from django.utils import timezone
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed, Throttled
from rest_framework.request import Request

from tenants.access.addresses import client_address
from tenants.access.rights import Access, admit
from tenants.credentials.actions import note_use
from tenants.credentials.queries import key_access, token_access
from tenants.credentials.refusal import KEY_REFUSED, TOKEN_REFUSED, CredentialRefused
from tenants.credentials.tokens import AccessToken, read
from tenants.events import credential_refused
from tenants.models import ApiKey, User
from tenants.queries import tenant_of
from tenants.rules.keys import parsed_key
from tenants.web.throttling import of_refused

CHALLENGE = 'Bearer realm="api", Api-Key realm="api"'
_MESSAGES = {"key": KEY_REFUSED}


@dataclass(frozen=True, slots=True)
class KeyHolder:
    """Takes the place of the request's user while a key acts. Rights come from `access_of`, not from here;
    throttles count by `pk`, the key's id. Rows that it writes have no author: the record names the key."""

    pk: UUID
    name: str
    is_authenticated = True
    is_anonymous = is_staff = is_superuser = False
    is_active = True

    def __str__(self) -> str:
        return self.name


class TokenAuthentication(BaseAuthentication):
    """`Authorization: Bearer <access token>`"""

    def authenticate(self, request: Request) -> tuple[User | KeyHolder, None] | None:
        text = given(request, "Bearer")
        if text is None:
            return None
        tenant = tenant_of(request)
        try:
            key, access = token_access(read(AccessToken, text, tenant), tenant, timezone.now())
        except CredentialRefused as refusal:
            refuse(request, "access", refusal)
        return _admitted(request, access, key), None

    def authenticate_header(self, request: Request) -> str:
        return CHALLENGE


class KeyAuthentication(BaseAuthentication):
    """`Authorization: Api-Key ft_<prefix>_<secret>`"""

    def authenticate(self, request: Request) -> tuple[User | KeyHolder, None] | None:
        text = given(request, "Api-Key")
        if text is None:
            return None
        key, access = checked_key(request, text)
        return _admitted(request, access, key), None

    def authenticate_header(self, request: Request) -> str:
        return CHALLENGE


def checked_key(request: Request, text: str) -> tuple[ApiKey, Access]:
    """The key that `text` is, and what it may do here; its use is noted. Raises AuthenticationFailed."""
    now = timezone.now()
    try:
        if (parsed := parsed_key(text)) is None:
            raise CredentialRefused("malformed")
        key, access = key_access(parsed, tenant_of(request), now)
    except CredentialRefused as refusal:
        refuse(request, "key", refusal)
    note_use(key=key, now=now)
    return key, access


def refuse(request: Request, kind: str, refusal: CredentialRefused) -> NoReturn:
    """Announce a refusal, with its reason, and answer without it. Raises AuthenticationFailed, or Throttled.

    Counted here, as DRF's throttles are asked after the authentication only.
    """
    if wait := of_refused(request).seconds_to_wait():
        raise Throttled(wait, "Too many invalid tokens or keys came from your address.") from None
    credential_refused.send(
        CredentialRefused,
        kind=kind,
        tenant=tenant_of(request),
        address=client_address(request),
        name=refusal.name,
        reason=refusal.reason,
    )
    raise AuthenticationFailed(_MESSAGES.get(kind, TOKEN_REFUSED), "refused") from None


def given(request: Request, scheme: str) -> str | None:
    """What the Authorization header says after the name of the scheme; None for another scheme."""
    name, _, text = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
    return text.strip() if name.lower() == scheme.lower() else None


def _admitted(request: Request, access: Access, key: ApiKey | None) -> User | KeyHolder:
    admit(request._request, access)
    if access.user is not None:
        return access.user
    assert key is not None  # noqa: S101  an access without user is a key's
    return KeyHolder(key.pk, key.name)
