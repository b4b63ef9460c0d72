"""Signals of Django, axes and our own that the activity log lives on."""

from collections.abc import Callable
from typing import Any

from django.apps import apps
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.db import connection
from django.db.backends.signals import connection_created
from django_tenants.signals import schema_migrated

from tenants.access.actor import Actor, claim, current, of_user, stranger
from tenants.audit.activity import note
from tenants.audit.connection import watch_connection
from tenants.audit.triggers import install
from tenants.events import credential_issued, credential_refused, credential_revoked
from tenants.models import ActorKind, Tenant, User, Verb


def listen() -> None:
    """Called once, when Django is ready."""
    connection_created.connect(watch_connection, dispatch_uid="tenants.stamp")
    schema_migrated.connect(_migrated, dispatch_uid="tenants.migrated")
    user_logged_in.connect(_logged_in, dispatch_uid="tenants.logged_in")
    user_logged_out.connect(_logged_out, dispatch_uid="tenants.logged_out")
    user_login_failed.connect(_login_failed, dispatch_uid="tenants.login_failed")
    for signal, verb in (
        (credential_issued, Verb.CREDENTIAL_ISSUED),
        (credential_revoked, Verb.CREDENTIAL_REVOKED),
        (credential_refused, Verb.CREDENTIAL_REFUSED),
    ):
        signal.connect(_credential(verb), weak=False, dispatch_uid=f"tenants.{verb}")
    if apps.is_installed("axes"):
        from axes.signals import user_locked_out

        user_locked_out.connect(_locked_out, dispatch_uid="tenants.locked_out")


def _migrated(schema_name: str, **_: Any) -> None:
    """The tables of a schema are watched as soon as they are there."""
    install(connection, schema_name)


def _logged_in(user: User, **_: Any) -> None:
    note(Verb.LOGGED_IN, by=claim(of_user(user)))


def _logged_out(user: User | None, **_: Any) -> None:
    if user is not None:
        note(Verb.LOGGED_OUT, by=claim(of_user(user)))


def _login_failed(credentials: dict[str, Any], **_: Any) -> None:
    note(Verb.LOGIN_FAILED, kind="login", label=_name(credentials), by=stranger())


def _locked_out(username: str = "", **_: Any) -> None:
    note(Verb.LOCKED_OUT, kind="login", label=_name({"username": username}), by=stranger())


def _credential(verb: Verb) -> Callable[..., None]:
    def listener(
        kind: str = "", tenant: Tenant | None = None, name: str = "", reason: str = "", **about: Any
    ) -> None:
        subject = about.get("key") or about.get("family") or about.get("user") or ""
        note(verb, kind=kind, id=str(subject), label=name, reason=reason, tenant=tenant, by=_holder(about))

    return listener


def _holder(about: dict[str, Any]) -> Actor | None:
    """A user who logs in for a token has no session that names them."""
    actor = current()
    if actor.kind != ActorKind.ANONYMOUS or not about.get("user"):
        return actor
    user = User.objects.filter(pk=about["user"]).first()
    return claim(of_user(user)) if user else actor


def _name(credentials: dict[str, Any]) -> str:
    """The e-mail that was tried. Anything else may be a password in the wrong field, and is not kept."""
    name = str(credentials.get("username") or credentials.get("email") or "")[:254]
    return name.lower() if "@" in name else ""
