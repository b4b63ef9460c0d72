"""`manage.py bench`: that it measures what it says; what comes out is no matter of a test."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path

import cv2
import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from pytest_django.plugin import DjangoDbBlocker

from tests.real_models import model_file, models_of_settings
from tests.stages.faces import backdrop, paste, portraits, sized


@pytest.fixture(scope="module", autouse=True)
def _models() -> None:
    models_of_settings()
    model_file("scrfd-2.5g")


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tom and Eileen for two seconds."""
    path = tmp_path_factory.mktemp("bench") / "two.mp4"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 25, (480, 360))
    tom, eileen = sized(portraits()["tom"], 180), sized(portraits()["eileen"], 180)
    for i in range(50):
        writer.write(paste(paste(backdrop(), tom, 10 + i, 60), eileen, 280 - i // 2, 90))
    writer.release()
    return path


def run(*arguments: object) -> str:
    out = StringIO()
    call_command("bench", *(str(argument) for argument in arguments), stdout=out, stderr=StringIO())
    return out.getvalue()


def test_the_three_are_measured_side_by_side_and_then_cameras(clip: Path) -> None:
    found = json.loads(run("pipeline", clip, "--json", "--memory", "--cameras", 2, "--seconds", 2))
    assert {"naive_ms", "floor_ms", "ours_ms", "speedup", "over_floor", "same_people"} <= set(found)
    assert found["frames"] == 50
    assert found["speedup"] == pytest.approx(found["naive_ms"] / found["ours_ms"], rel=0.01)
    assert found["over_floor"] == pytest.approx(found["ours_ms"] / found["floor_ms"], rel=0.01)
    assert found["same_people"] is True
    assert found["named"]["ours"]
    assert found["saved"] is False
    assert found["cameras"]["count"] == 2
    assert found["cameras"]["analysed_fps"] > 0


@pytest.mark.django_db  # so that there is a database for tests, whichever tests of this file are run
def test_the_search_is_measured_beside_the_bare_product_and_the_index() -> None:
    [found] = json.loads(run("search", "--json", "--rows", 500))
    assert set(found) == {"rows", "ours_ms", "bare_ms", "milvus_ms"}
    assert found["rows"] == 500
    assert min(found["ours_ms"], found["bare_ms"], found["milvus_ms"]) > 0


def test_ways_to_decode(clip: Path) -> None:
    found = json.loads(run("decode", clip, "--json"))
    assert {"grabbed_ms", "bgr_ms", "shrunk_ms", "av_shrunk_ms"} <= set(found)
    assert "bgr" in run("decode", clip)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["pipeline", "missing.mp4"], "there is no file"),
        (["search", "--rows", 0], "from 1 to"),
        (["pipeline", "--people", "missing"], "is not a folder"),
        (["pipeline", "--cameras", 0], "not a number of cameras"),
    ],
)
def test_mistakes_are_explained(arguments: list[object], message: str) -> None:
    with pytest.raises(CommandError, match=message):
        run(*arguments)


def test_what_it_saved_is_gone_afterwards(
    clip: Path, django_db_setup: None, django_db_blocker: DjangoDbBlocker
) -> None:
    """Outside of a test's transaction, which would keep the owner from removing the tenant."""
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        assert json.loads(run("pipeline", clip, "--json"))["saved"] is True
        cursor.execute("SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'bench%'")
        assert cursor.fetchone() == (0,)
