"""Lists: pages that stay right, filters that refuse nonsense, and a fixed number of queries."""

import json
from base64 import urlsafe_b64encode
from collections.abc import Callable
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import pytest
from django.core.signing import Signer
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from cameras.models import Camera
from staff.models import FaceImage, StaffMember
from tenants.models import Tenant
from tests.api.answers import V1, bearer, problem, results
from tests.conftest import make_camera
from visits.models import Sighting, SightingDecision

MakeVisit = Callable[..., Sighting]


def pages(api: APIClient, address: str) -> list[list[str]]:
    """The ids of every page, following `next`."""
    found: list[list[str]] = []
    while address:
        answer = api.get(address)
        found.append([row["id"] for row in results(answer)])
        address = answer.json()["next"]
        assert len(found) < 50
    return found


def cursor(text: str, signer: Signer | None = None) -> str:
    return urlsafe_b64encode((signer.sign(text) if signer else text).encode()).decode()


def signer_of(tenant: Tenant, path: str) -> Signer:
    """What signs the cursors of a list without filters."""
    return Signer(sep="|", salt=json.dumps([str(tenant.pk), path, []]))


def test_pages_follow_each_other_forwards_and_back(
    api: APIClient, camera: Camera, make_visit: MakeVisit
) -> None:
    now = timezone.now()
    seen = [make_visit(camera, SightingDecision.UNSURE, at=now - timedelta(minutes=n)) for n in range(7)]
    expected = [str(sighting.pk) for sighting in seen]
    forward = pages(api, f"{V1}/sightings/?page_size=3")
    assert forward == [expected[:3], expected[3:6], expected[6:]]
    last = api.get(api.get(api.get(f"{V1}/sightings/?page_size=3").json()["next"]).json()["next"]).json()
    middle = api.get(last["previous"]).json()
    first = api.get(middle["previous"]).json()
    assert [row["id"] for row in middle["results"]] == expected[3:6]
    assert [row["id"] for row in first["results"]] == expected[:3]
    assert first["previous"] is None
    assert [row["id"] for row in results(api.get(first["next"]))] == expected[3:6]


def test_rows_of_one_moment_come_once_each(api: APIClient, camera: Camera, make_visit: MakeVisit) -> None:
    now = timezone.now()
    seen = {str(make_visit(camera, SightingDecision.UNSURE, at=now).pk) for _ in range(9)}
    found = [pk for page in pages(api, f"{V1}/sightings/?page_size=2") for pk in page]
    assert len(found) == 9
    assert set(found) == seen


def test_what_arrives_meanwhile_does_not_shift_pages(
    api: APIClient, camera: Camera, make_visit: MakeVisit
) -> None:
    now = timezone.now()
    old = [make_visit(camera, SightingDecision.UNSURE, at=now - timedelta(minutes=n)) for n in range(4)]
    first = api.get(f"{V1}/sightings/?page_size=2").json()
    make_visit(camera, SightingDecision.UNSURE, at=now + timedelta(minutes=1))
    assert [row["id"] for row in results(api.get(first["next"]))] == [str(row.pk) for row in old[2:]]


def test_pages_keep_their_filters(api: APIClient, camera: Camera, make_visit: MakeVisit) -> None:
    for n in range(4):
        make_visit(camera, SightingDecision.UNSURE, at=timezone.now() - timedelta(minutes=n))
        make_visit(camera, at=timezone.now() - timedelta(minutes=n))
    found = pages(api, f"{V1}/sightings/?decision=unsure&page_size=2")
    assert [len(page) for page in found] == [2, 2]


def test_visitors_are_paged_by_number(api: APIClient, camera: Camera, make_visit: MakeVisit) -> None:
    for face in range(3):
        make_visit(camera, face=face)
    assert [len(page) for page in pages(api, f"{V1}/visitors/?page_size=1")] == [1, 1, 1]


NO_CURSORS = (
    "x",
    "é",
    "%00",
    "a" * 3000,
    cursor(""),
    cursor("n|2026-03-01T12:00:00+00:00"),
    cursor(f"x|2026-03-01T12:00:00+00:00|{uuid4()}"),
    cursor("n|2026-03-01T12:00:00+00:00|12"),
    cursor(f"n|yesterday|{uuid4()}"),
    cursor(f"n|2026-03-01|{uuid4()}"),
    cursor(f"n|2026-03-01T12:00:00|{uuid4()}"),
    cursor(f"n|2026-02-30T12:00:00+00:00|{uuid4()}"),
    "bz0tMQ==",
    "cD0x",
)


def test_what_is_no_cursor_is_refused(api: APIClient) -> None:
    for text in NO_CURSORS:
        problem(api.get(f"{V1}/visits/?cursor={text}"), 400, field="cursor")


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_a_cursor_or_filter_at_the_end_of_time_is_harmless(acme: Tenant, api: APIClient, moment: str) -> None:
    text = cursor(f"n|{moment}|{uuid4()}", signer_of(acme, f"{V1}/visits/"))
    assert results(api.get(f"{V1}/visits/", {"cursor": text})) == []
    assert results(api.get(f"{V1}/visits/", {"from": moment, "to": moment})) == []


@pytest.mark.parametrize("number", ["x", "1.5", "", "1" * 5000])
def test_a_cursor_without_a_number_is_refused(acme: Tenant, api: APIClient, number: str) -> None:
    text = cursor(f"n|{number}|{uuid4()}", signer_of(acme, f"{V1}/visitors/"))
    problem(api.get(f"{V1}/visitors/", {"cursor": text}), 400, field="cursor")


def test_a_cursor_of_another_list_or_filter_is_refused(
    api: APIClient, camera: Camera, make_visit: MakeVisit
) -> None:
    for n in range(3):
        make_visit(camera, at=timezone.now() - timedelta(minutes=n))
    found = api.get(f"{V1}/visits/?page_size=1").json()["next"]
    assert len(results(api.get(found))) == 1
    text = parse_qs(urlsplit(found).query)["cursor"][0]
    assert len(results(api.get(f"{V1}/visits/", {"cursor": text, "page_size": "2"}))) == 2
    for path, filters in (("sightings", {}), ("visits", {"who": "visitor"}), ("visits", {"search": "x"})):
        asked = {"cursor": text, **filters}
        problem(api.get(f"{V1}/{path}/", asked), 400, field="cursor")


@pytest.mark.parametrize("path", ["visits/", "events/", "events/stream/", "usage/"])
def test_a_parameter_that_is_repeated_is_refused(api: APIClient, path: str) -> None:
    name = {"visits/": "camera"}.get(path, "after")
    values = f"{name}=0&{name}=1" if name == "after" else f"{name}={uuid4()}&{name}={uuid4()}"
    (fault,) = problem(api.get(f"{V1}/{path}?{values}"), 400, field=name)["faults"]
    assert (fault["parameter"], fault["code"]) == (name, "repeated")


def test_all_that_is_wrong_with_a_list_is_told_at_once(api: APIClient) -> None:
    asked = {"site": "x", "present": "now", "naem": "y", "cursor": "z", "page_size": "0"}
    faults = problem(api.get(f"{V1}/visits/", asked), 400)["faults"]
    assert {fault["parameter"] for fault in faults} == set(asked)
    assert {fault["code"] for fault in faults if fault["parameter"] == "naem"} == {"unknown"}


def test_a_number_beyond_the_database_is_harmless(acme: Tenant, api: APIClient) -> None:
    text = cursor(f"n|{10**30}|{uuid4()}", signer_of(acme, f"{V1}/visitors/"))
    assert results(api.get(f"{V1}/visitors/", {"cursor": text})) == []


def test_a_page_has_a_size(api: APIClient) -> None:
    for size in ("0", "-1", "201", "ten", "1e2", "", "9" * 40, "٣"):
        problem(api.get(f"{V1}/sites/", {"page_size": size}), 400, field="page_size")


NONSENSE = (
    ("cameras", "site=door", "site"),
    ("cameras", "enabled=maybe", "enabled"),
    ("cameras", "status=flying", "status"),
    ("cameras", "serach=x", "serach"),
    ("cameras", "search=%00", "search"),
    ("cameras", f"search={'x' * 101}", "search"),
    ("staff", "active=1", "active"),
    ("visits", "site=1", "site"),
    ("visits", "person=ada", "person"),
    ("visits", "present=now", "present"),
    ("visits", "from=yesterday", "from"),
    ("visits", "from=2026-02-30T00:00:00Z", "from"),
    ("visits", "to=2026-13-01", "to"),
    ("visits", "to=2026-03-01T12:00:00+02:00", "to"),
    ("visits", "decision=staff", "decision"),
    ("visits", "offset=100", "offset"),
    ("sightings", "decision=friend", "decision"),
    ("sightings", "camera=%00", "camera"),
    ("visitors", "number=x", "number"),
)


def test_a_filter_that_makes_no_sense_is_refused(api: APIClient) -> None:
    for kind, query, field in NONSENSE:
        problem(api.get(f"{V1}/{kind}/?{query}"), 400, field=field)


@pytest.fixture
def fill(employee: StaffMember, make_visit: MakeVisit) -> Callable[[int], None]:
    """Makes `n` more rows of every kind, each with its own relatives."""

    def more(n: int) -> None:
        for _ in range(n):
            camera = make_camera(f"Camera {uuid4()}")
            make_visit(camera)
            make_visit(camera, SightingDecision.UNSURE)
            person = StaffMember.objects.create(name="Somebody")
            make_visit(camera, SightingDecision.STAFF, person=person)
            FaceImage.objects.create(staff_member=employee, picture="none/of/it.jpg", digest=uuid4().hex)

    return more


KINDS = ("sites", "cameras", "staff", "visitors", "visits", "sightings")
QUERIES = 7
"""Two for the search path, tenant by host, session, user, membership, and one for the rows."""


def test_a_longer_list_takes_no_more_queries(
    api: APIClient, acme: Tenant, employee: StaffMember, fill: Callable[[int], None]
) -> None:
    FaceImage.objects.all().delete()
    for rows in (1, 6):
        fill(rows)
        FaceImage.objects.update(picture=f"{acme.pk}/enrolment/x.jpg")
        for path in KINDS:
            with CaptureQueriesContext(
                connection,
            ) as asked:
                assert results(api.get(f"{V1}/{path}/"))
            assert len(asked) <= QUERIES, [query["sql"][:150] for query in asked]
        with CaptureQueriesContext(connection) as asked:
            assert results(api.get(f"{V1}/staff/{employee.pk}/faces/"))
        assert len(asked) <= QUERIES + 1, [query["sql"][:150] for query in asked]


def test_no_template_is_read_for_a_list(
    api: APIClient, acme: Tenant, employee: StaffMember, fill: Callable[[int], None]
) -> None:
    fill(1)
    FaceImage.objects.update(picture=f"{acme.pk}/enrolment/x.jpg")
    for path in ("visitors", "visits", "sightings", f"staff/{employee.pk}/faces"):
        with CaptureQueriesContext(connection) as asked:
            assert results(api.get(f"{V1}/{path}/"))
        assert not [
            query["sql"] for query in asked if '"template"' in query["sql"] or '"embedding"' in query["sql"]
        ]


def test_a_token_costs_no_more_queries_than_a_session(
    acme: Tenant, tokens_of: Callable[..., dict[str, str]], fill: Callable[[int], None]
) -> None:
    fill(2)
    client = bearer("acme.localhost", tokens_of(acme)["access"])
    with CaptureQueriesContext(connection) as asked:
        assert results(client.get(f"{V1}/visits/"))
    assert len(asked) <= QUERIES - 1, [query["sql"][:150] for query in asked]
