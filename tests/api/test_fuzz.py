"""The API answers whatever is generated from its own description as that says: no fault, no other status.

`make fuzz` generates more; EXAMPLES and SEED in the environment change how many, and which.
"""

import json
import os
import random
import re
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from django.core.handlers.wsgi import WSGIHandler
from django.db import transaction
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis import checks
from schemathesis.specs.openapi import checks as openapi_checks

from cameras.models import Site
from tenants.models import Tenant
from tests.probe.browser import Browser, Order
from tests.probe.cast import Actor
from tests.probe.references import uuid_of
from tests.probe.secrets import Secrets
from tests.probe.survey import SCHEMA
from tests.probe.world import Party, one_connection, party

EXAMPLES = int(os.environ.get("EXAMPLES", "2"))
SEED = int(os.environ.get("SEED", "1"))
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
        Site.objects.update(networks=[])  # a canary is no network, and no form would have let it in
        yield found


def test_answers_are_as_described(full: Party) -> None:
    schema = _schema(full)
    tried, refused = 0, []
    for found in schema.get_all_operations():
        operation = found.ok()
        if "text/event-stream" in json.dumps(operation.definition.raw):
            continue  # it does not end; tests/api/test_stream.py reads it
        for actor in full.cast:
            try:
                tried += _tried(operation, actor, full)
            except (Exception, BaseExceptionGroup) as error:  # noqa: BLE001  all that checks say is told at once
                refused.append(f"{operation.label} as {actor.name}: {_said(error)}")
    assert tried > 100
    assert not refused, "\n\n".join(refused[:20])


def _said(error: BaseException) -> str:
    """Its own words, and those of the answer that a check did not like."""
    return "; ".join([str(error), *getattr(error, "__notes__", [])])[:1000]


def _tried(operation: Any, actor: Actor, full: Party) -> int:
    """Send generated requests; returns how many. Raises what a check raises."""
    done = 0

    @seed(SEED)
    @QUIETLY
    @given(case=operation.as_strategy())
    def ask(case: Any) -> None:
        nonlocal done
        done += 1
        if done % 2:  # a key that nobody has is answered before anything else is looked at
            case.path_parameters = _known(operation, full, done)
        with transaction.atomic():
            _sent(case, actor)
            transaction.set_rollback(True)

    ask()
    return done


def _sent(case: Any, actor: Actor) -> None:
    cookies = actor.cookies | {"csrftoken": CSRF}
    headers = {"X-CSRFToken": CSRF, "Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())}
    if actor.authorization:
        headers["Authorization"] = actor.authorization
    answer = case.call(base_url=f"http://{actor.host}", headers=headers)
    case.validate_response(answer, checks=CHECKS)


def _known(operation: Any, full: Party, number: int) -> dict[str, str]:
    """Keys that there are, for the holes in the operation's address."""
    dice = random.Random(number)
    return {name: str(uuid_of(full, operation.path, dice)) for name in re.findall(r"{(\w+)}", operation.path)}


def _schema(full: Party) -> Any:
    admin = next(actor for actor in full.cast if actor.name == "tenant_admin by session")
    order = Order("GET", admin.host, SCHEMA, {"format": "json"}, cookies=admin.cookies)
    schema = schemathesis.openapi.from_dict(json.loads(Browser().send(order).body))
    schema.app = WSGIHandler()
    return schema
