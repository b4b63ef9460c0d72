"""A day is the day that a clock of its zone shows, also when clocks change."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facetrack.core.days import between, not_before

ZONES = [
    *("Pacific/Auckland", "America/St_Johns", "Asia/Kathmandu", "Europe/Berlin", "America/Santiago", "UTC"),
    *("Asia/Beirut", "America/Havana", "Pacific/Apia", "Pacific/Kiritimati", "Africa/Casablanca"),
    *("Australia/Lord_Howe", "Antarctica/Troll", "America/Scoresbysund", "Africa/Cairo", "Asia/Gaza"),
]
CHANGES = {
    "Pacific/Auckland": [date(2026, 4, 5), date(2026, 9, 27)],
    "America/St_Johns": [date(2006, 10, 29), date(2006, 10, 28), date(2026, 3, 8)],
    "America/Santiago": [date(2026, 9, 6), date(2026, 4, 4)],
    "Asia/Beirut": [date(2026, 3, 29), date(2026, 10, 24)],
    "Pacific/Apia": [date(2011, 12, 30), date(2011, 12, 31)],
    "America/Havana": [date(2026, 11, 1)],
}


def is_in(moment: datetime, spans: list[tuple[datetime, datetime | None]]) -> bool:
    return any(begin <= moment and (end is None or moment < end) for begin, end in spans)


@given(
    zone=st.sampled_from(ZONES),
    day=st.dates(date(1990, 1, 1), date(2037, 1, 1)),
    minutes=st.integers(-3000, 3000),
    pick=st.integers(0, 3),
)
def test_a_moment_is_of_the_day_that_the_clock_shows(zone: str, day: date, minutes: int, pick: int) -> None:
    if zone in CHANGES and pick:
        day = CHANGES[zone][pick % len(CHANGES[zone])]
    clock = ZoneInfo(zone)
    moment = datetime.combine(day, time(), UTC) + timedelta(minutes=minutes)
    begin = datetime.combine(day, time())
    shown = moment.astimezone(clock).date()
    assert is_in(moment, not_before(begin, clock)) == (shown >= day)
    assert is_in(moment, between(begin, begin + timedelta(days=1), clock)) == (shown == day)


@given(
    zone=st.sampled_from(sorted(CHANGES)),
    pick=st.integers(0, 2),
    minutes=st.integers(-3000, 3000),
    first=st.integers(0, 1439),
    length=st.integers(1, 1000),
)
def test_a_moment_is_at_the_time_that_the_clock_shows(
    zone: str, pick: int, minutes: int, first: int, length: int
) -> None:
    clock, day = ZoneInfo(zone), CHANGES[zone][pick % len(CHANGES[zone])]
    begin = datetime.combine(day, time()) + timedelta(minutes=first)
    end = begin + timedelta(minutes=length)
    moment = datetime.combine(day, time(), UTC) + timedelta(minutes=minutes)
    shown = moment.astimezone(clock).replace(tzinfo=None)
    assert is_in(moment, between(begin, end, clock)) == (begin <= shown < end)


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Pacific/Auckland", date(2026, 4, 5), 25),
        ("Pacific/Auckland", date(2026, 9, 27), 23),
        ("America/St_Johns", date(2026, 3, 8), 23),
        ("America/St_Johns", date(2026, 11, 1), 25),
        ("America/Santiago", date(2026, 9, 6), 23),
        ("Asia/Kathmandu", date(2026, 9, 6), 24),
        ("Pacific/Apia", date(2011, 12, 30), 0),
    ],
)
def test_days_have_their_hours(zone: str, day: date, hours: int) -> None:
    begin = datetime.combine(day, time())
    spans = between(begin, begin + timedelta(days=1), ZoneInfo(zone))
    assert sum((end - start for start, end in spans if end), timedelta()) == timedelta(hours=hours)
