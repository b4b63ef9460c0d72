"""The API answers whatever is generated from its own description as that says: no fault, no other status.

`make fuzz` generates more; EXAMPLES and SEED in the environment change how many, and which.
"""

import json
import os
import random
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from django.conf import settings as django_settings
from django.core.handlers.wsgi import WSGIHandler
from django_tenants.utils import tenant_context
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis import checks
from schemathesis.specs.openapi import checks as openapi_checks

from cameras.models import Camera, Site
from facetrack.core.rolled_back import rolled_back
from tenants.isolation.context import installation
from tenants.models import Tenant
from tests.edge import a_record, held_by
from tests.probe.browser import Browser
from tests.probe.cast import Actor, worker_actor
from tests.probe.references import uuid_of
from tests.probe.secrets import Secrets
from tests.probe.survey import schema_of
from tests.probe.world import PUBLIC_HOST, Party, one_connection, party
from workers.fleet.models import CameraLease, Worker

EXAMPLES = int(os.environ.get("EXAMPLES", "2"))
SEED = int(os.environ.get("SEED", "1"))
ENDLESS = ("text/event-stream", "multipart/x-mixed-replace")
"""Answers that go on for as long as somebody listens have tests of their own."""
CSRF = "c" * 32
CHECKS = [
    checks.not_a_server_error,
    openapi_checks.status_code_conformance,
    openapi_checks.content_type_conformance,
    openapi_checks.response_schema_conformance,
]
QUIETLY = settings(
    max_examples=EXAMPLES,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture
def full(acme: Tenant, settings: Any) -> Iterator[Party]:
    """A tenant with rows of everything, and people of every role."""
    settings.FACETRACK_THROTTLE = settings.AXES_ENABLED = False
    with one_connection():
        found = party(acme, Secrets("qzaxv"))
        # A canary is no network and no address: no form would have let it in.
        Site.objects.update(networks=[], archived_at=None)
        Camera.objects.update(kind="usb", location="0", archived_at=None)
        yield found


def test_answers_are_as_described(full: Party) -> None:
    admin = next(actor for actor in full.cast if actor.name == "tenant_admin by session")
    assert _all_tried(admin, full.cast, full, {}) > 100


@pytest.mark.parametrize("held", [False, True])
def test_answers_of_the_public_host_are_as_described(full: Party, held: bool) -> None:
    """To a worker with a camera that it should take, or has, and to a stranger."""
    worker, known = worker_actor(PUBLIC_HOST), {}
    with installation():
        registered = Worker.objects.get()
        CameraLease.objects.update(desired=True, planned=registered, worker=None, expires_at=None)
    if held:
        with tenant_context(full.tenant):
            camera = Camera.objects.earliest("pk")
            Camera.objects.update(zones=[], masks=[])
            held_by("gate", camera)
        names = ("epoch", "pack", "template", "decision", "started_at", "last_seen_at", "picture")
        known = {name: a_record()[name] for name in names}
        known |= {"camera": str(camera.pk), "tenant": str(full.tenant.pk), "site": str(camera.site_id)}
    assert _all_tried(worker, [worker, Actor("anonymous", PUBLIC_HOST)], full, worker.knows | known) >= 30


def _all_tried(reader: Actor, cast: list[Actor], full: Party, true: dict[str, Any]) -> int:
    """Send generated requests to all operations that `reader` is told of, by all of the cast; how many.
    Values in `true` stand where their names do, in every second address and in all bodies."""
    schema: Any = schemathesis.openapi.from_dict(schema_of(Browser(), reader))
    schema.app = Door()
    tried, refused, done_for = 0, [], Counter[str]()
    for found in schema.get_all_operations():
        operation = found.ok()
        if any(kind in json.dumps(operation.definition.raw) for kind in ENDLESS):
            continue
        for actor in cast:
            try:
                tried += _tried(operation, actor, full, done_for, true)
            except (Exception, BaseExceptionGroup) as error:  # noqa: BLE001  all that checks say is told at once
                refused.append(f"{operation.label} as {actor.name}: {_said(error)}")
    assert {actor.name for actor in cast if not done_for[actor.name]} <= {"anonymous"}, done_for
    assert not refused, "\n\n".join(refused[:20])
    return tried


def _said(error: BaseException) -> str:
    """Its own words, and those of the answer that a check did not like."""
    return "; ".join([str(error), *getattr(error, "__notes__", [])])[:1000]


def _tried(operation: Any, actor: Actor, full: Party, done_for: Counter[str], true: dict[str, Any]) -> int:
    """Send generated requests; returns how many, and counts those that succeeded. Raises as a check does."""
    done = 0

    @seed(SEED)
    @QUIETLY
    @given(case=operation.as_strategy())
    def ask(case: Any) -> None:
        nonlocal done
        done += 1
        if done % 2:  # a key that nobody has is answered before anything else is looked at
            case.path_parameters = _known(operation, full, done, true)
        if isinstance(case.body, dict):
            case.body |= {name: value for name, value in true.items() if name in case.body}
        with rolled_back():
            done_for[actor.name] += _sent(case, actor)

    ask()
    return done


def _sent(case: Any, actor: Actor) -> bool:
    """Whether it was admitted and done. Raises what a check raises."""
    cookies = actor.cookies | {django_settings.CSRF_COOKIE_NAME: CSRF}
    case.operation.schema.app.cookies = "; ".join(f"{name}={value}" for name, value in cookies.items())
    headers = {"X-CSRFToken": CSRF}
    if actor.authorization:
        headers["Authorization"] = actor.authorization
    answer = case.call(base_url=f"http://{actor.host}", headers=headers)
    case.validate_response(answer, checks=CHECKS)
    return bool(answer.status_code < 300)


def _known(operation: Any, full: Party, number: int, true: dict[str, Any]) -> dict[str, str]:
    """Keys that there are, for the holes in the operation's address."""
    dice = random.Random(number)
    names = re.findall(r"{(\w+)}", operation.path)
    return {name: str(true.get(name, "")) or str(uuid_of(full, operation.path, dice)) for name in names}


class Door:
    """The application behind a browser: whoever asks next has these cookies."""

    def __init__(self) -> None:
        self._handler, self.cookies = WSGIHandler(), ""

    def __call__(self, environ: dict[str, Any], start: Any) -> Any:
        return self._handler(environ | {"HTTP_COOKIE": self.cookies}, start)
