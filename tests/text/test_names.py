"""Text is one text however it was typed: at every way in, and when it is searched."""
# ruff: noqa: RUF001  names of many scripts

import json
import unicodedata
from typing import Any

import pytest
from django.apps import apps
from django.core.exceptions import ValidationError
from django.db import connection
from django.test import Client
from hypothesis import example, given
from hypothesis import strategies as st

from cameras.models import Camera, Site
from facetrack.core.text import acceptable_line, folded, line_problem, lines_problem, shown, tidy_line
from facetrack.core.text.search import _folded
from facetrack.core.text.tidying import tidying
from staff.actions import save_staff_member
from staff.models import StaffMember
from tenants.models import Tenant
from tests.conftest import make_camera

COMPOSED, DECOMPOSED = (unicodedata.normalize(form, "José Müller") for form in ("NFC", "NFD"))

FINE = [
    *("José Müller", "Ngô Thị Hằng", "O'Brien-Smith", "???", "3M", "東京電力", "أحمد", "שָׁלוֹם", "٣", "ᠮᠣᠩᠭᠣᠯ"),
    *("می\u200cخواهم", "SMS\u200cها", "अवन\u094d\u200d", "ക\u0d4d\u200cഷ", "ര\u0d4d\u200d", "ක\u0dca\u200dර"),
    *(
        "ರ\u200d\u0ccdಕ",
        "র\u200d\u09cdয",
        "👩\u200d💻",
        "👨\u200d👩\u200d👧",
        "🏳\ufe0f\u200d🌈",
        "❤\ufe0f\u200d🔥",
    ),
    *(
        "1\ufe0f\u20e3 Door",
        "葛\U000e0100城",
        "🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",
    ),
]
NOT_FINE = [
    *("\u200b", "\u200d", "\u3164", "\u2800", "\u0301", "\u115f", "\u00ad", "\u2060", "\ufeff", "\U000e0100"),
    *("a\nb", "a\tb", "a\x00b", "a\u2028b", "a\x85b", "\x1b[31mred", "a\u202eb", "a\u2066b\u2069", "a\u202c"),
    *("Zo\u200be", "Zo\u200de", "Zoe\u200d", "Zoe\ufe0f", "Zoe\u034f", "Zo\u00ade", "1\ufe0f", "علی\u200c"),
    *("👩\u200d", "\u200d👩", "Zoe\U000e0041\U000e007f", "ab\ufffe", "\ud800x", "a\u200c\u200cb"),
]


@pytest.mark.parametrize("text", FINE, ids=ascii)
def test_names_of_all_scripts_are_taken(text: str) -> None:
    assert line_problem(tidy_line(text)) is None


@pytest.mark.parametrize("text", NOT_FINE, ids=ascii)
def test_what_shows_nothing_or_turns_the_line_is_refused(text: str) -> None:
    assert line_problem(tidy_line(text))


def test_notes_have_lines_and_no_other_control_characters() -> None:
    assert lines_problem("one\n\ttwo") is None
    assert lines_problem("one\x1btwo")


@given(st.text(max_size=30) | st.text("e\u0301\u200e\u00a0 \u0323", max_size=6))
@example("e\u200e\u0301")
def test_tidying_is_done_once(text: str) -> None:
    assert tidy_line(tidy_line(text)) == tidy_line(text)


@given(st.text(max_size=30) | st.sampled_from(NOT_FINE))
def test_what_was_kept_before_can_be_kept_on(text: str) -> None:
    kept = acceptable_line(text)
    assert line_problem(kept) is None
    assert tidy_line(kept) == kept


@given(st.text(max_size=30))
def test_what_is_shown_in_a_message_is_one_line_without_controls(text: str) -> None:
    assert all(unicodedata.category(char) not in ("Cc", "Cs", "Zl", "Zp") for char in shown(text))


def test_both_forms_are_one_person(acme: Tenant) -> None:
    save_staff_member(member=StaffMember(name=DECOMPOSED), by=None)
    assert StaffMember.objects.get(name=DECOMPOSED) == StaffMember.objects.get(name=COMPOSED)
    assert StaffMember.objects.get().name == COMPOSED
    StaffMember.objects.create(name="  José\u00a0 Müller\u200f", employee_number=f"n{DECOMPOSED}")
    assert set(StaffMember.objects.values_list("name", flat=True)) == {COMPOSED}


def test_what_has_to_be_unique_is_so_in_both_forms(browser: Client) -> None:
    def add(name: str) -> int:
        body = json.dumps({"name": name})
        return browser.post("/api/v1/sites/", body, content_type="application/json").status_code

    assert add(COMPOSED) == 201
    assert add(DECOMPOSED) == 409
    assert add("e\u0301" * 100) == 201  # a hundred letters, not two hundred
    assert Site.objects.count() == 2


PLACES: list[tuple[str, dict[str, Any], str]] = [
    ("/api/v1/staff/", {}, "name"),
    ("/api/v1/staff/", {"name": "Zoe"}, "department"),
    ("/api/v1/staff/", {"name": "Zoe"}, "employee_number"),
    ("/api/v1/sites/", {}, "name"),
    ("/api/v1/sites/", {"name": "Gate"}, "address"),
    ("/api/v1/keys/", {"role": "viewer", "scopes": ["read"]}, "name"),
]


@pytest.mark.parametrize("bad", ["\u3164", "a\nb", "a\x1bb", "a\u202eb", "Zo\u200be"], ids=ascii)
@pytest.mark.parametrize(("path", "body", "field"), PLACES, ids=lambda place: str(place)[:30])
def test_the_api_refuses_such_a_name_at_its_field(
    browser: Client, path: str, body: dict[str, Any], field: str, bad: str
) -> None:
    answer = browser.post(path, json.dumps({**body, field: bad}), content_type="application/json")
    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == [field]


@pytest.mark.parametrize(("path", "body", "field"), [place for place in PLACES if place[2] == "name"])
def test_a_name_of_marks_alone_is_an_empty_one(
    browser: Client, path: str, body: dict[str, Any], field: str
) -> None:
    answer = browser.post(path, json.dumps({**body, field: "\u200e"}), content_type="application/json")
    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == [field]


def test_actions_refuse_it_where_no_form_is(acme: Tenant) -> None:
    with pytest.raises(ValidationError, match="one line"):
        save_staff_member(member=StaffMember(name="a\nb"), by=None)


@pytest.mark.parametrize(
    ("name", "typed"),
    [
        (COMPOSED, "jose mull"),
        (COMPOSED, unicodedata.normalize("NFD", "É MÜ")),
        ("Łódź Straße", "lodz strasse"),
        ("Søren Ærø", "soren aero"),
        ("İlker Işık", "ilker isik"),
        ("Ἀλέξανδρος", "αλεξανδρος"),
        ("Алёна", "алена"),
        ("می\u200cخواهم", "میخواهم"),
        ("محمّد", "محمد"),
        ("Nguyễn", "nguyen"),
    ],
)
def test_a_search_without_accents_finds(
    browser: Client, camera: Camera, make_visit: Any, name: str, typed: str
) -> None:
    seen = make_visit(camera, person=None)
    person = StaffMember.objects.create(name=name)
    seen.visitor.name = name
    seen.visitor.save()
    make_camera(name)
    assert list(browser.get("/visits/", {"q": typed}).context["page"]) == [seen.visit]
    assert list(browser.get("/sightings/", {"q": typed}).context["page"]) == [seen]
    for kind, row in (
        ("visits", seen.visit),
        ("sightings", seen),
        ("visitors", seen.visitor),
        ("staff", person),
    ):
        found = browser.get(f"/api/v1/{kind}/", {"search": typed}).json()["results"]
        assert [one["id"] for one in found] == [str(row.pk)], kind
    assert len(browser.get("/api/v1/cameras/", {"search": typed}).json()["results"]) == 1
    assert name in browser.get("/admin/staff/staffmember/", {"q": typed}).content.decode()
    assert not browser.get("/api/v1/staff/", {"search": "zzz"}).json()["results"]


@given(
    text=st.text(
        alphabet=st.characters(exclude_categories=["Cs", "Cn"], exclude_characters="\x00"), max_size=12
    )
)
@pytest.mark.django_db
def test_sql_folds_as_python_does(text: str) -> None:
    """Letters that only newer versions of Unicode know are left out."""
    with connection.cursor() as cursor:
        sql, values = _folded("CAST(%s AS text)", [text])
        cursor.execute(f"SELECT {sql}", values)
        assert cursor.fetchone()[0] == folded(text)


def test_rows_of_before_are_tidied_and_stay_two_where_they_are_two(acme: Tenant) -> None:
    before = {"a": DECOMPOSED, "b": COMPOSED, "c": f"{COMPOSED} (2)", "d": "\u3164", "e": "Zo\u200be\n"}
    for name in before:
        Site.objects.create(name=name, address=name)
    with connection.cursor() as cursor:
        cursor.executemany(
            "UPDATE cameras_site SET name = %s, address = %s WHERE name = %s",
            [(text, text, name) for name, text in before.items()],
        )
    for column, unique in (("name", ()), ("address", None)):
        tidying("cameras.Site", column, unique=unique)(apps, None)
    assert list(Site.objects.order_by("created_at").values_list("name", "address")) == [
        (f"{COMPOSED} (3)", COMPOSED),
        (COMPOSED, COMPOSED),
        (f"{COMPOSED} (2)", f"{COMPOSED} (2)"),
        ("unnamed", ""),
        ("Zoe", "Zoe"),
    ]


@pytest.mark.parametrize(
    "path",
    ["visits", "sightings", "visitors", "activity"],
)
def test_a_time_without_a_zone_is_refused(browser: Client, path: str) -> None:
    for name in ("from", "to"):
        assert browser.get(f"/api/v1/{path}/", {name: "2026-10-25T02:30:00"}).status_code == 400
        assert browser.get(f"/api/v1/{path}/", {name: "2026-10-25"}).status_code == 400
        assert browser.get(f"/api/v1/{path}/", {name: "2026-10-25T02:30:00+02:00"}).status_code == 200
        assert browser.get(f"/api/v1/{path}/", {name: "2026-10-25T02:30:00Z"}).status_code == 200
