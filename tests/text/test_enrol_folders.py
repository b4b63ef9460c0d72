"""manage.py enrol: one bad folder is named, and the others are enrolled."""

import os
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from staff.models import StaffMember
from tenants.models import Tenant
from workers.lab.picture_folders import people_in


def enrol(folder: Path) -> tuple[str, str | None]:
    said = StringIO()
    try:
        call_command("enrol", str(folder), tenant="acme", stdout=StringIO(), stderr=said)
    except CommandError as error:
        return said.getvalue(), str(error)
    return said.getvalue(), None


@pytest.mark.parametrize(
    "bad",
    [
        b"A" * 101,
        b"Jos\xe9",
        b"A\nB",
        b"A\x1b[31m",
        b"\xe3\x85\xa4",
        "A\u202eB".encode(),
        ("e\u0301" * 75).encode(),
    ],
    ids=ascii,
)
def test_a_bad_name_leaves_the_others(acme: Tenant, tmp_path: Path, bad: bytes) -> None:
    os.mkdir(os.fsencode(tmp_path) + b"/" + bad)
    (tmp_path / "Zoe").mkdir()
    said, failure = enrol(tmp_path)
    if bad.startswith(b"e"):  # seventy-five letters, of two characters each
        assert failure is None
    else:
        assert "1 folder(s)" in str(failure)
        assert str(tmp_path) in said
        assert said.count("\n") == 1
        assert "\x1b" not in said
    assert StaffMember.objects.filter(name="Zoe").exists()


def test_a_folder_of_dots_is_named(acme: Tenant, tmp_path: Path) -> None:
    (tmp_path / "...").mkdir()
    (tmp_path / "Zoe").mkdir()
    said, failure = enrol(tmp_path)
    assert "begins with a dot" in said
    assert failure is None


def test_both_forms_of_a_folder_are_one_person(acme: Tenant, tmp_path: Path) -> None:
    for name in ("José", "Jose\u0301"):
        (tmp_path / name).mkdir()
    assert enrol(tmp_path)[1] is None
    assert StaffMember.objects.get().name == "José"


def test_a_replay_takes_odd_folders(tmp_path: Path) -> None:
    for name in (b"Jos\xe9", "José".encode(), b"Jose\xcc\x81", b"A\nB"):
        folder = os.fsencode(tmp_path) + b"/" + name
        os.mkdir(folder)
        Path(os.fsdecode(folder + b"/a.jpg")).touch()
    people = people_in(tmp_path)
    assert {name: len(paths) for name, paths in people.items()} == {"Jos\\xe9": 1, "José": 2, "A\\nB": 1}
