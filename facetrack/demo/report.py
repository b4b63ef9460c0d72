"""Compares what the demo saw with its clip's truth."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from facetrack.demo.truth import Appearance, DemoTruth

SLACK = 1.0
"""Seconds by which a sighting may begin before, or end after, the face is fully in view."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One saved sighting: `person` is a staff member's name, or the key of a visitor; None if unsure."""

    person: str | None
    is_staff: bool
    started_at: datetime
    last_seen_at: datetime


@dataclass(frozen=True, slots=True)
class Report:
    pack: str
    truth: dict[str, Any]
    staff_found: int
    staff_expected: int
    visitors_created: int
    visitors_expected: int
    visits: int
    visits_expected: int
    returning_found: int
    returning_expected: int
    unsure: int
    false_names: int
    seconds: float

    @property
    def met(self) -> bool:
        """Whether all people were found, none of them twice, and none under another person's name."""
        return self.false_names == 0 and all(
            found == expected
            for found, expected in (
                (self.staff_found, self.staff_expected),
                (self.visitors_created, self.visitors_expected),
                (self.visits, self.visits_expected),
                (self.returning_found, self.returning_expected),
            )
        )

    def as_dict(self) -> dict[str, Any]:
        return asdict(self) | {"met": self.met}


def compare(
    truth: DemoTruth,
    seen: Sequence[Seen],
    *,
    began_at: datetime,
    visits: int,
    visits_by_visitor: dict[str, int],
    pack: str,
    seconds: float,
) -> Report:
    """Compare the saved facts with the truth. `began_at` is the time of the clip's first frame."""
    right = [one for one in seen if one.is_staff and _was_there(truth, one, began_at)]
    known = [one for one in seen if one.is_staff]
    appearances = [one.person for one in truth.appearances if one.person not in truth.passers_by]
    returning = [person for person in truth.strangers if appearances.count(person) > 1]
    return Report(
        pack=pack,
        truth={
            "staff": list(truth.staff),
            "strangers": list(truth.strangers),
            "returning": returning,
            "passers_by": list(truth.passers_by),
            "seconds": truth.frames / truth.fps,
        },
        staff_found=len({one.person for one in right}),
        staff_expected=len(truth.staff),
        visitors_created=len(visits_by_visitor),
        visitors_expected=len(truth.strangers),
        visits=visits,
        visits_expected=len(appearances),
        returning_found=sum(count > 1 for count in visits_by_visitor.values()),
        returning_expected=len(returning),
        unsure=sum(one.person is None for one in seen),
        false_names=len(known) - len(right),
        seconds=round(seconds, 1),
    )


def _was_there(truth: DemoTruth, seen: Seen, began_at: datetime) -> bool:
    begin = (seen.started_at - began_at).total_seconds()
    end = (seen.last_seen_at - began_at).total_seconds()

    def overlaps(one: Appearance) -> bool:
        return begin < one.last_frame / truth.fps + SLACK and end > one.first_frame / truth.fps - SLACK

    return any(one.person == seen.person and overlaps(one) for one in truth.appearances)
