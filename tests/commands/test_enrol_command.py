"""`manage.py enrol`: people of a folder, and those of them who resemble each other."""

from io import StringIO
from pathlib import Path

import cv2
import pytest
from django.core.management import CommandError, call_command

from staff.models import FaceImage, StaffMember
from tenants.audit.queries import lines_of
from tenants.models import Tenant
from tests.audit.conftest import seal
from tests.real_models import models_of_settings
from tests.stages.faces import portraits
from workers.management.commands.enrol import UNDECIDED

PEOPLE = portraits()


@pytest.fixture(scope="module", autouse=True)
def _models() -> None:
    models_of_settings()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """One picture for two people, another size of it for a third, and Tom, who comes after them."""
    for name, picture in {
        "Ann Twin": PEOPLE["eileen"],
        "Bob Twin": PEOPLE["eileen"],
        "Cid Twin": cv2.resize(PEOPLE["eileen"], None, fx=1.3, fy=1.3),
        "Tom": PEOPLE["tom"],
    }.items():
        (tmp_path / name).mkdir()
        cv2.imwrite(str(tmp_path / name / "1.png"), picture)
    return tmp_path


def enrol(folder: Path, *options: str) -> tuple[str, str]:
    """What it prints, and the exit code and text of its error if there is one."""
    out = StringIO()
    try:
        call_command("enrol", str(folder), "--tenant", "acme", *options, stdout=out, stderr=StringIO())
    except CommandError as error:
        return out.getvalue(), f"{error.returncode}\n{error}"
    return out.getvalue(), ""


def used() -> set[str]:
    ready = FaceImage.objects.filter(status=FaceImage.Status.READY)
    return set(ready.values_list("staff_member__name", flat=True))


def test_people_who_resemble_each_other_are_listed_and_the_others_enrolled(
    acme: Tenant, folder: Path
) -> None:
    out, told = enrol(folder)
    assert used() == {"Ann Twin", "Tom"}
    assert "2 picture(s) of 4 person(s) are in use." in out
    assert told.startswith(f"{UNDECIDED}\n2 picture(s) wait for a decision")
    bob, cid = (line for line in told.splitlines() if line.startswith(str(folder)))
    assert "Bob Twin" in bob
    assert "same picture is enrolled for Ann Twin" in bob
    assert "Cid Twin resembles Ann Twin" in cid
    assert "two faces count as one person from" in cid
    again, told_again = enrol(folder)
    assert told_again == told
    assert "4 of the pictures were enrolled for their person before." in again


def test_they_are_enrolled_all_the_same_on_purpose(acme: Tenant, folder: Path) -> None:
    (folder / "Dan Twin").mkdir()
    cv2.imwrite(str(folder / "Dan Twin" / "1.png"), PEOPLE["eileen"])
    out, told = enrol(folder, "--confirm")
    assert told == ""
    assert "5 picture(s) of 5 person(s) are in use." in out
    assert used() == {"Ann Twin", "Bob Twin", "Cid Twin", "Dan Twin", "Tom"}
    dan = FaceImage.objects.get(staff_member__name="Dan Twin")
    assert len(dan.distinct_from) == 3, "first the owners of the same picture, then one who resembles him"
    bob = FaceImage.objects.get(staff_member__name="Bob Twin")
    assert bob.distinct_from == [StaffMember.objects.get(name="Ann Twin").pk]
    seal()
    assert lines_of(acme).filter(object_id=str(bob.pk), changes__has_key="distinct_from").exists()


def test_a_picture_twice_for_one_person_is_said(acme: Tenant, tmp_path: Path) -> None:
    (tmp_path / "Tom").mkdir()
    for name in ("1.png", "2.png"):
        cv2.imwrite(str(tmp_path / "Tom" / name), PEOPLE["tom"])
    out, told = enrol(tmp_path)
    assert told == ""
    assert "1 of the pictures were enrolled for their person before." in out
    assert FaceImage.objects.count() == 1


def test_a_new_pack_asks_again_and_says_so(acme: Tenant, folder: Path) -> None:
    """Two who were enrolled before likenesses were looked for."""
    enrol(folder, "--confirm")
    FaceImage.objects.update(pack="another", distinct_from=[])
    with pytest.raises(CommandError, match=r"2 picture\(s\) wait for a decision") as refusal:
        call_command("enrol", "--again", "--tenant", "acme", stdout=StringIO(), stderr=StringIO())
    assert refusal.value.returncode == UNDECIDED
    assert "Bob Twin resembles Ann Twin" in str(refusal.value)
    assert used() == {"Ann Twin", "Tom"}, "who was there first stays"
