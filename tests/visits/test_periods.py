"""A day is the day that the row shows: by the clock of its own site, also when clocks change."""

import itertools
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from django.utils import timezone

from cameras.models import Camera, Site
from staff.models import StaffMember
from tenants.models import Tenant
from tests.conftest import make_camera
from visits.models import PassageCount, Sighting, Visit
from visits.periods import TODAY, Period, counted_today, sightings_of, visits_of
from visits.templatetags.facts import moment


@pytest.fixture
def browser(acme: Tenant, client_of: Callable[..., Client]) -> Client:
    return client_of(acme)


def gate(zone: str) -> Camera:
    return make_camera(zone, site=Site.objects.create(name=zone, time_zone=zone))


def stay(camera: Camera, begin: datetime, end: datetime | None = None) -> Visit:
    """A visit, and an unsure sighting of the same time."""
    end = end or begin + timedelta(seconds=5)
    person, _ = StaffMember.objects.get_or_create(name="Ada")
    track = Sighting.objects.count()
    common = {"camera": camera, "started_at": begin, "last_seen_at": end, "score": 0.5}
    Sighting.objects.create(**common, epoch=1, track=track, decision="unsure", faces=1)
    return Visit.objects.create(**common, site=camera.site, staff_member=person, ended_at=end)


def found(browser: Client, **query: Any) -> list[list[datetime]]:
    """When those rows began that pages and API show, which are the same: of visits, and of sightings."""
    both = []
    for kind in ("visits", "sightings"):
        on_page = {row.started_at for row in browser.get(f"/{kind}/", query).context["page"]}
        api = browser.get(f"/api/v1/{kind}/", {k: "true" if v == "on" else v for k, v in query.items()})
        assert api.status_code == 200, api.content
        assert {datetime.fromisoformat(row["started_at"]) for row in api.json()["results"]} == on_page
        both.append(sorted(on_page))
    return both


@pytest.mark.parametrize(
    ("zone", "day"),
    [
        ("Europe/Berlin", date(2026, 10, 25)),
        ("Asia/Tokyo", date(2026, 10, 25)),
        ("America/Los_Angeles", date(2026, 3, 8)),
        ("America/Santiago", date(2026, 9, 6)),
        ("Asia/Beirut", date(2026, 3, 29)),
        ("Asia/Kathmandu", date(2026, 1, 1)),
    ],
)
def test_a_day_of_all_sites_is_the_day_that_each_row_shows(browser: Client, zone: str, day: date) -> None:
    expected = set()
    for clock in (zone, "Pacific/Honolulu"):
        camera = gate(clock)
        for at in around(day, ZoneInfo(clock)):
            stay(camera, at, at)
            if at.astimezone(ZoneInfo(clock)).date() == day:
                expected.add(at)
        own = sorted(m for m in around(day, ZoneInfo(clock)) if m.astimezone(ZoneInfo(clock)).date() == day)
        assert found(browser, since=day, until=day, site=camera.site_id) == [own, own]
    assert found(browser, since=day, until=day) == [sorted(expected)] * 2


def around(day: date, clock: ZoneInfo) -> list[datetime]:
    """Moments of three days, among them the last and the first minute of each day that the clock shows."""
    minutes = [datetime.combine(day, time(12), UTC) + timedelta(minutes=n) for n in range(-2000, 2000)]
    changes = [
        pair
        for pair in itertools.pairwise(minutes)
        if pair[0].astimezone(clock).date() != pair[1].astimezone(clock).date()
    ]
    return sorted({*minutes[::240], *itertools.chain.from_iterable(changes)})


def test_a_stay_over_midnight_is_of_both_days_and_a_long_one_of_each(browser: Client) -> None:
    camera = gate("Europe/Berlin")
    zone = ZoneInfo("Europe/Berlin")
    night = stay(camera, datetime(2026, 11, 24, 22, tzinfo=zone), datetime(2026, 11, 25, 6, tzinfo=zone))
    long = stay(camera, datetime(2026, 11, 1, 8, tzinfo=zone), datetime(2026, 11, 20, 8, tzinfo=zone))

    def visits(first: int, last: int) -> list[datetime]:
        days: Any = {"since": date(2026, 11, first), "until": date(2026, 11, last)}
        return sorted(row.started_at for row in browser.get("/visits/", days).context["page"])

    assert visits(24, 24) == visits(25, 25) == [night.started_at]
    assert visits(26, 26) == visits(23, 23) == []
    assert visits(1, 1) == visits(10, 10) == visits(20, 20) == [long.started_at]
    assert found(browser, since="2026-11-25", until="2026-11-25")[1] == [night.started_at]
    assert found(browser, since="2026-11-25") == [[night.started_at]] * 2
    assert found(browser, until="2026-10-31") == [[], []]


def test_today_is_what_a_clock_of_each_site_shows(camera: Camera) -> None:
    now = datetime(
        2026, 11, 24, 11, tzinfo=UTC
    )  # one o'clock of the 25th in Kiritimati, midnight in Pago Pago
    east, west = gate("Pacific/Kiritimati"), gate("Pacific/Pago_Pago")
    both = [datetime(2026, 11, 24, 9, 59, tzinfo=UTC), datetime(2026, 11, 24, 10, tzinfo=UTC)]
    for at in both:
        stay(east, at, at)
        stay(west, at, at)
        stay(camera, at, at)
    for rows, of in ((Visit, visits_of), (Sighting, sightings_of)):
        today = rows.objects.filter(of(TODAY, now)).order_by("started_at")
        assert [row.started_at for row in today.filter(camera=east)] == [both[1]]
        assert [row.started_at for row in today.filter(camera=west)] == []
        assert [row.started_at for row in today.filter(camera=camera)] == both
        rest = rows.objects.filter(of(Period(today=False), now))
        assert not set(rest) & set(today)
        assert len(rest) + len(today) == 6
    for place, day in ((east, date(2026, 11, 25)), (west, date(2026, 11, 24)), (camera, date(2026, 11, 23))):
        PassageCount.objects.create(camera=place, day=day, tracks=1)
    assert {count.camera for count in PassageCount.objects.filter(counted_today(now))} == {east, west}


@pytest.mark.parametrize(
    ("times", "hours"),
    [
        ({"since_time": "09:00", "until_time": "11:00"}, [9, 10]),
        ({"since_time": "22:00"}, [22, 23]),
        ({"until_time": "01:00"}, [0]),
        ({"since_time": "23:00", "until_time": "01:00"}, [23, 24]),
        ({"since_time": "00:00", "until_time": "00:00"}, list(range(24))),
    ],
    ids=str,
)
def test_times_of_a_day_are_those_of_the_site(
    browser: Client, times: dict[str, str], hours: list[int]
) -> None:
    begin = datetime(2026, 11, 24, tzinfo=ZoneInfo("Asia/Tokyo"))
    camera = gate("Asia/Tokyo")
    for hour in range(-2, 27):
        stay(camera, begin + timedelta(hours=hour, minutes=5))
    expected = [begin + timedelta(hours=hour, minutes=5) for hour in hours]
    assert found(browser, since="2026-11-24", until="2026-11-24", **times) == [expected] * 2


def test_times_are_of_each_of_the_days_and_a_stay_needs_a_moment_of_them(browser: Client) -> None:
    begin = datetime(2026, 11, 2, tzinfo=ZoneInfo("Europe/Berlin"))
    camera = gate("Europe/Berlin")
    stay(camera, begin + timedelta(hours=8), begin + timedelta(hours=8, minutes=59))
    early = stay(camera, begin + timedelta(hours=8), begin + timedelta(hours=9))
    late = stay(camera, begin + timedelta(days=6, hours=10, minutes=59))
    stay(camera, begin + timedelta(days=7, hours=10))
    stay(camera, begin + timedelta(days=6, hours=11))
    query = {"since": "2026-11-02", "until": "2026-11-08", "since_time": "09:00", "until_time": "11:00"}
    assert found(browser, **query) == [[early.started_at, late.started_at]] * 2


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"since_time": "09:00"}, "since"),
        ({"until_time": "09:00", "since": "2026-11-24"}, "until"),
        ({"since_time": "09:00", "since": "2026-11-01", "until": "2026-11-08"}, "until"),
        ({"since": "2026-11-02", "until": "2026-11-01"}, "until"),
        ({"since_time": "25:00", "since": "2026-11-01", "until": "2026-11-01"}, "since_time"),
        ({"since": "1969-12-31"}, "since"),
        ({"until": "3000-01-01"}, "until"),
    ],
    ids=str,
)
def test_what_is_no_period_is_told_at_its_field(browser: Client, query: dict[str, str], field: str) -> None:
    for kind in ("visits", "sightings"):
        answer = browser.get(f"/api/v1/{kind}/", query)
        assert answer.status_code == 400
        assert list(answer.json()["errors"]) == [field]
        page = browser.get(f"/{kind}/", query).context
        assert list(page["form"].errors) == [field]
        assert list(page["page"]) == []


def test_a_time_of_a_site_in_another_zone_has_the_day_and_the_zone() -> None:
    at = timezone.now()
    there = at.astimezone(ZoneInfo("Asia/Tokyo"))
    assert f">{there.day} {there:%b} {there:%H:%M} <small>JST</small><" in moment(
        at, Site(time_zone="Asia/Tokyo")
    )
    assert f">{at:%H:%M}<" in moment(at, Site(time_zone="UTC"))
