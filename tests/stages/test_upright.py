"""Faces that lie on their side or stand on their head get no name, unless the camera says how it hangs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.real_models import models_of
from tests.stages.faces import backdrop, paste, portraits, sized
from workers.lab.picture_folders import enrol_people, people_in
from workers.recognition.capture.files.source import FileSource
from workers.recognition.config import CameraConfig, PipelineConfig
from workers.recognition.enrol import PictureRefused, enrol_picture
from workers.recognition.models.loading import FaceModels
from workers.recognition.orientation import AS_IS, Orientation, QuarterTurn, turned
from workers.recognition.replay import MemoryGallery, replay
from workers.recognition.stages.upright import needed_turn, suggested_turn
from workers.recognition.types import Decision, Picture, TrackReport

PEOPLE = portraits()
FPS = 5
TURNED = (QuarterTurn.RIGHT, QuarterTurn.HALF, QuarterTurn.LEFT)
NAMED = (Decision.STAFF, Decision.VISITOR, Decision.NEW_VISITOR)


def undone(turn: QuarterTurn) -> QuarterTurn:
    return QuarterTurn(-turn % 360)


def clip_of(path: Path, *names: str, turn: QuarterTurn) -> Path:
    """These people walk by side by side, and the camera hangs so that its pictures have this turn."""
    noise = np.random.default_rng(7)
    writer: cv2.VideoWriter | None = None
    for step in range(14):
        scene = backdrop()
        for place, name in enumerate(names):
            scene = paste(scene, sized(PEOPLE[name], 200), 20 + 210 * place + 2 * step, 80 + step % 3)
        grainy = np.clip(scene + noise.normal(0, 3, scene.shape), 0, 255).astype(np.uint8)
        shown = turned(grainy, turn)
        if writer is None:
            size = (shown.shape[1], shown.shape[0])
            writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), FPS, size)
        writer.write(shown)
    assert writer is not None
    writer.release()
    return path


def tracks_of(
    clip: Path, models: FaceModels, gallery: MemoryGallery, orientation: Orientation = AS_IS, fps: float = FPS
) -> tuple[TrackReport, ...]:
    config = PipelineConfig(camera=CameraConfig(fps=fps))
    source = FileSource(str(clip), fps=fps, orientation=orientation)
    return replay(models, gallery, source, config, lambda _: None).tracks


def named_in(tracks: tuple[TrackReport, ...]) -> set[str | None]:
    return {t.verdict.identity for t in tracks if t.verdict.decision in NAMED}


@pytest.mark.parametrize("turn", TURNED)
def test_a_turned_clip_names_no_person_and_all_are_known_with_the_setting(
    models: FaceModels, staff: MemoryGallery, tmp_path: Path, turn: QuarterTurn
) -> None:
    clip = clip_of(tmp_path / "turned.mp4", "tom", "eileen", turn=turn)
    assert named_in(tracks_of(clip, models, staff)) == set()
    assert named_in(tracks_of(clip, models, staff, Orientation(undone(turn)))) == {"tom", "eileen"}


def test_strangers_who_are_turned_alike_are_not_one_visitor(
    models: FaceModels, gallery: MemoryGallery, tmp_path: Path
) -> None:
    clip = clip_of(tmp_path / "turned.mp4", "ann", "cid", turn=QuarterTurn.HALF)
    assert named_in(tracks_of(clip, models, gallery)) == set()


@pytest.mark.parametrize("turn", TURNED)
@pytest.mark.parametrize("name", ["tom", "eileen", "ann", "cid"])
def test_a_turned_picture_is_refused_with_the_turn_that_it_needs(
    models: FaceModels, name: str, turn: QuarterTurn
) -> None:
    with pytest.raises(PictureRefused) as refused:
        enrol_picture(models, turned(PEOPLE[name], turn))
    assert "Turn the picture" in refused.value.fix_hint
    if "not clear" in refused.value.reason:
        return
    there = {QuarterTurn.RIGHT: "to the right", QuarterTurn.HALF: "by 180", QuarterTurn.LEFT: "to the left"}
    assert there[undone(turn)] in refused.value.fix_hint


@pytest.mark.parametrize("angle", [-15, 15])
def test_a_tilted_head_is_upright(models: FaceModels, angle: int) -> None:
    scene = paste(backdrop(), sized(PEOPLE["eileen"], 240), 120, 60)
    matrix = cv2.getRotationMatrix2D((240, 180), angle, 1.0)
    tilted = np.asarray(cv2.warpAffine(scene, matrix, (480, 360)), dtype=np.uint8)
    face = models.detector.detect(tilted)[0]
    assert needed_turn(models.detector, tilted, face) is QuarterTurn.NONE


@pytest.mark.parametrize("turn", list(QuarterTurn))
def test_how_a_camera_hangs_is_seen_from_its_faces(models: FaceModels, turn: QuarterTurn) -> None:
    scene = turned(paste(backdrop(), sized(PEOPLE["tom"], 240), 120, 60), turn)
    assert suggested_turn(models.detector, scene, models.sure) is undone(turn)
    assert suggested_turn(models.detector, turned(backdrop(), turn), models.sure) is QuarterTurn.NONE


@pytest.mark.parametrize("detector", ["yunet", "scrfd-500m", "scrfd-2.5g", "retinaface"])
@pytest.mark.parametrize("turn", list(QuarterTurn))
def test_every_detector_knows_which_way_up_a_face_is(detector: str, turn: QuarterTurn) -> None:
    models = models_of("edgeface-xs", detector)
    scene = paste(backdrop(), sized(PEOPLE["eileen"], 240), 120, 60)
    face = models.detector.detect(scene)[0]
    x1, y1, x2, y2 = face.box
    crop = np.ascontiguousarray(scene[max(0, int(y1) - 60) : int(y2) + 60, int(x1) - 60 : int(x2) + 60])
    shown = turned(crop, turn)
    height, width = shown.shape[:2]
    middle = np.array([width, height, width, height], dtype=np.float32) / 2
    half = float(max(x2 - x1, y2 - y1)) / 2
    box = middle + np.array([-half, -half, half, half], dtype=np.float32)
    placed = replace(face, box=box.astype(np.float32))
    assert needed_turn(models.detector, shown, placed) is undone(turn)


@pytest.fixture(scope="module")
def edgeface() -> FaceModels:
    return models_of("edgeface-xs", "yunet")


@pytest.fixture(scope="module")
def known(edgeface: FaceModels, samples: Path) -> MemoryGallery:
    folder, gallery = samples / "people", MemoryGallery(edgeface.thresholds.match)
    people = {name: paths for name, paths in people_in(folder).items() if not name.startswith("orl_")}
    assert [refusal for refusal in enrol_people(edgeface, gallery, people, folder) if refusal] == []
    return gallery


@pytest.mark.parametrize("turn", TURNED)
def test_the_sample_clip_turned_names_no_person_and_with_the_setting_the_same_people(
    edgeface: FaceModels, known: MemoryGallery, samples: Path, tmp_path: Path, turn: QuarterTurn
) -> None:
    clip = tmp_path / "turned.mp4"
    _turn_clip(samples / "clips" / "white_house_rap.mp4", clip, turn)
    turned_tracks = tracks_of(clip, edgeface, known, fps=10)
    assert {t.verdict.identity for t in turned_tracks if t.verdict.decision is Decision.STAFF} == set()
    upright = tracks_of(clip, edgeface, known, Orientation(undone(turn)), fps=10)
    staff = {t.verdict.identity for t in upright if t.verdict.decision is Decision.STAFF}
    assert staff == {"lin_manuel_miranda", "obama"}


def _turn_clip(source: Path, target: Path, turn: QuarterTurn) -> None:
    """At ten frames a second and without loss, so that only the turn differs."""
    capture, number = cv2.VideoCapture(str(source)), 0
    writer: cv2.VideoWriter | None = None
    while capture.grab():
        if number % 3 == 0:
            shown = turned(np.asarray(capture.retrieve()[1], dtype=np.uint8), turn)
            if writer is None:
                size = (shown.shape[1], shown.shape[0])
                writer = cv2.VideoWriter(str(target), cv2.VideoWriter.fourcc(*"avc1"), 10, size)
                if not writer.isOpened():
                    writer = cv2.VideoWriter(str(target), cv2.VideoWriter.fourcc(*"mp4v"), 10, size)
            writer.write(shown)
        number += 1
    capture.release()
    assert writer is not None
    writer.release()


def test_mirrored_is_not_turned(models: FaceModels) -> None:
    scene = np.ascontiguousarray(paste(backdrop(), sized(PEOPLE["tom"], 240), 120, 60)[:, ::-1])
    assert suggested_turn(models.detector, scene, models.sure) is QuarterTurn.NONE


def test_orientations() -> None:
    picture = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)
    assert (turned(picture, QuarterTurn.RIGHT) == cv2.rotate(picture, cv2.ROTATE_90_CLOCKWISE)).all()
    assert (turned(picture, QuarterTurn.LEFT) == cv2.rotate(picture, cv2.ROTATE_90_COUNTERCLOCKWISE)).all()
    both = Orientation(QuarterTurn.RIGHT, mirrored=True).applied(picture)
    assert (both == cv2.flip(cv2.rotate(picture, cv2.ROTATE_90_CLOCKWISE), 1)).all()
    assert AS_IS.size(720, 576, 16 / 11, 1920) == (1047, 576)
    assert AS_IS.size(960, 1080, 2.0, 1920) == (1920, 1080)
    assert AS_IS.size(640, 360, 0.5, 1920) == (640, 720)
    assert AS_IS.size(4000, 2000, 1.0, 1920) == (1920, 960)
    assert AS_IS.size(640, 360, 1e9, 1920) == (640, 360), "a damaged header changes nothing"
    assert Orientation(pixel_aspect=2).size(960, 1080, 1.0, 1920) == (1920, 1080)
    assert Orientation(pixel_aspect=1).size(640, 360, 2.0, 1920) == (640, 360), "the setting counts"
    for wrong in (0.0, -1.0, 5.0, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="pixel aspect"):
            Orientation(pixel_aspect=wrong)


def _picture(size: tuple[int, int]) -> Picture:
    return np.zeros((*size, 3), dtype=np.uint8)


@pytest.mark.parametrize("size", [(1, 1), (2, 900), (900, 2)])
def test_any_face_in_any_picture_has_an_answer(models: FaceModels, size: tuple[int, int]) -> None:
    from tests.stages.faces import face_at

    for x, y, width in ((0, 0, 1), (5000, -5000, 60), (1, 1, 3000)):
        known = QuarterTurn.NONE if models.detector.upright_only else None
        assert needed_turn(models.detector, _picture(size), face_at(x, y, width)) is known
