"""A page of the log: the lines before or after a number, so that a deep page costs what the first does."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import QuerySet

from tenants.audit.descriptions import Change, changes, sentence
from tenants.models import Activity

ROWS = 50


@dataclass(frozen=True, slots=True)
class LogRow:
    line: Activity
    sentence: str
    changes: Sequence[Change]


@dataclass(frozen=True, slots=True)
class Page:
    """`newer` and `older` are the numbers to go on from, None where there is nothing that way."""

    rows: Sequence[LogRow]
    newer: int | None = None
    older: int | None = None


def page_of(lines: QuerySet[Activity], *, before: int | None = None, after: int | None = None) -> Page:
    """The newest lines, those before the number `before`, or those next after the number `after`."""
    if after is not None:
        found = list(lines.filter(number__gt=after).order_by("number")[: ROWS + 1])
        more_newer, more_older = len(found) > ROWS, True
        found = found[:ROWS][::-1]
    else:
        part = lines.filter(number__lt=before) if before is not None else lines
        found = list(part[: ROWS + 1])
        more_newer, more_older = before is not None, len(found) > ROWS
        found = found[:ROWS]
    return Page(
        [LogRow(line, sentence(line), changes(line)) for line in found],
        newer=found[0].number if found and more_newer else None,
        older=found[-1].number if found and more_older else None,
    )
