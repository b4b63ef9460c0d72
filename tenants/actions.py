"""What changes the installation: tenants, their hosts, their members."""

import time
from datetime import datetime
from uuid import UUID

from allauth.mfa.models import Authenticator
from allauth.mfa.utils import decrypt
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator, validate_email
from django.db import transaction
from django.utils import timezone
from django_tenants.utils import get_public_schema_name, schema_context

from tenants.codes import step_of
from tenants.context import installation
from tenants.isolation import secure_tenant
from tenants.models import Domain, Membership, Outbox, Tenant, User
from tenants.owner import as_owner
from tenants.queries import active_tenant
from tenants.rules import Role, schema_for

_host = RegexValidator(
    r"^(?=.{1,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$",
    "'%(value)s' is no host name: give it without scheme and port, such as acme.example.com",
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


def create_tenant(*, name: str, host: str) -> Tenant:
    """A new customer with an empty schema. Raises ValidationError; then nothing is left behind.

    Takes the owner of the database: raises ImproperlyConfigured where the environment names none.
    """
    host = host.lower()
    _host(host)
    try:
        schema = schema_for(name)
    except ValueError as error:
        raise ValidationError(str(error)) from None
    with as_owner(), schema_context(get_public_schema_name()):
        if taken := Domain.objects.filter(domain=host).select_related("tenant").first():
            raise ValidationError(
                f"the host {host} already leads to tenant '{taken.tenant}': choose another one"
            )
        if Tenant.objects.filter(schema_name=schema).exists() or Tenant.objects.filter(name=name).exists():
            raise ValidationError(f"there is a tenant '{name}' already: choose another name")
        with transaction.atomic():
            tenant = Tenant(name=name, schema_name=schema)
            tenant.save(verbosity=0)
            Domain.objects.create(domain=host, tenant=tenant, is_primary=True)
            secure_tenant(tenant)
    return tenant


def add_member(*, tenant: Tenant, email: str, role: Role, password: str | None = None) -> User:
    """Make `email` a member; an existing account keeps its password. Raises ValidationError."""
    validate_email(email)
    with installation(), transaction.atomic():
        user = User.objects.filter(email__iexact=email).first() or User.objects.create_user(email, password)
        Membership.objects.update_or_create(tenant=tenant, user=user, defaults={"role": role.value})
    return user


def require_second_factor(*, tenant: Tenant, required: bool) -> None:
    """From the next request on, members without a second factor can only set one up; or may do without."""
    tenant.second_factor_required = required
    tenant.save(update_fields=["second_factor_required"])


def note_second_factor(*, user: User, since: datetime | None) -> None:
    """Note on the account when a second factor was set up, or that it is gone. Ends all its sessions."""
    user.second_factor_at = since
    user.save(update_fields=["second_factor_at"])


def drop_second_factor(*, user: User) -> None:
    """For somebody who lost both phone and recovery codes; they log in with the password and begin anew."""
    with installation(), transaction.atomic():
        Authenticator.objects.filter(user=user).delete()
        note_second_factor(user=user, since=None)


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
