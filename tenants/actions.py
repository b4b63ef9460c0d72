"""Actions that change the installation: tenants, their hosts, their members."""

import time
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any, cast
from uuid import UUID

from allauth.mfa.models import Authenticator
from allauth.mfa.utils import decrypt
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator, validate_email
from django.db import connection, transaction
from django.db.models import F, Func, Model, Q, Value
from django.db.transaction import TransactionManagementError
from django.utils import timezone
from django_tenants.utils import get_public_schema_name, schema_context, schema_exists
from psycopg import sql

from facetrack.core.rows import get_or_404
from tenants.access.rights import Access
from tenants.access.sites import site_names
from tenants.events import networks_allowed, visitors_shared
from tenants.isolation.context import inside, installation
from tenants.isolation.owner import as_owner
from tenants.isolation.policies import secure_tenant
from tenants.isolation.quotas import Resource, require_room
from tenants.isolation.schema_template import copy_template
from tenants.models import Domain, Invitation, Membership, Outbox, SupportAccess, Tenant, TenantSwitch, User
from tenants.models.support_access import SUPPORT_LIMIT
from tenants.queries import active_tenant, open_to
from tenants.rules import MEMBER_ROLES, Role, plain_email, schema_names
from tenants.rules.conflicts import CONFLICT
from tenants.rules.totp import step_of

TENANT_SWITCH_LIFE = timedelta(seconds=30)
NO_CUSTOMER = "There is no such customer, or you have no access to it."

_host = RegexValidator(
    r"^(?=.{1,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$",
    "“%(value)s” is not a host name. Write it without scheme and port, such as acme.example.com",
)


def ensure_public(*, host: str) -> Tenant:
    """The tenant that stands for the installation itself; made once, then found."""
    with installation():
        public: Tenant
        public, _ = Tenant.objects.get_or_create(
            schema_name=get_public_schema_name(), defaults={"name": "Installation"}
        )
        Domain.objects.get_or_create(domain=host, defaults={"tenant": public, "is_primary": True})
    return public


def create_tenant(*, name: str, host: str, networks: Sequence[str] = ()) -> Tenant:
    """A new customer with an empty schema, whose cameras may be in the private `networks`.

    The schema is called after the name (`tenants.rules.schema_names`), with a number where that is taken.

    Raises ValidationError; then nothing is left behind.

    Needs the owner of the database: raises ImproperlyConfigured where the environment names none.
    """
    host = host.lower()
    _host(host)
    name = Tenant._meta.get_field("name").clean(name, None)
    with as_owner(), schema_context(get_public_schema_name()), transaction.atomic():
        _require_free(name, host)
        schema = _free_schema(name)
        tenant = Tenant(name=name, schema_name=schema, allowed_networks=list(networks))
        _check_networks(tenant)
        copy_template(schema)  # or else saving the tenant makes its schema, with every migration
        tenant.save(verbosity=0)
        Domain.objects.create(domain=host, tenant=tenant, is_primary=True)
        secure_tenant(tenant)
    return tenant


def add_member(
    *, tenant: Tenant, email: str, role: Role, password: str | None = None, sites: Collection[UUID] = ()
) -> User:
    """Make `email` a member without asking them; an existing account keeps its password.

    For commands that prepare an installation: pages and API invite (`tenants.accounts.actions_invitations`).
    Raises ValidationError, QuotaExceeded.
    """
    email = _account_email(email)
    with installation(), transaction.atomic():
        user = User.objects.filter(email__iexact=email).first() or User.objects.create_user(email, password)
        if user.is_staff:
            raise ValidationError(f"{email} is an operator and cannot be a member. Use another e-mail")
        values = {"role": role.value, "sites": sorted(set(sites))}
        if not Membership.objects.filter(tenant=tenant, user=user).exists():
            require_room(tenant, Resource.MEMBERS)
        Membership.objects.update_or_create(tenant=tenant, user=user, defaults=values)
    return user


def _account_email(email: str) -> str:
    """Raises ValidationError."""
    try:
        email = plain_email(email)
    except ValueError as error:
        raise ValidationError(str(error)) from None
    validate_email(email)
    return email


def allow_networks(*, tenant: Tenant, networks: Sequence[str]) -> None:
    """From now on workers open cameras of the tenant in these private networks and no others.

    For operators only: PostgreSQL refuses it to the tenant. Raises ValidationError.
    """
    tenant.allowed_networks = list(networks)
    _check_networks(tenant)
    with installation():
        tenant.save(update_fields=["allowed_networks"])
    transaction.on_commit(partial(_tell_of_networks, tenant))


def _require_free(name: str, host: str) -> None:
    """Raises ValidationError where one of them is taken, and lets no other tenant be made meanwhile."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('create_tenant'))")
    if taken := Domain.objects.filter(domain=host).select_related("tenant").first():
        raise ValidationError(
            f"the host {host} already belongs to tenant '{taken.tenant}'. Choose another one"
        )
    if Tenant.objects.filter(name=name).exists():
        raise ValidationError(f"there is already a tenant '{name}'. Choose another name")


def _free_schema(name: str) -> str:
    """Raises ValidationError."""
    taken = set(Tenant.objects.values_list("schema_name", flat=True))
    schema = next(schema for schema in schema_names(name) if schema not in taken)
    if schema_exists(schema):
        raise ValidationError(
            f"there is already a schema {schema} in the database, which is no tenant's. "
            "Choose another name, or let the owner of the database remove it"
        )
    return schema


def _check_networks(tenant: Tenant) -> None:
    """Raises ValidationError."""
    tenant.clean()
    Tenant._meta.get_field("allowed_networks").clean(tenant.allowed_networks, tenant)


def _tell_of_networks(tenant: Tenant) -> None:
    with inside(tenant):
        networks_allowed.send(Tenant)


def require_second_factor(*, tenant: Tenant, required: bool) -> None:
    """From the next request on, members without a second factor can only set one up; or may do without."""
    tenant.second_factor_required = required
    tenant.save(update_fields=["second_factor_required"])


def share_visitors(*, tenant: Tenant, shared: bool) -> None:
    """Whether a visitor of one site is known at all of them, from the next face on. Known visitors stay."""
    if Tenant.objects.filter(pk=tenant.pk).exclude(visitors_shared=shared).update(visitors_shared=shared):
        tenant.visitors_shared = shared
        if shared:
            visitors_shared.send(Tenant)


def note_second_factor(*, user: User, since: datetime | None) -> None:
    """Record when an account's second factor was set up, or its removal. Ends all its sessions."""
    user.second_factor_at = since
    user.save(update_fields=["second_factor_at"])


def drop_second_factor(*, user: User) -> None:
    """For a user who lost phone and recovery codes. They log in with the password and set it up again."""
    with installation(), transaction.atomic():
        Authenticator.objects.filter(user=user).delete()
        note_second_factor(user=user, since=None)


def open_account(*, user: User) -> None:
    """Save a new operator account without a password: its owner chooses one with a mailed link."""
    user.set_unusable_password()
    user.is_staff = True
    user.save()


def use_code(*, user: User, code: str) -> Authenticator | None:
    """Use up a code of the app, or a recovery code: the one that it is of, None for a wrong or used one."""
    with transaction.atomic():
        own = {found.type: found for found in Authenticator.objects.select_for_update().filter(user=user)}
        app = own.get(Authenticator.Type.TOTP)
        if app is not None and _use_app_code(app, code):
            return app
        codes = own.get(Authenticator.Type.RECOVERY_CODES)
        return codes if codes is not None and codes.wrap().validate_code(code) else None


def _use_app_code(app: Authenticator, code: str) -> bool:
    """Codes of the same period or of one before are used up with it."""
    step = step_of(decrypt(app.data["secret"]), code, now=time.time())
    if step is None or step <= app.data.get("step", 0):
        return False
    app.data["step"], app.last_used_at = step, timezone.now()
    app.save(update_fields=["data", "last_used_at"])
    return True


def announce(*, topic: Outbox.Topic, subject: UUID, detail: str = "") -> None:
    """Put a change of the current tenant into the outbox; part of the caller's transaction."""
    Outbox.objects.create(tenant=active_tenant(), topic=topic, subject=subject, detail=detail)


def hold_member(member_id: UUID) -> None:
    """Keep all others from changing this membership, and the administrators', until the transaction ends.

    All together and in one order: two administrators who change each other would wait for one another.
    """
    administrators = Q(role=Role.TENANT_ADMIN)
    held = Membership.objects.filter(administrators | Q(pk=member_id), tenant=active_tenant())
    list(held.order_by("pk").select_for_update().values_list("pk"))


def change_member(
    *, access: Access, member: Membership, role: Role, sites: Collection[UUID] = ()
) -> Membership:
    """Give a member another role or other sites. Raises ValidationError."""
    chosen = chosen_sites(role, sites)
    with transaction.atomic():
        hold_member(member.pk)
        if role is not Role.TENANT_ADMIN:
            _keep_an_administrator(access, member)
        member.role, member.sites = role.value, chosen
        member.save(update_fields=["role", "sites"])
    return member


def remove_member(*, access: Access, member: Membership) -> None:
    """End a membership. The account stays, without access to this tenant. Raises ValidationError."""
    with transaction.atomic():
        hold_member(member.pk)
        _keep_an_administrator(access, member)
        member.delete()


def delete_row_first(row: Model) -> None:
    """Delete the row itself, before all that belongs to it: the caller deletes that in the same transaction.

    So the activity log has one line, that of the row: what belongs to a row that the transaction has deleted
    has no line of its own (see `TrackedModel.part_of`). PostgreSQL checks foreign keys at the commit.
    """
    if not connection.in_atomic_block:
        raise TransactionManagementError(
            "a row is deleted first only in the transaction that deletes the rest"
        )
    table, key = sql.Identifier(row._meta.db_table), sql.Identifier(str(row._meta.pk.column))
    with connection.cursor() as cursor:
        cast(Any, cursor).execute(sql.SQL("DELETE FROM {} WHERE {} = %s").format(table, key), [row.pk])


def forget_site(*, site: UUID) -> int:
    """Remove a site of the active tenant from all its managers. Returns how many there were."""
    invited = Invitation.objects.filter(tenant=active_tenant(), sites__contains=[site])
    invited.update(sites=Func(F("sites"), Value(site), function="array_remove"))
    managing = Membership.objects.filter(tenant=active_tenant(), sites__contains=[site])
    return managing.update(sites=Func(F("sites"), Value(site), function="array_remove"))


def grant_support(*, access: Access, email: str, reason: str, hours: int, now: datetime) -> SupportAccess:
    """Let an operator look into the tenant, read-only. Raises ValidationError."""
    lasts, reason = timedelta(hours=hours), reason.strip()
    if not timedelta() < lasts <= SUPPORT_LIMIT:
        raise ValidationError({"hours": f"Choose from 1 to {SUPPORT_LIMIT // timedelta(hours=1)} hours."})
    if not reason:
        raise ValidationError({"reason": "Enter the reason. It stays in the record."})
    with installation():
        user = User.objects.filter(email__iexact=email.strip(), is_staff=True, is_active=True).first()
    if user is None:
        raise ValidationError({"email": "No operator of FaceTrack has this e-mail. Ask them for it."})
    support = SupportAccess(
        tenant=access.tenant,
        user=user,
        reason=reason,
        granted_by=access.user,
        created_at=now,
        expires_at=now + lasts,
    )
    support.clean_fields(exclude=["tenant", "user", "granted_by"])
    support.save()
    return support


def revoke_support(*, support: SupportAccess, now: datetime) -> None:
    """End support access at once; what has ended before stays as it was."""
    SupportAccess.objects.filter(pk=support.pk, revoked_at=None, expires_at__gt=now).update(revoked_at=now)


def begin_tenant_switch(*, user: User, source: Tenant, target_id: UUID, now: datetime) -> TenantSwitch:
    """A hand-over for `user` from `source` to another tenant. Raises Http404 without access to it."""
    with installation():
        target = get_or_404(open_to(user, now), NO_CUSTOMER, pk=target_id)
        return TenantSwitch.objects.create(
            tenant=target, source=source, user=user, created_at=now, expires_at=now + TENANT_SWITCH_LIFE
        )


def use_tenant_switch(
    *, switch_id: UUID, user_id: UUID, source_id: UUID, target: Tenant, now: datetime
) -> bool:
    """Use a hand-over up. False where it is for other parties, has expired, or was used before."""
    rows = TenantSwitch.objects.filter(
        pk=switch_id, user=user_id, source=source_id, tenant=target, used_at=None, expires_at__gt=now
    )
    return rows.update(used_at=now) == 1  # of two that race, PostgreSQL lets one find the row unused


def forget_tenant_switches(*, before: datetime) -> int:
    done, _ = TenantSwitch.objects.filter(expires_at__lt=before).delete()
    return done


def chosen_sites(role: Role, sites: Collection[UUID]) -> list[UUID]:
    """The sites to keep for a role. Raises ValidationError."""
    if role not in MEMBER_ROLES:
        raise ValidationError({"role": "Members cannot have this role."})
    if role is not Role.SITE_MANAGER:
        return []
    if not sites:
        raise ValidationError({"sites": "A site manager needs at least one site."})
    if not set(sites) <= set(site_names(archived=True)):
        raise ValidationError({"sites": "One of these sites no longer exists. Reload the page."})
    return sorted(set(sites))


def _keep_an_administrator(access: Access, member: Membership) -> None:
    """Raises ValidationError where `member` is the caller, or the last administrator. See `hold_member`."""
    if access.user is not None and member.user_id == access.user.pk:
        raise ValidationError(
            "You cannot remove your own rights. Ask another administrator to do it.", CONFLICT
        )
    rows = Membership.objects.filter(tenant=access.tenant, role=Role.TENANT_ADMIN)
    if {row.pk for row in rows} == {member.pk}:
        raise ValidationError(
            "This is the last administrator. Make another member an administrator first.", CONFLICT
        )
