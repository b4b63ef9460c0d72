"""Scans: every filter of the lists of API, pages and admin, deep pages, long searches, odd values."""

from urllib.parse import urlencode

from tests.siege.client import Client

KIND = "lists"
PAUSE = 0.3
API = (
    "visits",
    "sightings",
    "visitors",
    "staff",
    "cameras",
    "sites",
    "activity",
    "members",
    "workers",
    "merges",
)
PAGES = ("/visits/", "/sightings/", "/visitors/", "/visitors/merges/", "/activity/", "/cameras/wall/", "/")
ADMIN = (
    "visits/visit", "visits/sighting", "visits/visitor", "visits/mergeproposal", "staff/staffmember",
    "cameras/camera", "cameras/site",
)  # fmt: skip
TEXTS = (
    "%",
    "_" * 100,
    "visitor",
    "a b c d e f g h i j",
    "%_" * 50,
    "\u0130" * 100,
    "visitor 99999999999",
    "\\",
)
NUMBERS = ("1", "2", "40", "999", "99999", "-1", "1e9")


async def round_of(client: Client) -> None:
    dice = client.dice
    values = {
        "search": dice.choice(TEXTS),
        "page": dice.choice(NUMBERS),
        "page_size": dice.choice(["200", "1000", "1"]),
        "from": dice.choice(["0001-01-01T00:00:00+16:00", "1990-01-01", ""]),
        "to": "9999-12-31T23:59:59-16:00",
        "ordering": dice.choice(["score", "-started_at", "template"]),
    }
    chosen = {name: value for name, value in values.items() if dice.random() < 0.5}
    if client.identity.kind != "session" or dice.random() < 0.4:
        await client.ask(KIND, "GET", f"/api/v1/{dice.choice(API)}/?{urlencode(chosen)}")
    elif dice.random() < 0.5:
        await client.ask("pages", "GET", f"{dice.choice(PAGES)}?{urlencode(chosen)}")
    else:
        await client.ask("admin lists", "GET", _admin(client))


def _admin(client: Client) -> str:
    dice = client.dice
    values = {
        "q": dice.choice(TEXTS),
        "o": dice.choice(["1.2.3", "-3.-2.-1", "99", "3"]),
        "p": dice.choice(NUMBERS),
        "all": "",
        "visitor__template__gt": "a",
        "start": "year",
    }
    chosen = {name: value for name, value in values.items() if dice.random() < 0.4}
    return f"/admin/{dice.choice(ADMIN)}/?{urlencode(chosen)}"
