"""The event stream: what happened after the last event that a client has seen, for whoever may know it."""

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone
from django_tenants.utils import tenant_context
from rest_framework.test import APIClient

from cameras.models import Camera
from tenants.access.rights import whole_tenant
from tenants.models import Tenant
from tenants.rules import Role
from tests.api.answers import V1, problem
from tests.conftest import make_camera
from visits.live_events import record_camera_event
from visits.models import LiveEvent, Sighting
from visits.queries import MISSED_LIMIT, events_after
from workers.tasks import reconcile_tenant

MakeVisit = Callable[..., Sighting]


def first_events(answer: Any) -> list[dict[str, Any]]:
    """What a stream says before it waits."""

    async def read() -> bytes:
        said = b""
        with suppress(TimeoutError):
            async with asyncio.timeout(1.5):
                async for part in answer.streaming_content:
                    said += part
        return said

    events = []
    for block in asyncio.run(read()).decode().split("\n\n"):
        lines = dict(line.split(": ", 1) for line in block.split("\n") if ": " in line and line[0] != ":")
        if "data" in lines:
            events.append(lines | {"data": json.loads(lines["data"])})
    return events


def test_it_goes_on_after_the_last_event_that_was_seen(
    acme: Tenant, camera: Camera, make_visit: MakeVisit
) -> None:
    make_visit(camera)
    seen = LiveEvent.objects.latest("pk").pk
    record_camera_event(camera_id=camera.pk)
    later = make_visit(camera)
    events, cursor = events_after(whole_tenant(), seen)
    assert [event["event"] for event in events] == ["camera_changed", "visit_opened"]
    assert events[0]["data"]["status"] == "stopped"
    assert events[1]["data"]["visit"] == str(later.visit_id)
    assert str(cursor) == events[1]["id"]
    assert events_after(whole_tenant(), cursor) == ([], cursor)


def test_what_people_do_to_a_camera_is_told(
    acme: Tenant, api: APIClient, camera: Camera, django_capture_on_commit_callbacks: Any
) -> None:
    record_camera_event(camera_id=make_camera("Back door").pk)
    started = LiveEvent.objects.latest("pk").pk
    with django_capture_on_commit_callbacks(execute=True):
        api.post(f"{V1}/cameras/{camera.pk}/stop/")
    assert [event["event"] for event in events_after(whole_tenant(), started)[0]] == ["camera_changed"]
    with django_capture_on_commit_callbacks(execute=True):
        api.delete(f"{V1}/cameras/{camera.pk}/", headers={"X-Reason": "no longer needed"})
    told, _ = events_after(whole_tenant(), started)
    assert [(event["event"], event["data"]) for event in told] == [
        ("camera_gone", {"site": str(camera.site_id)})
    ]
    assert events_after(replace(whole_tenant(), sites=frozenset({uuid4()})), started)[0] == []


def test_a_run_that_fell_silent_is_told(acme: Tenant) -> None:
    long_ago = timezone.now() - timedelta(minutes=1)
    record_camera_event(camera_id=make_camera("Back door").pk)
    started = LiveEvent.objects.latest("pk").pk
    camera = make_camera(enabled=True, status=Camera.Status.RUNNING, reported_at=long_ago)
    reconcile_tenant()
    (event,), _ = events_after(whole_tenant(), started)
    assert (event["data"]["camera"], event["data"]["status"]) == (str(camera.pk), "stopped")


def test_other_sites_events_are_left_out(acme: Tenant, camera: Camera, make_visit: MakeVisit) -> None:
    make_visit(camera)
    after = LiveEvent.objects.latest("pk").pk
    make_visit(camera)
    record_camera_event(camera_id=camera.pk)
    elsewhere = replace(whole_tenant(), sites=frozenset({uuid4()}))
    events, cursor = events_after(elsewhere, after)
    assert events == []
    assert cursor > after, "what was left out is not asked for again"
    here = replace(whole_tenant(), sites=frozenset({camera.site_id}))
    events, _ = events_after(here, after)
    assert len(events) == 2
    assert not any(event["id"].isdecimal() for event in events), "ids count what happens elsewhere"


def test_a_client_that_was_away_too_long_is_told_to_load_anew(acme: Tenant, camera: Camera) -> None:
    LiveEvent.objects.bulk_create(
        LiveEvent(kind=LiveEvent.Kind.CAMERA_CHANGED, site=camera.site, camera=camera)
        for _ in range(MISSED_LIMIT + 2)
    )
    newest = LiveEvent.objects.latest("pk").pk
    first = LiveEvent.objects.earliest("pk").pk
    for after in (first - 1, first - 5, newest + 7):
        events, cursor = events_after(whole_tenant(), after)
        start = min(after, newest)
        data = {"after": str(start), "events": f"{V1}/events/?after={start}"}
        assert (events, cursor) == ([{"id": str(newest), "event": "reset", "data": data}], newest)


def test_it_is_an_event_stream(acme: Tenant, other: Tenant, api: APIClient) -> None:
    with tenant_context(other):
        record_camera_event(camera_id=make_camera("Theirs").pk)
    answer = api.get(f"{V1}/events/stream/", headers={"Accept": "text/event-stream", "Last-Event-ID": "0"})
    assert (answer.status_code, answer["Content-Type"]) == (200, "text/event-stream")
    assert not [event for event in first_events(answer) if event["event"] != "reset"]


@pytest.mark.parametrize("last", ["x", "-1", "1.5", "9" * 30])
def test_an_id_that_is_none_is_refused(api: APIClient, last: str) -> None:
    problem(api.get(f"{V1}/events/stream/", headers={"Last-Event-ID": last}), 400, field="after")


def test_strangers_hear_nothing(acme: Tenant, nobody: APIClient) -> None:
    problem(nobody.get(f"{V1}/events/stream/"), 401)


def test_viewers_hear(acme: Tenant, api_of: Callable[..., APIClient]) -> None:
    assert api_of(acme, Role.VIEWER).get(f"{V1}/events/stream/").status_code == 200
