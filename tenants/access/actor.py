"""Who acts: known for the length of a request, task or command, and told to PostgreSQL before it writes."""

import getpass
import json
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import PurePath
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.http import HttpRequest

from tenants.access.addresses import client_address
from tenants.models import ActorKind

REASON_LENGTH = 300
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")


@dataclass(frozen=True, slots=True)
class Actor:
    """`label` is what a person reads. `reason` says why it was done, where a reason was given."""

    kind: ActorKind
    id: str = ""
    label: str = ""
    address: str = ""
    request: str = ""
    reason: str = ""

    def as_json(self) -> str:
        """What PostgreSQL keeps in `app.actor`; its triggers read it."""
        return json.dumps({name: str(value) for name, value in asdict(self).items() if value})


class RequestActor:
    """The sender of an HTTP request. Looked up only when something is written: most requests only read."""

    def __init__(self, request: HttpRequest) -> None:
        given = request.headers.get("X-Request-ID", "")
        self.id = given if _REQUEST_ID.fullmatch(given) else uuid4().hex
        self.address = client_address(request)
        self._request = request
        self._claim: Actor | None = None
        self._asking = False

    def claim(self, actor: Actor) -> None:
        """They logged in: from now on the request is theirs."""
        self._claim = actor

    def actor(self) -> Actor:
        found = self._claim or self._of_session()
        return replace(found, address=self.address, request=self.id)

    def _of_session(self) -> Actor:
        if self._asking:  # looking the user up writes something itself: an expired session, say
            return Actor(ActorKind.ANONYMOUS)
        self._asking = True
        try:
            user = getattr(self._request, "user", None)
            _, access = getattr(
                self._request, "_facetrack_access", (None, None)
            )  # see tenants.access.rights.admit
            if access is not None and access.user is None and access.key is not None:
                return Actor(ActorKind.KEY, str(access.key), str(access.key))
            return of_user(user) if user is not None and user.is_authenticated else _ANONYMOUS
        finally:
            self._asking = False


_ANONYMOUS = Actor(ActorKind.ANONYMOUS)
_acting: ContextVar[Actor | RequestActor | None] = ContextVar("acting", default=None)
_reason: ContextVar[str] = ContextVar("reason", default="")


def current() -> Actor:
    """Who acts now: the request's user, token or key, the task's worker, or the command's user."""
    found = _acting.get()
    actor = found.actor() if isinstance(found, RequestActor) else found or of_process()
    reason = _reason.get()
    return replace(actor, reason=reason) if reason else actor


@contextmanager
def acting(who: Actor | RequestActor) -> Iterator[None]:
    """Whatever is written inside was done by `who`."""
    token = _acting.set(who)
    try:
        yield
    finally:
        _acting.reset(token)


@contextmanager
def because(reason: str) -> Iterator[None]:
    """Whatever is written inside was done for `reason`, as the log says. Raises ValueError without one."""
    reason = reason.strip()
    if not reason or len(reason) > REASON_LENGTH:
        raise ValueError(f"give a reason of 1 to {REASON_LENGTH} characters")
    token = _reason.set(reason)
    try:
        yield
    finally:
        _reason.reset(token)


def claim(actor: Actor) -> Actor:
    """The request that is being answered is `actor`'s, who has just logged in. Returns them as they act."""
    if not isinstance(visit := _acting.get(), RequestActor):
        return actor
    visit.claim(actor)
    return visit.actor()


def stranger() -> Actor:
    """The actor of a failed login: not logged in, even in a request that carries a user's session."""
    return replace(current(), kind=ActorKind.ANONYMOUS, id="", label="")


def of_user(user: Any) -> Actor:
    return Actor(ActorKind.USER, str(user.pk), str(user.email))


def of_worker(task: str) -> Actor:
    """The worker that this process is, running the Celery task of that name."""
    return Actor(ActorKind.WORKER, settings.FACETRACK_WORKER, f"{settings.FACETRACK_WORKER}: {task}")


@cache
def of_process() -> Actor:
    """The account that started this process, and the command; never its arguments, which may be private."""
    try:
        account = getpass.getuser()
    except (KeyError, OSError):  # a container without a line in passwd
        account = str(os.getuid())
    program = PurePath(sys.argv[0]).name
    command = sys.argv[1] if program == "manage.py" and len(sys.argv) > 1 else program
    return Actor(ActorKind.COMMAND, account, f"{account}: {command}")
