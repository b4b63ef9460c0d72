"""`manage.py replay`: real clips through the front door."""

from __future__ import annotations

import json
import shutil
from io import StringIO
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from django.core.management import CommandError, call_command
from insightface.data import get_image

from tests.real_models import models_of_settings
from tests.stages.faces import backdrop, paste, portraits, sized
from tests.stages.odd_clips import bar, noise, write

PEOPLE = portraits()
FIELDS = {"id", "first_frame", "last_frame", "decision", "identity", "score", "faces"}


@pytest.fixture(scope="module", autouse=True)
def _models() -> None:
    models_of_settings()


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tom walks in and out, then Dan, then Dan once more; five frames a second."""
    path = tmp_path_factory.mktemp("clip") / "door.mp4"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 5, (480, 360))
    for name in ("tom", "dan", "dan"):
        portrait = sized(PEOPLE[name], 200)
        for i in range(14):
            writer.write(paste(backdrop(), portrait, 40 + 6 * i, 80))
        for _ in range(7):
            writer.write(backdrop())
    writer.release()
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Tom and Eileen with a portrait each, and pictures that nobody can be enrolled with."""
    for name in ("tom", "eileen"):
        (tmp_path / name).mkdir()
        cv2.imwrite(str(tmp_path / name / "1.png"), PEOPLE[name])
    cv2.imwrite(str(tmp_path / "tom" / "group.jpg"), np.asarray(get_image("t1")))
    (tmp_path / "tom" / "notes.txt").write_text("no picture, and not looked at")
    (tmp_path / "ghost").mkdir()
    cv2.imwrite(str(tmp_path / "ghost" / "1.png"), backdrop())
    (tmp_path / "ghost" / "2.jpg").write_bytes(b"\xff\xd8\xff damaged")
    (tmp_path / "nobody").mkdir()
    return tmp_path


def run(*arguments: object, **options: Any) -> tuple[str, str]:
    out, err = StringIO(), StringIO()
    call_command("replay", *(str(argument) for argument in arguments), stdout=out, stderr=err, **options)
    return out.getvalue(), err.getvalue()


def test_each_track_is_printed_as_json(clip: Path, folder: Path) -> None:
    out, _ = run(clip, "--enrol", folder, "--json")
    tracks = json.loads(out)["tracks"]
    assert [set(track) for track in tracks] == [FIELDS] * 3
    assert [track["id"] for track in tracks] == [1, 2, 3]
    assert [track["decision"] for track in tracks] == ["staff", "new_visitor", "visitor"]
    assert [track["identity"] for track in tracks] == ["tom", None, None]
    assert (tracks[0]["first_frame"], tracks[0]["faces"]) == (0, pytest.approx(14, abs=2))
    assert tracks[0]["last_frame"] == pytest.approx(13, abs=1)
    assert 0 < tracks[0]["score"] <= 1


def test_pictures_that_cannot_be_used_are_named_and_the_rest_goes_on(clip: Path, folder: Path) -> None:
    _, err = run(clip, "--enrol", folder, "--json")
    assert f"{folder / 'tom' / 'group.jpg'}: The picture shows" in err
    assert f"{folder / 'ghost' / '1.png'}: The picture shows no face." in err
    assert f"{folder / 'ghost' / '2.jpg'}: " in err
    assert f"{folder / 'ghost'}: Not enrolled" in err
    assert f"{folder / 'nobody'}: Not enrolled" in err
    assert "notes.txt" not in err


def test_without_json_a_table_names_the_visitors_too(clip: Path) -> None:
    out, err = run(clip)
    assert "door.mp4" in out
    assert "visitor 1" in out
    assert "visitor 2" in out
    assert "visitor 3" not in out
    assert err == ""


def test_a_clip_without_anybody(tmp_path: Path) -> None:
    path = tmp_path / "empty.mp4"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 5, (480, 360))
    for _ in range(5):
        writer.write(backdrop())
    writer.release()
    assert json.loads(run(path, "--json")[0])["tracks"] == []
    assert "no faces seen" in run(path)[0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["missing.mp4"], "there is no file missing.mp4"),
        (["{clip}", "--enrol", "{clip}"], "Not a directory"),
        (["{clip}", "--enrol", "missing"], "missing cannot be read"),
        (["{clip}", "--pack", "magic"], "no model pack named 'magic'"),
        (["{clip}", "--detector", "magic"], "no detector named 'magic'"),
        (["{clip}", "--fps", "0"], "not a rate between"),
        (["{text}"], "is not a video"),
    ],
)
def test_mistakes_are_explained(clip: Path, tmp_path: Path, arguments: list[str], message: str) -> None:
    (tmp_path / "text.mp4").write_text("no video")
    given = [argument.format(clip=clip, text=tmp_path / "text.mp4") for argument in arguments]
    with pytest.raises(CommandError, match=message):
        run(*given)


def test_a_folder_without_people(clip: Path, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path)
    tmp_path.mkdir()
    with pytest.raises(CommandError, match="has no sub-folder"):
        run(clip, "--enrol", tmp_path)


def test_people_who_resemble_each_other_are_named(clip: Path, folder: Path) -> None:
    (folder / "zoe").mkdir()
    cv2.imwrite(str(folder / "zoe" / "1.jpg"), PEOPLE["tom"])
    _, err = run(clip, "--enrol", folder, "--json")
    assert "zoe resembles tom" in err
    assert "eileen resembles" not in err


@pytest.mark.parametrize(
    ("level", "problem", "words"), [(0, "black", "is black"), (128, "uniform", "has one colour everywhere")]
)
def test_a_clip_that_shows_nothing_says_so(tmp_path: Path, level: int, problem: str, words: str) -> None:
    path = write(tmp_path / "blank.mp4", "libx264", [np.full_like(bar(0), level)] * 25)
    assert json.loads(run(path, "--json")[0])["picture_problem"] == problem
    assert f"Nothing can be seen: the picture {words}." in run(path)[0]


def test_a_damaged_clip_says_what_was_lost(tmp_path: Path) -> None:
    path = write(tmp_path / "damaged.mp4", "libx264", [bar(i) for i in range(75)], {"g": "10"})
    whole = json.loads(run(path, "--json")[0])
    assert (whole["lost_frames"], whole["lost_seconds"], whole["picture_problem"]) == (0, 0.0, "")
    noise(path, 0.35, 0.5)
    told = json.loads(run(path, "--json")[0])
    assert told["lost_frames"] > 5
    assert told["lost_seconds"] == pytest.approx(told["lost_frames"] / 25, abs=0.1)
    out, _ = run(path)
    assert f"Damaged: {told['lost_frames']} frames" in " ".join(out.split())
