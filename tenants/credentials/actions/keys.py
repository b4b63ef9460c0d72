"""API keys: made, rotated with an overlap, revoked."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.apps import apps
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Least
from django.utils import timezone

from tenants.access.rights import Access
from tenants.access.sites import site_names
from tenants.credentials.queries import keys, owner
from tenants.events import credential_issued, credential_revoked
from tenants.isolation.quotas import Resource, limit_of, require_room
from tenants.models import ApiKey, Tenant, User
from tenants.rules import PEOPLE_APPS, Role
from tenants.rules.conflicts import CONFLICT
from tenants.rules.keys import (
    DAYS,
    MAX_DAYS,
    MAX_OVERLAP_HOURS,
    OVERLAP_HOURS,
    KeyText,
    digest_of,
    faults,
    is_worker_name,
    new_key,
    within,
)

REPLACED = 2
"""Keys that count at the same time, those that are being replaced among them, as a multiple of the limit."""
USE_NOTED_EVERY = timedelta(minutes=1)


def create_key(
    *,
    tenant: Tenant,
    name: str,
    role: Role,
    scopes: Sequence[str],
    sites: Sequence[UUID] | None = None,
    days: int = DAYS,
    worker: str = "",
    by: Access | None,
    address: str | None = None,
) -> tuple[ApiKey, KeyText]:
    """A key of the tenant, or of the installation for its public tenant, and its text: there is no other
    moment to see it. `worker` is the name of the worker that has it, whose sites may be of any
    tenant; `by` is None for a command.

    Raises ValidationError, QuotaExceeded, and PermissionDenied for a key that gives more than its maker has.
    """
    _require_no_more_than(by, role, sites)
    require_key_in_order(tenant=tenant, role=role, scopes=scopes, sites=sites, days=days, worker=worker)
    now = timezone.now()
    key = ApiKey(
        tenant=owner(tenant),
        name=name.strip(),
        role=role.value,
        scopes=sorted(set(scopes)),
        sites=None if sites is None else sorted(set(sites), key=str),
        worker=worker,
        expires_at=now + timedelta(days=days),
    )
    with transaction.atomic():
        require_room(tenant, Resource.API_KEYS)
        return _made(key, tenant, by, address)


def rotate_key(
    *,
    key: ApiKey,
    tenant: Tenant,
    overlap_hours: int = OVERLAP_HOURS,
    by: Access | None,
    address: str | None = None,
) -> tuple[ApiKey, KeyText]:
    """A successor with the same rights and the same lifetime. The key itself works until the overlap ends.

    Raises ValidationError for a key that has ended or has a successor, PermissionDenied as `create_key`.
    """
    _require_no_more_than(by, Role(key.role), key.sites)
    if not 0 <= overlap_hours <= MAX_OVERLAP_HOURS:
        raise ValidationError({"overlap_hours": [f"Enter from 0 to {MAX_OVERLAP_HOURS} hours."]})
    now = timezone.now()
    new = ApiKey(
        tenant=key.tenant,
        name=key.name,
        role=key.role,
        scopes=key.scopes,
        sites=key.sites,
        worker=key.worker,
        expires_at=now + (key.expires_at - key.created_at),
    )
    with transaction.atomic():
        _require_few_replaced(tenant, now)
        made = _made(new, tenant, by, address)
        end = Least(F("expires_at"), now + timedelta(hours=overlap_hours))
        alive = ApiKey.objects.filter(pk=key.pk, revoked_at=None, replaced_by=None, expires_at__gt=now)
        if not alive.update(replaced_by=made[0], expires_at=end):
            raise ValidationError(
                "This key has ended or was already replaced. Rotate its successor.", CONFLICT
            )
    return made


def revoke_key(*, key: ApiKey, tenant: Tenant, by: User | None, address: str | None = None) -> bool:
    """End a key and every token that was made of it, at once. False where it was revoked already."""
    revoked = ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=timezone.now())
    if revoked:
        credential_revoked.send(
            ApiKey,
            kind="key",
            tenant=tenant,
            address=address,
            user=by and by.pk,
            key=key.pk,
            reason="revoked",
        )
    return bool(revoked)


def note_use(*, key: ApiKey, now: datetime) -> None:
    """Remember that a key is in use; written once a minute at most, so that reading stays reading."""
    if key.last_used_at is None or key.last_used_at <= now - USE_NOTED_EVERY:
        idle = Q(last_used_at=None) | Q(last_used_at__lte=now - USE_NOTED_EVERY)
        ApiKey.objects.filter(idle, pk=key.pk).update(last_used_at=now)


def require_key_in_order(
    *,
    tenant: Tenant,
    role: Role,
    scopes: Sequence[str],
    sites: Sequence[UUID] | None = None,
    days: int = DAYS,
    worker: str = "",
) -> None:
    """Raises ValidationError with all that is wrong with the rights and the life of a new key."""
    found = faults(role, scopes, sites)
    if (role is Role.WORKER) != (owner(tenant) is None):
        whose = "the installation" if role is Role.WORKER else "a customer"
        found["role"] = f"A key for the role {role.label.lower()} belongs to {whose}."
    if (role is Role.WORKER) != bool(worker) or (worker and not is_worker_name(worker)):
        found["worker"] = "Only a worker's key names a worker: at most 50 letters, digits, - and _."
    if not 1 <= days <= MAX_DAYS:
        found["days"] = f"A key lasts from 1 to {MAX_DAYS} days."
    if missing := sorted(scope for scope in scopes if "." in scope and scope not in _permissions()):
        found.setdefault("scopes", f"There is no permission {missing[0][:60]}.")
    if sites and role is not Role.WORKER and not set(sites) <= set(site_names(archived=True)):
        found.setdefault("sites", "One of these sites does not exist.")
    if found:
        raise ValidationError({field: [text] for field, text in found.items()})


def _permissions() -> set[str]:
    """All permissions that a scope can name."""
    models = [model._meta for app in PEOPLE_APPS for model in apps.get_app_config(app).get_models()]
    return {
        f"{model.app_label}.{verb}_{model.model_name}"
        for model in models
        for verb in model.default_permissions
    }


def _made(key: ApiKey, tenant: Tenant, by: Access | None, address: str | None) -> tuple[ApiKey, KeyText]:
    text = new_key()
    key.prefix, key.digest = text.prefix, digest_of(text.secret)
    key.created_by = None if by is None else by.user
    key.full_clean()
    key.save()
    credential_issued.send(ApiKey, kind="key", tenant=tenant, address=address, user=_user(by), key=key.pk)
    return key, text


def _require_few_replaced(tenant: Tenant, now: datetime) -> None:
    """Raises ValidationError where too many replaced keys are still in their overlap."""
    alive = keys(tenant).filter(revoked_at=None, expires_at__gt=now).count()
    if alive >= REPLACED * limit_of(tenant, Resource.API_KEYS):
        raise ValidationError(
            f"There are {alive} keys that work, most of them already replaced. Revoke those that are no "
            "longer used, or wait until their overlap is over.",
            CONFLICT,
        )


def _require_no_more_than(by: Access | None, role: Role, sites: Sequence[UUID] | None) -> None:
    """Raises PermissionDenied unless `by` is a user who has all the rights that the key is to have."""
    if by is None:
        return
    if by.user is None:
        raise PermissionDenied("An API key cannot create keys. Log in.")
    if not within(role, sites, of=by.role, of_sites=by.sites):
        raise PermissionDenied(
            f"You cannot create a key for the role {role.label.lower()}: it has more rights than you."
        )


def _user(by: Access | None) -> UUID | None:
    return by.user.pk if by is not None and by.user is not None else None
