"""Which rows are of chosen days and times of day, as a clock of each row's own site shows them.

A row is of every moment from `started_at` to `last_seen_at`: a stay over midnight is of both days. All days
and times make one range of `started_at`, so that PostgreSQL reads an index and not the whole table.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from django.db.models import F, Min, Q

from cameras.queries import zone_of, zones_of_sites
from facetrack.core.days import Span, between
from visits.models import LONG, Visit, is_long

MAX_DAYS_WITH_TIMES = 7
_DAY = timedelta(days=1)
_BEGINNING = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Period:
    """Days, both included, and of each of them the times from `since_time` to before `until_time`.

    A time that is not after the first is one of the next morning. `today` is what a clock shows as today.
    """

    since: date | None = None
    until: date | None = None
    today: bool | None = None
    since_time: time | None = None
    until_time: time | None = None

    @property
    def has_times(self) -> bool:
        return self.since_time is not None or self.until_time is not None

    def problems(self) -> dict[str, str]:
        """What is wrong, in words for the person who chose it, by the name of the field."""
        since, until = self.since, self.until
        if since and until and until < since:
            return {"until": "This day is before the first day."}
        if not self.has_times or self.today:
            return {}
        if since is None or until is None:
            missing = "since" if since is None else "until"
            return {missing: "Times of day need a first and a last day: choose this day, too."}
        if (until - since).days >= MAX_DAYS_WITH_TIMES:
            return {"until": f"With times, choose at most {MAX_DAYS_WITH_TIMES} days."}
        return {}

    def spans(self, zone: tzinfo, now: datetime) -> list[Span]:
        """The moments of a period that has no problems."""
        since, until = self.since, self.until
        if self.today:
            today = now.astimezone(zone).date()
            since, until = max(since or today, today), min(until or today, today)
        if self.has_times and since and until:
            return [span for day in _days(since, until) for span in between(*self._times(day), zone)]
        begin = datetime.combine(since, time()) if since else None
        return between(begin, datetime.combine(until, time()) + _DAY if until else None, zone)

    def _times(self, day: date) -> tuple[datetime, datetime]:
        begin = datetime.combine(day, self.since_time or time())
        end = datetime.combine(day, self.until_time or time())
        return begin, end if begin < end else end + _DAY


TODAY = Period(today=True)


def visits_of(period: Period, now: datetime) -> Q:
    """Visits with a moment of the period."""
    return _of(period, now, "site", "started_at", "last_seen_at", open_ended=True)


def sightings_of(period: Period, now: datetime) -> Q:
    """Sightings with a moment of the period; of one that took longer than a day, the first of them."""
    return _of(period, now, "camera__site", "started_at", "last_seen_at")


def first_seen_today(now: datetime) -> Q:
    """Visitors who came for the first time; those who belong to no site, by the clock of the installation."""
    recent = Q(last_seen_at__gte=now - 2 * _DAY)  # which has an index
    here = _of(TODAY, now, "site", "first_seen_at", "first_seen_at")
    midnight = datetime.combine(now.astimezone(zone := zone_of(None)).date(), time(), zone)
    return recent & (here | Q(site=None, first_seen_at__gte=midnight))


def counted_today(now: datetime) -> Q:
    """Counts of passages, which are by day."""
    found = Q(pk__in=[])
    for zone, sites in zones_of_sites().items():
        found |= Q(camera__site__in=sites, day=now.astimezone(zone).date())
    return found


def _of(period: Period, now: datetime, site: str, began: str, ended: str, *, open_ended: bool = False) -> Q:
    if period == Period():
        return Q()
    if period.today is False:
        rest = replace(period, today=None)
        others = ~_of(TODAY, now, site, began, ended, open_ended=open_ended)
        return others & _of(rest, now, site, began, ended, open_ended=open_ended)
    zones = zones_of_sites()
    spans = {zone: period.spans(zone, now) for zone in zones}
    every = [span for of_zone in spans.values() for span in of_zone]
    if not every:
        return Q(pk__in=[])
    found = Q(pk__in=[])
    for zone, sites in zones.items():
        here = Q() if len(zones) == 1 else Q(**{f"{site}__in": sites})
        for span in spans[zone]:
            found |= here & _overlaps(span, began, ended)
    return _nearby(every, began, open_ended=open_ended) & found


def _overlaps(span: Span, began: str, ended: str) -> Q:
    first, last = span
    begins = Q() if first == _BEGINNING else Q(**{f"{ended}__gte": first})
    return begins if last is None else begins & Q(**{f"{began}__lt": last})


def _nearby(spans: list[Span], began: str, *, open_ended: bool) -> Q:
    """One range of when the rows began. Few rows are longer than a day; of visits, an index has these."""
    first = min(begin for begin, _ in spans)
    ends = [end for _, end in spans if end is not None]
    found = Q(**{f"{began}__lt": max(ends)}) if len(ends) == len(spans) else Q()
    if first == _BEGINNING:
        return found
    begin = first - LONG
    if open_ended:
        long = Visit.objects.filter(is_long(), last_seen_at__gte=first, started_at__lt=begin).order_by()
        # Of a sum: PostgreSQL would look for the first `started_at` along the index of all visits.
        begin = long.aggregate(first=Min(F("started_at") + timedelta()))["first"] or begin
    return found & Q(**{f"{began}__gte": begin})


def _days(since: date, until: date) -> Iterator[date]:
    return (since + timedelta(days=n) for n in range((until - since).days + 1))
