"""`manage.py evaluate` and `make_clips`: error rates of people whom nobody else sees."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from django.core.management import CommandError, call_command

from facetrack.core.images import clean_pixels
from staff.actions import accept_face, add_face_image, save_staff_member
from staff.gallery import tenants_thresholds
from staff.models import FaceImage, MatchThresholds, StaffMember
from tenants.models import Tenant
from tests.conftest import template_of
from tests.real_models import model_file, models_of, models_of_settings
from tests.stages.faces import portraits
from workers.lab.evaluation.faces import labelled_faces
from workers.lab.evaluation.rates import false_alarm_rate, false_match_rate, threshold_at, threshold_for
from workers.process.galleries import tuned
from workers.process.model_cache import loaded_models
from workers.recognition.types import Picture

PEOPLE = portraits()
"""Cut out by hand, so that they are the same whatever the detector finds."""
VARIANTS, UNUSABLE = 4, 2
MAX_REFUSED = 2
"""Of PEOPLE's pictures: some heads are small, softened or half turned away, and detectors differ there."""


@pytest.fixture(scope="module", autouse=True)
def _models() -> None:
    models_of_settings()


def variants(picture: Picture) -> list[Picture]:
    """Four pictures of one person: as they are, darker, softer and as in a mirror."""
    soft = cv2.GaussianBlur(picture, (0, 0), 0.8)
    return [np.asarray(p, np.uint8) for p in (picture, picture * 0.7, soft, picture[:, ::-1])]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """PEOPLE with four pictures each, and two pictures that nothing can be done with."""
    root = tmp_path_factory.mktemp("people")
    for name, picture in PEOPLE.items():
        (root / name).mkdir()
        for number, variant in enumerate(variants(picture)):
            cv2.imwrite(str(root / name / f"{number}.png"), variant)
    first = next(iter(sorted(root.iterdir())))
    (first / "broken.jpg").write_bytes(b"\xff\xd8\xff damaged")
    cv2.imwrite(str(first / "wall.png"), np.full((200, 200, 3), 128, np.uint8))
    return root


def run(command: str, *arguments: object, **options: Any) -> tuple[str, str]:
    out, err = StringIO(), StringIO()
    call_command(command, *(str(argument) for argument in arguments), stdout=out, stderr=err, **options)
    return out.getvalue(), err.getvalue()


def test_people_are_measured_and_drawn(folder: Path, tmp_path: Path) -> None:
    out, err = run("evaluate", folder, "--json", "--plot", tmp_path / "curves.png")
    found = json.loads(out)
    assert (found["people"], found["pictures"]) == (len(PEOPLE), len(PEOPLE) * VARIANTS + UNUSABLE)
    assert 0 < found["failure_to_acquire"] < 0.2
    refused = [each["picture"] for each in found["refused"]]
    assert "wall.png" in str(refused)
    assert len(refused) <= 1 + MAX_REFUSED, found["refused"]
    assert "broken.jpg" in err
    assert [each["fmr"] for each in found["verification"]] == [0.01, 0.001, 0.0001]
    assert found["verification"][0]["tar"] > 0.9
    assert found["verification"][2]["tar"] is None, "some hundred pairs say nothing about one in 10,000"
    for row in found["identification"]:
        assert row["fnir"] is None or row["fnir"]["low"] <= row["fnir"]["value"] <= row["fnir"]["high"]
    limits = found["recommended"]
    assert limits["review"] <= limits["link"]
    assert limits["link"] == pytest.approx(loaded_models().thresholds.match, abs=0.3), "near the catalogue's"
    assert limits["predicted_false_alarm_rate"] <= 0.003
    assert found["at_recommended"]["strangers_linked"] == 0
    picture = cv2.imread(str(tmp_path / "curves.png"))
    assert picture is not None
    assert picture.std() > 5


def test_thresholds_are_applied_with_their_origin_and_used(folder: Path, acme: Tenant) -> None:
    _, err = run("evaluate", folder, "--json", "--apply", "acme")
    row = MatchThresholds.objects.get()
    assert (row.pack, row.forced) == (loaded_models().embedder.pack, False)
    assert row.derived_from["folder"] == str(folder)
    assert row.derived_from["people"] == len(PEOPLE)
    assert f"{row.link:g}" in err
    models = tuned(acme, loaded_models())
    assert (models.thresholds.match, models.thresholds.review) == (row.link, row.review)


def test_a_setting_with_too_many_false_alarms_is_refused_unless_forced(
    folder: Path, acme: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.lab.evaluation.assessment.ALARM_AIM", 0.2)
    with pytest.raises(CommandError, match=r"was not applied.*--force"):
        run("evaluate", folder, "--apply", "acme")
    assert tenants_thresholds(loaded_models().embedder.pack) is None
    run("evaluate", folder, "--apply", "acme", "--force")
    assert MatchThresholds.objects.get().forced


def test_pictures_of_another_pack_are_an_error_with_a_way_out(folder: Path, acme: Tenant) -> None:
    member = save_staff_member(member=StaffMember(name="Ada"), by=None)
    image = add_face_image(member=member, picture=clean_pixels(PEOPLE["eileen"]), by=None)
    face: dict[str, Any] = {"box": [0, 0, 8, 8], "landmarks": [1.0] * 10, "quality": 0.8}
    accept_face(face_image=image, embedding=template_of(1), pack="another", **face)
    with pytest.raises(CommandError, match=r"1 with another.*enrol --again --tenant acme"):
        run("evaluate", folder, "--apply", "acme")
    out, _ = run("enrol", "--again", "--tenant", "acme")
    assert out.startswith("1 picture(s)")
    image.refresh_from_db()
    assert (image.status, image.pack) == (FaceImage.Status.READY, loaded_models().embedder.pack)


def test_folders_that_nothing_can_be_measured_with(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(CommandError, match="cannot be read"):
        run("evaluate", tmp_path / "missing")
    with pytest.raises(CommandError, match="has no pictures in sub-folders"):
        run("evaluate", tmp_path)
    for person in sorted(folder.iterdir()):
        (tmp_path / person.name).mkdir()
        (tmp_path / person.name / "one.png").write_bytes((person / "0.png").read_bytes())
    with pytest.raises(
        CommandError, match=f"0 people with two usable pictures or more, {len(PEOPLE)} with one"
    ):
        run("evaluate", tmp_path)
    for person in sorted(tmp_path.iterdir()):
        for picture in ("one.png", "two.png"):
            (person / picture).write_bytes(b"\x89PNG damaged")
    with pytest.raises(
        CommandError,
        match=rf"{2 * len(PEOPLE)} unusable pictures(.|\n)*one.png: .+(.|\n)*and \d+ more",
    ):
        run("evaluate", tmp_path)
    with pytest.raises(CommandError, match="no model pack named"):
        run("evaluate", folder, "--pack", "magic")


def test_what_would_come_to_nothing_is_refused_before_anything_is_measured(
    folder: Path, acme: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr("workers.management.commands.evaluate.load")
    with pytest.raises(CommandError, match="name a file in an existing folder"):
        run("evaluate", folder, "--plot", folder / "none" / "curves.png")
    with pytest.raises(CommandError, match=r"no tenant 'nobody' \(tenants: .*acme"):
        run("evaluate", folder, "--apply", "nobody")


@pytest.mark.parametrize("pack", ["edgeface-xs", "edgeface-xxs"])
def test_every_edgeface_tells_people_apart_at_its_own_thresholds(folder: Path, pack: str) -> None:
    """Each picture against the template of the others of its person, and of everybody else."""
    models = models_of(pack, "yunet")
    people = labelled_faces(models, folder, lambda done, total: None).people
    templates = np.stack([person.template([1, 2]) for person in people])
    scores = np.stack([person.embeddings[0] @ templates.T for person in people])
    own = np.eye(len(people), dtype=bool)
    assert scores[own].min() >= models.thresholds.match
    assert scores[~own].max() < models.thresholds.match


def test_a_damaged_model_is_named_with_its_remedy(folder: Path, tmp_path: Path, settings: Any) -> None:
    (tmp_path / "edgeface_xs.onnx").write_bytes(b"not a model")
    if settings.FACETRACK_DETECTOR == "yunet":
        (tmp_path / "yunet_n.onnx").symlink_to(model_file("yunet"))
    settings.FACETRACK_MODEL_DIR, settings.FACETRACK_CACHE_DIR = tmp_path, tmp_path / "cache"
    with pytest.raises(CommandError, match=r"edgeface-xs .*: .+"):
        run("evaluate", folder, "--pack", "edgeface-xs")


def test_generated_clips_are_counted_as_they_are(folder: Path, tmp_path: Path) -> None:
    clips = tmp_path / "clips"
    run("make_clips", clips, "--people", folder, "--stories", "entering", "small", "--actors", 3,
        "--size", "720p", "--fps", 10)  # fmt: skip
    truth = json.loads((clips / "entering.json").read_text())
    assert [stay["person"] for stay in truth["stays"]] == sorted(p.name for p in folder.iterdir())[:3]
    found = json.loads(run("evaluate", clips, "--json", "--enrol", folder, "--fps", 5)[0])
    entering, small = found["clips"]
    assert (entering["counted"], entering["named_right"], entering["named_wrong"]) == (3, 3, 0)
    assert (entering["duplicates"], entering["merges"], entering["no_person"]) == (0, 0, 0)
    assert (small["counted"], small["named_wrong"]) == (0, 0)
    (clips / "small.json").write_text("{}")
    with pytest.raises(CommandError, match="not the truth of a clip"):
        run("evaluate", clips)


def test_rates_from_numbers() -> None:
    strangers = np.linspace(-1, 0.5, 1001)
    assert threshold_at(strangers, 1e-4) is None
    at = threshold_at(strangers, 0.01)
    assert at is not None
    assert (strangers >= at).mean() <= 0.01
    assert (strangers >= np.nextafter(at, -1)).mean() > 0.0099
    normal = np.random.default_rng(1).normal(0, 0.1, 50_000)
    assert false_match_rate(normal, 0.2) == pytest.approx(0.0228, rel=0.1)
    beyond = false_match_rate(normal, 0.55)
    assert 0 < beyond < 1e-5, "never seen, and still not impossible"
    assert false_alarm_rate(1e-4, 1_000) == pytest.approx(0.095, abs=0.001)
    few, many = threshold_for(normal, 10, 0.003), threshold_for(normal, 10_000, 0.003)
    assert few < many


def test_turned_faces_are_measured(folder: Path) -> None:
    out, _ = run("evaluate", folder, "--turned")
    by_case = {(each["angle"], each["mirrored"]): each for each in json.loads(out)["turned"]}
    upright, mirrored = by_case[0, False], by_case[0, True]
    assert upright["own"] > 0.9
    assert upright["upright"] == upright["passed"] > 0
    assert mirrored["upright"] == mirrored["passed"] > 0
    for angle in (90, 135, 180, 270):
        assert by_case[angle, False]["upright"] <= 0.1 * upright["upright"]
    with pytest.raises(CommandError, match="only measures"):
        run("evaluate", folder, "--turned", "--apply", "acme")
