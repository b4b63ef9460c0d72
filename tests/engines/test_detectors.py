"""Detectors and embedders on a real picture: six people at a table."""

from __future__ import annotations

import threading
from pathlib import Path

import cv2
import numpy as np
import onnxruntime
import pytest
from insightface.data import get_image
from insightface.model_zoo import get_model
from insightface.utils.face_align import norm_crop

from tests.real_models import model_file, models_of
from workers.process.model_cache import model_store
from workers.recognition.models.loading import FaceModels, UnknownModelError, load
from workers.recognition.models.yunet import MIN_SCORE, OVERLAP, YuNet
from workers.recognition.types import Face, Picture

DETECTORS = ["yunet", "scrfd-500m", "scrfd-2.5g", "retinaface"]


@pytest.fixture(scope="module")
def table() -> Picture:
    return np.asarray(get_image("t1"), dtype=np.uint8)


def engines_with(detector: str, pack: str = "edgeface-xs") -> FaceModels:
    return models_of(pack, detector)


def options() -> onnxruntime.SessionOptions:
    plain = onnxruntime.SessionOptions()
    plain.intra_op_num_threads = 1
    return plain


def from_left(faces: list[Face]) -> list[Face]:
    return sorted(faces, key=lambda face: float(face.box[0]))


@pytest.mark.parametrize("name", DETECTORS)
def test_every_detector_finds_the_six_people(name: str, table: Picture) -> None:
    models = engines_with(name)
    faces = models.detector.detect(table)
    assert len(faces) == 6
    assert [face.score for face in faces] == sorted((face.score for face in faces), reverse=True)
    assert min(face.score for face in faces) >= models.sure
    for face in faces:
        (left, right, nose, mouth_left, mouth_right) = face.landmarks
        assert left[0] < right[0]
        assert mouth_left[0] < mouth_right[0]
        assert left[1] < nose[1] < mouth_right[1]
        assert (face.landmarks > face.box[:2]).all()
        assert (face.landmarks < face.box[2:]).all()


@pytest.mark.parametrize("name", DETECTORS[1:])
def test_detectors_agree_about_the_places(name: str, table: Picture) -> None:
    expected = from_left(engines_with("yunet").detector.detect(table))
    for one, other in zip(expected, from_left(engines_with(name).detector.detect(table)), strict=True):
        eyes = float(np.linalg.norm(one.landmarks[1] - one.landmarks[0]))
        assert np.abs(one.landmarks - other.landmarks).max() < max(0.4 * eyes, 12)


@pytest.mark.parametrize("size", [(1280, 886), (640, 384), (500, 333)])
def test_yunet_is_opencvs_yunet(size: tuple[int, int], table: Picture) -> None:
    path = model_file("yunet")
    picture = np.asarray(cv2.resize(table, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    reference = cv2.FaceDetectorYN.create(str(path), "", size, MIN_SCORE, OVERLAP, 5000)
    rows = reference.detect(picture)[1]
    rows = rows[np.argsort(-rows[:, 14])]
    ours = YuNet(path, options()).detect(picture)
    assert len(ours) == len(rows)
    for face, row in zip(ours, rows, strict=True):
        assert face.score == pytest.approx(row[14], abs=0.01)
        assert np.hstack([face.box[:2], face.box[2:] - face.box[:2]]) == pytest.approx(row[:4], abs=0.5)
        assert face.landmarks.ravel() == pytest.approx(row[4:14], abs=0.5)


@pytest.mark.parametrize("name", DETECTORS)
@pytest.mark.parametrize("shape", [(32, 32, 3), (37, 61, 3), (720, 200, 3)])
def test_pictures_of_any_size_without_a_face(name: str, shape: tuple[int, int, int]) -> None:
    assert engines_with(name).detector.detect(np.full(shape, 120, dtype=np.uint8)) == []


def test_another_kind_of_model_is_refused_by_name() -> None:
    embedder, detector = model_file("edgeface-xs"), model_file("yunet")
    with pytest.raises(ValueError, match=embedder.name):
        YuNet(embedder, options())
    from workers.recognition.models.arcface import ArcFace
    from workers.recognition.models.retinaface import RetinaFace

    with pytest.raises(ValueError, match=detector.name):
        ArcFace(detector, options(), "edgeface-xs")
    with pytest.raises(ValueError, match=detector.name):
        RetinaFace(detector, options())


def test_embeddings_tell_the_six_people_apart(table: Picture) -> None:
    models = engines_with("yunet")
    faces = models.detector.detect(table)
    crops = [np.asarray(norm_crop(table, face.landmarks), dtype=np.uint8) for face in faces]
    embeddings = models.embedder.embed(crops * 4)
    assert embeddings.shape == (24, 512)
    assert embeddings.dtype == np.float32
    assert np.linalg.norm(embeddings, axis=1) == pytest.approx(np.ones(24), abs=1e-4)
    likeness = embeddings[:6] @ embeddings[:6].T - np.eye(6)
    assert likeness.max() < models.thresholds.match
    assert (embeddings[:6] * embeddings[18:]).sum(axis=1) == pytest.approx(np.ones(6), abs=1e-3)
    assert models.embedder.embed([]).shape == (0, 512)


def test_one_session_serves_several_threads(table: Picture) -> None:
    models = engines_with("yunet")
    alone = models.detector.detect(table)
    results: list[list[Face]] = []

    def run() -> None:
        results.extend(models.detector.detect(table) for _ in range(5))

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 20
    for faces in results:
        assert [face.box.tolist() for face in faces] == [face.box.tolist() for face in alone]


@pytest.mark.parametrize(("pack", "detector"), [("nobody", "yunet"), ("edgeface-xs", "magnifying-glass")])
def test_unknown_names_list_the_known_ones(pack: str, detector: str) -> None:
    with pytest.raises(UnknownModelError, match="choose one of"):
        load(pack, detector, model_store())


def iou(first: Face, second: Face) -> float:
    low, high = np.maximum(first.box[:2], second.box[:2]), np.minimum(first.box[2:], second.box[2:])
    common = float(np.clip(high - low, 0, None).prod())
    areas = sum(float((face.box[2:] - face.box[:2]).prod()) for face in (first, second))
    return common / (areas - common)


def reference_faces(name: str, path: Path, picture: Picture) -> list[Face]:
    """The same model run by the program that its publisher means for it."""
    if name == "yunet":
        size = (picture.shape[1], picture.shape[0])
        rows = cv2.FaceDetectorYN.create(str(path), "", size, MIN_SCORE, OVERLAP, 5000).detect(picture)[1]
        return [
            Face(np.hstack([row[:2], row[:2] + row[2:4]]), row[4:14].reshape(5, 2), float(row[14]))
            for row in rows
        ]
    if name == "retinaface":
        return publishers_retinaface(path, picture)
    model = get_model(str(path), providers=["CPUExecutionProvider"])
    model.prepare(0, det_thresh=0.5)
    boxes, points = model.detect(picture, input_size=(640, 448))
    return [Face(row[:4], marks, float(row[4])) for row, marks in zip(boxes, points, strict=True)]


def publishers_retinaface(path: Path, picture: Picture) -> list[Face]:
    """After Pytorch_Retinaface's detect.py, prior_box.py and box_utils.py, loop by loop."""
    canvas = np.zeros((640, 640, 3), np.float32)
    canvas[: picture.shape[0], : picture.shape[1]] = picture
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    tensor = (canvas - np.array([104, 117, 123], np.float32)).transpose(2, 0, 1)[None].astype(np.float32)
    # The fitted picture's border is black before the mean is taken off, as the product's is.
    loc, conf, landms = session.run(["output0", "572", "571"], {session.get_inputs()[0].name: tensor})
    faces, row = [], 0
    for step, sizes in ((8, (16, 32)), (16, (64, 128)), (32, (256, 512))):
        for i in range(640 // step):
            for j in range(640 // step):
                for size in sizes:
                    prior = np.array([(j + 0.5) * step, (i + 0.5) * step, size, size], np.float32)
                    if conf[0, row, 1] >= 0.6:
                        centre = prior[:2] + loc[0, row, :2] * 0.1 * prior[2:]
                        side = prior[2:] * np.exp(loc[0, row, 2:] * 0.2)
                        marks = prior[:2] + landms[0, row].reshape(5, 2) * 0.1 * prior[2:]
                        box = np.hstack([centre - side / 2, centre + side / 2])
                        faces.append(Face(box, marks, float(conf[0, row, 1])))
                    row += 1
    kept: list[Face] = []
    for face in sorted(faces, key=lambda f: -f.score):
        if all(iou(face, better) <= 0.4 for better in kept):
            kept.append(face)
    return kept


@pytest.mark.parametrize("name", DETECTORS)
def test_each_detector_is_its_reference_at_640(name: str, table: Picture) -> None:
    picture = np.asarray(cv2.resize(table, (640, 443), interpolation=cv2.INTER_AREA), dtype=np.uint8)
    path = model_file(name)
    if name != "retinaface":  # which is fitted into its square from the top left, as ours is
        picture = np.asarray(cv2.copyMakeBorder(picture, 0, 5, 0, 0, cv2.BORDER_CONSTANT), dtype=np.uint8)
    expected = from_left(reference_faces(name, path, picture))
    ours = from_left(engines_with(name).detector.detect(picture))
    assert len(ours) == len(expected) == 6
    for one, other in zip(ours, expected, strict=True):
        assert iou(one, other) >= 0.98
        assert np.abs(one.landmarks - other.landmarks).max() <= 1.0
