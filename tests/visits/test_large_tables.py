"""Lists and searches read the rows that they show, however many there are. Rows count, not milliseconds."""

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models import QuerySet
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from cameras.models import Camera, Site
from tenants.filters import counted as counting
from tenants.filters.counted import CountedPaginator, counted
from tenants.isolation.owner import as_owner
from tenants.models import Tenant
from tests.conftest import template_of
from visits.filters import SightingFilters, VisitFilters, VisitorFilters
from visits.models import Sighting, Visit, Visitor

MANY = 3_000


@pytest.fixture
def many(acme: Tenant, camera: Camera) -> Visitor:
    """A named visitor with one visit and sighting, among many of others; the planner has to use indexes."""
    grace, others = (
        Visitor.objects.create(
            number=number,
            name=name,
            template=template_of(number),
            pack="edgeface-xs",
            first_seen_at=timezone.now(),
            last_seen_at=timezone.now(),
        )
        for number, name in ((1, "Grace Hopper"), (2, ""))
    )
    times = [timezone.now() - timedelta(minutes=n) for n in range(MANY)]
    common: dict[str, Any] = {"camera": camera, "score": 0.5}
    Visit.objects.bulk_create(
        Visit(
            **common,
            site=camera.site,
            visitor=others if n < MANY - 1 else grace,
            started_at=at,
            last_seen_at=at,
            ended_at=at,
        )
        for n, at in enumerate(times)
    )
    Sighting.objects.bulk_create(
        Sighting(
            **common,
            visitor=others if n < MANY - 1 else grace,
            epoch=1,
            track=n,
            decision="visitor",
            started_at=at,
            last_seen_at=at,
            faces=1,
        )
        for n, at in enumerate(times)
    )
    count_rows(acme)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    return grace


def count_rows(tenant: Tenant) -> None:
    """What ANALYZE would find: autovacuum sees no row of a test, and calls the tables empty."""
    with as_owner(), connection.cursor() as cursor:
        for model in (Visit, Sighting, Visitor):
            cursor.execute(
                "SELECT pg_restore_relation_stats('schemaname', %s::text, 'relname', %s::text,"
                " 'relpages', 100, 'reltuples', 3000::real)",
                [tenant.schema_name, model._meta.db_table],
            )


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", ()):
        yield from nodes(child)


def rows_read(rows: QuerySet[Any], table: str) -> int:
    """How many rows of a table PostgreSQL looked at for a query."""
    [explained] = json.loads(rows.explain(analyze=True, format="json"))
    return sum(
        int(node["Actual Loops"] * (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)))
        for node in nodes(explained["Plan"])
        if node.get("Relation Name") == table
    )


@pytest.mark.parametrize(
    ("filters", "model"), [(VisitFilters, Visit), (SightingFilters, Sighting)], ids=["visits", "sightings"]
)
@pytest.mark.parametrize("text", ["hopper", "visitor 1"])
def test_a_search_by_name_reads_the_rows_of_those_people(
    many: Visitor, filters: Callable[..., Any], model: Any, text: str
) -> None:
    Visitor.objects.filter(pk=many.pk).update(name="Grace Hopper" if text == "hopper" else "")
    found = filters({"search": text}, model.objects.all()).qs
    assert [row.visitor_id for row in found] == [many.pk]
    assert rows_read(found.all()[:51], model._meta.db_table) <= 2


@pytest.mark.parametrize(
    ("filters", "model"), [(VisitFilters, Visit), (SightingFilters, Sighting)], ids=["visits", "sightings"]
)
@pytest.mark.parametrize("sites", [1, 2])
def test_days_and_times_read_the_rows_of_those_days(
    many: Visitor, filters: Callable[..., Any], model: Any, sites: int
) -> None:
    """Those of the day before are read too: they may go on. Of a week ago there is nothing to read."""
    for n in range(sites - 1):
        Site.objects.create(name=f"Site {n}", time_zone="Asia/Tokyo")
    today, a_day = timezone.now().date(), 1440  # rows: one a minute
    for first, most in ((-7, 0), (-1, a_day * sites), (2, 1560), (7, 0)):
        days = {"since": today - timedelta(days=first), "until": today - timedelta(days=first)}
        for times in ({}, {"since_time": "00:00", "until_time": "23:59"}):
            found = filters(days | times, model.objects.all()).qs
            assert rows_read(found.all()[:51], model._meta.db_table) <= most, (days, times)


def test_a_long_visit_is_looked_up_in_its_index(many: Visitor) -> None:
    begin = timezone.now() - timedelta(days=90)
    Visit.objects.filter(visitor=many).update(started_at=begin, last_seen_at=begin + timedelta(days=30))
    with CaptureQueriesContext(connection) as asked:
        day = (begin + timedelta(days=9)).date()
        found = list(VisitFilters({"since": day, "until": day}, Visit.objects.all()).qs)
    assert [visit.visitor_id for visit in found] == [many.pk]
    [looked_up] = [each["sql"] for each in asked if "MIN(" in each["sql"]]
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {looked_up}")
        assert "visit_long" in str(cursor.fetchall())


def test_a_search_among_visitors_reads_those_with_a_name(many: Visitor) -> None:
    at = timezone.now()
    Visitor.objects.bulk_create(
        Visitor(number=n, template=many.template, pack=many.pack, first_seen_at=at, last_seen_at=at)
        for n in range(10, 310)
    )
    found = VisitorFilters({"search": "hopper"}, Visitor.objects.order_by("number")).qs
    assert list(found) == [many]
    assert rows_read(found.order_by(), "visits_visitor") <= 2


def test_rows_are_counted_up_to_a_limit(many: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting, "MAX_COUNTED", 1_000)
    with CaptureQueriesContext(connection) as asked:
        number = counted(Visit.objects.all())
    assert "LIMIT 1001" in asked[0]["sql"]
    assert str(number) == "more than 1,000"
    assert str(counted(Visit.objects.filter(visitor=many))) == "1"
    pages = CountedPaginator(Visit.objects.all(), 50)
    assert pages.num_pages == 20
    assert len(pages.get_page(20)) == 50


@pytest.mark.parametrize("name", ["visit", "sighting"])
@pytest.mark.parametrize("query", ["", "?q=hopper", "?start=week"])
def test_a_list_of_the_admin_has_no_statement_without_a_limit(
    many: Visitor, acme: Tenant, client_of: Callable[..., Client], name: str, query: str
) -> None:
    client = client_of(acme)
    with CaptureQueriesContext(connection) as asked:
        answer = client.get(f"/admin/visits/{name}/{query}")
    assert answer.status_code == 200
    read = [each["sql"] for each in asked if f'FROM "visits_{name}"' in each["sql"]]
    assert read
    of_people = '"visitor_id" IN ('  # a page that holds all that was found reads it without a limit
    assert [sql for sql in read if "LIMIT" not in sql and of_people not in sql] == []


def test_a_page_says_more_than(
    many: Visitor, acme: Tenant, client_of: Callable[..., Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counting, "MAX_COUNTED", 100)
    assert "more than 100 visits" in " ".join(client_of(acme).get("/visits/").content.decode().split())
