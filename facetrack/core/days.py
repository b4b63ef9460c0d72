"""Days and times of day as the moments that they are, in a time zone: exact when clocks change.

A moment is of the day that a clock of the zone shows. A day can have 23 or 25 hours, begin at one o'clock, be
left out of a calendar, or come back for a while after midnight.
"""

from datetime import UTC, datetime, timedelta, tzinfo

Span = tuple[datetime, datetime | None]
"""From a moment on, and before another one; None: without end. In UTC."""

_AROUND = timedelta(hours=30)
"""No clock is farther from UTC; a calendar has left out a day."""
_STEP = timedelta(hours=6)


def not_before(local: datetime, zone: tzinfo) -> list[Span]:
    """The moments at which a clock of the zone shows `local` (without zone) or later."""
    spans: list[Span] = []
    middle = local.replace(tzinfo=UTC)
    edges = [middle - _AROUND, *_changes(middle - _AROUND, middle + _AROUND, zone)]
    for edge, after in zip(edges, [*edges[1:], None], strict=True):
        begins = max(edge, middle - _offset(edge, zone))
        if after is None or begins < after:
            if spans and spans[-1][1] == begins:
                begins = spans.pop()[0]
            spans.append((begins, after))
    return spans


def between(begin: datetime | None, end: datetime | None, zone: tzinfo) -> list[Span]:
    """The moments at which a clock of the zone shows `begin` or later, and less than `end`."""
    first = datetime.min.replace(tzinfo=UTC)
    spans: list[Span] = [(first, None)] if begin is None else not_before(begin, zone)
    for begins, ends in [] if end is None else not_before(end, zone):
        spans = [part for span in spans for part in _without(span, begins, ends)]
    return spans


def _without(span: Span, begins: datetime, ends: datetime | None) -> list[Span]:
    first, last = span
    before: Span = (first, begins if last is None else min(last, begins))
    parts = [before] if first < begins else []
    if ends is not None and (last is None or ends < last):
        parts.append((max(first, ends), last))
    return parts


def _changes(begin: datetime, end: datetime, zone: tzinfo) -> list[datetime]:
    """When the clocks of the zone change, to the second."""
    found = []
    while begin < end:
        after = min(begin + _STEP, end)
        if _offset(begin, zone) != _offset(after, zone):
            found.append(_change(begin, after, zone))
        begin = after
    return found


def _change(before: datetime, after: datetime, zone: tzinfo) -> datetime:
    offset = _offset(before, zone)
    while after - before > timedelta(seconds=1):
        middle = before + timedelta(seconds=(after - before) // timedelta(seconds=2))
        if _offset(middle, zone) == offset:
            before = middle
        else:
            after = middle
    return after


def _offset(moment: datetime, zone: tzinfo) -> timedelta:
    return moment.astimezone(zone).utcoffset() or timedelta()
