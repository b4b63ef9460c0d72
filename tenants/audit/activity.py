"""Logs events that change no row: logins, refusals, exports, searches."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Any, Literal, cast
from uuid import UUID

from django.db import connection

from tenants.access import actor as actors
from tenants.access.actor import Actor
from tenants.audit import log_limits
from tenants.isolation.context import installation
from tenants.models import Tenant, Verb
from tenants.queries import is_public

REFUSALS = frozenset(
    {
        Verb.LOGIN_FAILED,
        Verb.LOCKED_OUT,
        Verb.CREDENTIAL_REFUSED,
        Verb.PERMISSION_DENIED,
        Verb.NOT_FOUND,
    }
)
"""Refusals. Strangers can cause them at will, and they are logged even if the request is rolled back."""

_NOTE = "SELECT public.facetrack_note(%s::uuid, %s::jsonb, %s, %s, %s, %s, %s::jsonb)"


@dataclass(frozen=True, slots=True)
class Note:
    tenant: UUID | None
    actor: Actor
    verb: Verb
    kind: str
    id: str
    label: str
    details: Mapping[str, Any]


_waiting: ContextVar[list[Note] | None] = ContextVar("waiting", default=None)


def note(
    verb: Verb,
    *,
    kind: str = "",
    id: str = "",  # noqa: A002  the object's
    label: str = "",
    details: Mapping[str, Any] | None = None,
    reason: str = "",
    tenant: Tenant | Literal["active"] | None = "active",
    by: Actor | None = None,
) -> None:
    """Put a line into the log of `tenant`, by default the active one; None is the installation.

    `details` and `label` must hold no secret and no face. A refusal in a request is written when its
    answer is ready, outside of any transaction; others are part of the caller's.
    """
    who = by or actors.current()
    line = Note(
        _active() if tenant == "active" else _id(tenant),
        replace(who, reason=reason[: actors.REASON_LENGTH]) if reason else who,
        verb,
        kind,
        id,
        label,
        details or {},
    )
    waiting = _waiting.get()
    if verb in REFUSALS and waiting is not None:
        waiting.append(line)
    else:
        _write(line)


@contextmanager
def noting_refusals() -> Iterator[list[Note]]:
    """For the length of a request: refusals wait for its end, when no transaction can take them back."""
    token = _waiting.set([])
    try:
        yield cast(list[Note], _waiting.get())
    finally:
        waiting = _waiting.get() or []
        _waiting.reset(token)
        for line in waiting:
            _write(line)


def _write(line: Note) -> None:
    if line.verb in REFUSALS:
        counted = log_limits.admit(
            str(line.tenant or "installation"), line.actor.address, line.verb, line.kind, line.id, line.label
        )
        if counted is None:
            return
        if counted:
            line = replace(line, details={**line.details, "refused_without_a_line": counted})
    values = [
        line.tenant,
        line.actor.as_json(),
        line.verb,
        line.kind,
        line.id,
        line.label,
        json.dumps(line.details),
    ]
    # A tenant's role writes into that tenant's log only.
    with nullcontext() if line.tenant == _active() else installation(), connection.cursor() as cursor:
        cursor.execute(_NOTE, values)


def _active() -> UUID | None:
    return _id(cast(Any, connection).tenant)


def _id(tenant: object) -> UUID | None:
    return tenant.pk if isinstance(tenant, Tenant) and not is_public(tenant) else None
