"""An assessment as tables for people and as JSON for programs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from workers.lab.evaluation.assessment import Assessment
from workers.lab.evaluation.clips import Tracked
from workers.lab.evaluation.rates import Rate

SHOWN_REFUSALS = 10
HEADINGS = {
    "stays": "stays",
    "people": "people",
    "counted": "counted",
    "missed": "missed",
    "named_right": "named right",
    "named_wrong": "named wrong",
    "duplicates": "duplicates",
    "merges": "wrong merges",
    "no_person": "no person there",
}


def as_json(found: Assessment) -> dict[str, object]:
    limits = found.recommended
    return {
        "pack": found.pack,
        "people": found.people,
        "pictures": found.pictures,
        "failure_to_acquire": round(found.failure_to_acquire, 5),
        "refused": [{"picture": picture, "reason": reason} for picture, reason in found.refused],
        "unreadable": [{"picture": picture, "reason": reason} for picture, reason in found.unreadable],
        "verification": [
            {
                "fmr": each.false_match_rate,
                "threshold": _number(each.threshold),
                "tar": _number(each.true_acceptance),
            }
            for each in found.verification
        ],
        "identification": [
            {
                "gallery": each.gallery,
                "fpir": each.false_alarms,
                "threshold": _number(each.threshold),
                "fnir": _rate(each.missed),
            }
            for each in found.identification
        ],
        "recommended": {
            "gallery": found.gallery,
            "link": limits.match,
            "review": limits.review,
            "margin": limits.margin,
            "predicted_false_alarm_rate": round(found.predicted_false_alarms, 7),
        },
        "tested_on_other_people": {
            "identified": _rate(found.identified),
            "taken_for_another": _rate(found.confused),
            "strangers_linked": _rate(found.strangers_linked),
            "stranger_searches": found.stranger_searches,
        },
        "at_recommended": {
            "identified": round(found.identified_at_recommended, 5),
            "strangers_linked": found.strangers_at_recommended,
        },
    }


def clips_as_json(results: Sequence[Tracked]) -> dict[str, object]:
    return {"clips": [asdict(each) for each in results], "all": asdict(Tracked.total(results))}


def show(console: Console, found: Assessment) -> None:
    console.print(
        f"{found.pack}: {found.people} people, {found.pictures} pictures; "
        f"{found.failure_to_acquire:.1%} show no face that can be used (failure to acquire)"
    )
    for picture, reason in found.refused[:SHOWN_REFUSALS]:
        console.print(f"  {escape(picture)}: {escape(reason)}", soft_wrap=True)
    if len(found.refused) > SHOWN_REFUSALS:
        console.print(f"  and {len(found.refused) - SHOWN_REFUSALS} more")
    pairs = Table("False match rate", "Threshold", "True acceptance", title="Two pictures compared")
    for each in found.verification:
        threshold = "too few pictures" if each.threshold is None else f"{each.threshold:.3f}"
        accepted = "" if each.true_acceptance is None else f"{each.true_acceptance:.2%}"
        pairs.add_row(f"{each.false_match_rate:g}", threshold, accepted)
    console.print(pairs)
    searches = Table("Enrolled", "False alarms", "Threshold", "Known people missed", title="Open-set search")
    for row in found.identification:
        threshold = "too few strangers" if row.threshold is None else f"{row.threshold:.3f}"
        searches.add_row(str(row.gallery), f"{row.false_alarms:.1%}", threshold, _shown(row.missed))
    console.print(searches)
    limits = found.recommended
    console.print(
        f"Recommended for {found.gallery} people enrolled: link {limits.match:g}, review {limits.review:g}, "
        f"margin {limits.margin:g}"
    )
    console.print(f"Predicted: {found.predicted_false_alarms:.3%} of strangers taken for one of them")
    console.print(
        "Tested on people who had no part in the threshold: "
        f"{_shown(found.identified)} of known people identified, {_shown(found.confused)} taken for another; "
        f"{_shown(found.strangers_linked)} of {found.stranger_searches} searches for strangers linked"
    )


def show_clips(console: Console, results: Sequence[Tracked]) -> None:
    table = Table("Clip", *HEADINGS.values())
    for each in (*results, Tracked.total(results)):
        table.add_row(escape(each.clip), *(str(getattr(each, name)) for name in HEADINGS))
    console.print(table)


def _number(value: float | None) -> float | None:
    return None if value is None else round(value, 5)


def _rate(rate: Rate | None) -> dict[str, float] | None:
    if rate is None:
        return None
    return {"value": round(rate.value, 5), "low": round(rate.low, 5), "high": round(rate.high, 5)}


def _shown(rate: Rate | None) -> str:
    return "" if rate is None else f"{rate.value:.2%} ({rate.low:.2%} to {rate.high:.2%})"
