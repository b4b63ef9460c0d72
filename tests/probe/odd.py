"""Values that are at the edge of what there is, or beyond, as they stand in an address."""

import re
from collections.abc import Iterator
from urllib.parse import quote

UUID = "6f1b4a52-0d55-4c5c-8a3c-1a2b3c4d5e6f"

DAYS = (
    "0001-01-01",
    "0000-00-00",
    "9999-12-31",
    "9998-12-31",
    "10000-01-01",
    "-0001-01-01",
    "0001-01-01T00:00:00%2B14:00",
    "9999-12-31T23:59:59-14:00",
    "2026-02-30",
)
NUMBERS = ("-1", "0", "1e400", "NaN", "9" * 19, "9" * 400, "9" * 5000, "-" + "9" * 30, "1.", "٣")
TEXTS = (
    "%00",
    "a%00b",
    f"{UUID}%00",
    UUID,
    "%ED%A0%80",
    "%FF%FE",
    "%C0%80",
    "%",
    "%F4%90%80%80",
    "a" * 20_000,
)
MARKS = (
    "%27%22%5C",
    "%25_%25",
    "*",
    "(" * 200,
    "[" * 3000,
    "%E2%80%AE",
    "%0D%0AX-Y:%20z",
    "../" * 9,
    "a:b.c|d",
)

ALL = (*DAYS, *NUMBERS, *TEXTS, *MARKS)

KINDS = {
    re.compile("since|until|from|to|year|month|day"): (*DAYS, *NUMBERS),
    re.compile("p|page|page_size|before|after|o|cursor|.*number.*|.*count.*"): (*NUMBERS, *TEXTS),
}
"""What to try where a name says what is wanted; elsewhere texts, and some of the marks."""


def fitting(name: str) -> Iterator[str]:
    """The odd values for a parameter or field of this name."""
    last = name.rpartition("__")[2]
    found = next((values for kind, values in KINDS.items() if kind.fullmatch(last)), None)
    if found is not None:
        yield from found
        return
    yield from TEXTS[:3]
    yield from (*TEXTS[3:], *MARKS)[sum(map(ord, name)) % 3 :: 3]  # each is tried under some name


def as_address(value: str) -> str:
    """In ASCII, as a client has to send it."""
    return quote(value, safe="%/:*()[]|!~'-._+")
