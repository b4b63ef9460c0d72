"""Codes of ValidationErrors that blame no value: it may be accepted when other things have changed."""

CONFLICT = "conflict"
TAKEN = frozenset({"unique", "unique_together", "unique_for_date"})
"""Django's and DRF's codes where another row has the value."""


def is_conflict(code: str) -> bool:
    return code == CONFLICT or code in TAKEN
