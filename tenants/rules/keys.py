"""What a key looks like, and which rights its role and its scopes leave: no I/O."""

import hashlib
import hmac
import re
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from tenants.rules import PEOPLE_APPS, Role

KEY_ROLES = (Role.VIEWER, Role.SITE_MANAGER, Role.TENANT_ADMIN, Role.WORKER)

COARSE: dict[str, tuple[tuple[str, ...], frozenset[str]]] = {
    "read": (PEOPLE_APPS, frozenset({"view"})),
    "write": (PEOPLE_APPS, frozenset({"add", "change", "delete"})),
    "enrol": (("staff",), frozenset({"add", "change"})),
}
"""Scope to the apps and verbs that it opens. `worker` opens whatever the role of that name may."""

SCOPE = rf"^(read|write|enrol|worker|({'|'.join(PEOPLE_APPS)})\.[a-z]+_[a-z]+)$"
"""A coarse scope or the name of one permission. None manages keys and members: a stolen key could
make itself another one and outlive its end."""

DEFAULT_SCOPES = {
    Role.VIEWER: ["read"],
    Role.SITE_MANAGER: ["read", "write"],
    Role.TENANT_ADMIN: ["read", "write"],
    Role.WORKER: ["worker"],
}

DAYS, MAX_DAYS = 365, 730
OVERLAP_HOURS, MAX_OVERLAP_HOURS = 24, 24 * 30
SOON = timedelta(days=14)
"""A key that ends within this time is shown with a warning."""

WORKER_NAME = r"[A-Za-z0-9_-]{1,50}"

_PREFIX_LETTERS, _PREFIX_LENGTH = "abcdefghijklmnopqrstuvwxyz234567", 12
_KEY = re.compile(r"ft_([a-z2-7]{12})_([A-Za-z0-9_-]{43})")
_NOTHING = hashlib.sha256(b"").hexdigest()


@dataclass(frozen=True, slots=True)
class KeyText:
    """The parts of `ft_<prefix>_<secret>`. Its representation keeps the secret to itself."""

    prefix: str
    secret: str

    def __str__(self) -> str:
        return f"ft_{self.prefix}_{self.secret}"

    def __repr__(self) -> str:
        return f"<key ft_{self.prefix}_…>"


def new_key() -> KeyText:
    """A key with a secret of 256 random bits."""
    prefix = "".join(secrets.choice(_PREFIX_LETTERS) for _ in range(_PREFIX_LENGTH))
    return KeyText(prefix, secrets.token_urlsafe(32))


def parsed_key(text: str) -> KeyText | None:
    """None for what cannot be a key."""
    found = _KEY.fullmatch(text)
    return KeyText(*found.groups()) if found else None


def is_worker_name(text: str) -> bool:
    return re.fullmatch(WORKER_NAME, text) is not None


def digest_of(secret: str) -> str:
    """SHA-256, 64 hexadecimal digits, of a random secret.

    A slow hash protects what can be guessed. 256 random bits cannot, and a key is checked with each
    request: a slow hash would cost every request, and let strangers keep the server busy.
    """
    return hashlib.sha256(secret.encode()).hexdigest()


def same_secret(secret: str, digest: str | None) -> bool:
    """In a time that depends neither on the secret nor on whether there is a digest (None: no such key)."""
    return hmac.compare_digest(digest_of(secret), digest or _NOTHING)


def in_scope(scopes: Collection[str], permission: str) -> bool:
    """Whether the scopes open Django's permission `app.verb_model`."""
    if permission in scopes or "worker" in scopes:
        return True
    return any(scope in scopes for scope in coarse_scopes(permission))


def coarse_scopes(permission: str) -> list[str]:
    """The coarse scopes that open a permission."""
    app, _, codename = permission.partition(".")
    verb = codename.partition("_")[0]
    return [scope for scope, (apps, verbs) in COARSE.items() if app in apps and verb in verbs]


def faults(role: Role, scopes: Sequence[str], sites: Collection[UUID] | None) -> dict[str, str]:
    """Field to what is wrong with the rights of a key; empty where they fit together."""
    found = {}
    if not scopes:
        found["scopes"] = "Choose at least one scope. A key without a scope has no access."
    elif unknown := [scope for scope in scopes if not re.fullmatch(SCOPE, scope)]:
        names = ", ".join([*COARSE, "worker"])
        found["scopes"] = (
            f"“{unknown[0][:60]}” is not a scope. Use {names}, or a permission such as cameras.view_camera."
        )
    elif ("worker" in scopes) != (role is Role.WORKER) or (role is Role.WORKER and len(scopes) > 1):
        found["scopes"] = "The scope worker is for the role worker, which allows no other scope."
    if role is Role.SITE_MANAGER and not sites:
        found["sites"] = "A site manager's key needs sites. Choose at least one."
    elif role is Role.TENANT_ADMIN and sites is not None:
        found["sites"] = f"The role {role.label.lower()} is not limited to sites. Choose none."
    return found


def within(
    role: Role, sites: Collection[UUID] | None, *, of: Role, of_sites: Collection[UUID] | None
) -> bool:
    """Whether a key with `role` on `sites` gives no more than a maker with `of` on `of_sites` has."""
    ranks = [Role.VIEWER, Role.SITE_MANAGER, Role.TENANT_ADMIN]
    if role not in ranks or of not in ranks or ranks.index(role) > ranks.index(of):
        return False
    return of_sites is None or (sites is not None and set(sites) <= set(of_sites))
