"""The pack `dlib` on the pictures of insightface: it needs no models folder and no internet."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import combinations
from pathlib import Path

import cv2
import numpy as np
import pytest
from insightface.data import get_image

from workers.recognition.models.catalogue import PACKS
from workers.recognition.models.dlib_pack import DlibDetector, DlibEmbedder
from workers.recognition.models.store import ModelMissing, ModelStore
from workers.recognition.stages.align import aligned
from workers.recognition.types import Face, Floats, Picture

dlib = pytest.importorskip("dlib", reason="needs `pip install -r requirements/dlib.txt`")

THRESHOLDS = PACKS["dlib"].thresholds


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> ModelStore:
    return ModelStore(None, tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def detector(store: ModelStore) -> DlibDetector:
    return DlibDetector(store, upsample=0)


@pytest.fixture(scope="module")
def embedder(store: ModelStore) -> DlibEmbedder:
    return DlibEmbedder(store)


@pytest.fixture(scope="module")
def six_people() -> Picture:
    """1280 x 886, faces of about 110 pixels."""
    return np.asarray(get_image("t1"), dtype=np.uint8)


@pytest.fixture(scope="module")
def faces(detector: DlibDetector, six_people: Picture) -> list[Face]:
    return detector.detect(six_people)


@pytest.fixture(scope="module")
def embeddings(embedder: DlibEmbedder, six_people: Picture, faces: list[Face]) -> Floats:
    return embedder.embed([crop_of(embedder, six_people, face) for face in faces])


@pytest.fixture(scope="module")
def dlibs_chips(store: ModelStore, six_people: Picture, faces: list[Face]) -> list[Picture]:
    """dlib's own crops of the faces, which it aligns with all its points; BGR."""
    predictor = dlib.shape_predictor(str(store.find("dlib") / "shape_predictor_68_face_landmarks.dat"))
    rgb = np.ascontiguousarray(six_people[:, :, ::-1])
    chips = []
    for face in faces:
        left, top, right, bottom = (int(side) for side in face.box)
        shape = predictor(rgb, dlib.rectangle(left, top, right - 1, bottom - 1))
        chip = dlib.get_face_chip(rgb, shape, size=150, padding=0.25)
        chips.append(np.ascontiguousarray(chip[:, :, ::-1]))
    return chips


def crop_of(embedder: DlibEmbedder, picture: Picture, face: Face) -> Picture:
    return aligned(picture, face.landmarks, embedder.template, embedder.size)


class TestDetector:
    def test_it_finds_the_six_people_best_first(self, faces: list[Face]) -> None:
        assert len(faces) == 6
        scores = [face.score for face in faces]
        assert scores == sorted(scores, reverse=True)
        assert all(0.5 <= score < 1.0 for score in scores)

    def test_landmarks_lie_in_the_face_in_our_order(self, faces: list[Face]) -> None:
        for face in faces:
            left_eye, right_eye, nose, left_mouth, right_mouth = face.landmarks
            assert (face.landmarks > face.box[:2]).all()
            assert (face.landmarks < face.box[2:]).all()
            assert left_eye[0] < right_eye[0]
            assert left_mouth[0] < right_mouth[0]
            assert max(left_eye[1], right_eye[1]) < nose[1] < min(left_mouth[1], right_mouth[1])

    def test_upsampling_finds_small_faces(
        self, store: ModelStore, detector: DlibDetector, six_people: Picture
    ) -> None:
        small = np.asarray(cv2.resize(six_people, (480, 332), interpolation=cv2.INTER_AREA), dtype=np.uint8)
        found = DlibDetector(store).detect(small)
        assert detector.detect(small) == []
        assert len(found) >= 4
        assert all(35 <= face.box[2] - face.box[0] <= 60 for face in found)

    @pytest.mark.parametrize("shape", [(1, 1, 3), (40, 7, 3), (360, 640, 3)])
    def test_pictures_without_a_face_are_no_trouble(
        self, detector: DlibDetector, shape: tuple[int, ...]
    ) -> None:
        assert detector.detect(np.zeros(shape, dtype=np.uint8)) == []

    def test_threads_find_the_same(
        self, detector: DlibDetector, six_people: Picture, faces: list[Face]
    ) -> None:
        with ThreadPoolExecutor(3) as pool:
            for found in pool.map(detector.detect, [six_people] * 3):
                assert [face.score for face in found] == [face.score for face in faces]


class TestEmbedder:
    def test_embeddings_are_normalised_and_padded(self, embeddings: Floats) -> None:
        assert embeddings.shape == (6, 512)
        assert embeddings.dtype == np.float32
        assert np.linalg.norm(embeddings, axis=1) == pytest.approx(np.ones(6), abs=1e-5)
        assert (embeddings[:, 128:] == 0).all()

    def test_no_faces_give_no_embeddings(self, embedder: DlibEmbedder) -> None:
        assert embedder.embed([]).shape == (0, 512)

    def test_our_alignment_is_nearly_dlibs(
        self, embedder: DlibEmbedder, embeddings: Floats, dlibs_chips: list[Picture]
    ) -> None:
        """Five points of the mean face align nearly as all 51 do: nearly dlib's own descriptor comes out.

        They differ most for turned heads (0.982 here, 0.999 for a frontal face); strangers are at 0.86.
        """
        similarities = (embedder.embed(dlibs_chips) * embeddings).sum(axis=1)
        assert similarities.min() > 0.975
        assert similarities[0] > 0.995

    def test_the_crop_of_a_frontal_face_is_dlibs_chip(
        self, embedder: DlibEmbedder, six_people: Picture, faces: list[Face], dlibs_chips: list[Picture]
    ) -> None:
        difference = np.abs(crop_of(embedder, six_people, faces[0]).astype(int) - dlibs_chips[0])
        assert difference[30:120, 30:120].mean() < 6

    def test_it_is_dlibs_descriptor_of_the_rgb_crop(
        self, store: ModelStore, embedder: DlibEmbedder, six_people: Picture, faces: list[Face]
    ) -> None:
        network = dlib.face_recognition_model_v1(
            str(store.find("dlib") / "dlib_face_recognition_resnet_model_v1.dat")
        )
        crop = crop_of(embedder, six_people, faces[0])
        theirs = np.array(network.compute_face_descriptor(cv2.cvtColor(crop, cv2.COLOR_BGR2RGB)))
        ours = embedder.embed([crop])[0, :128]
        assert ours == pytest.approx(theirs / np.linalg.norm(theirs), abs=1e-4)

    def test_people_are_told_apart(self, embeddings: Floats) -> None:
        for one, other in combinations(embeddings, 2):
            assert float(one @ other) < THRESHOLDS.review

    def test_a_worse_picture_is_still_the_same_person(
        self, detector: DlibDetector, embedder: DlibEmbedder, six_people: Picture, embeddings: Floats
    ) -> None:
        worse = cv2.convertScaleAbs(cv2.GaussianBlur(six_people, (0, 0), 1.0), alpha=0.8, beta=10)
        face = detector.detect(np.asarray(worse, dtype=np.uint8))[0]
        again = embedder.embed([crop_of(embedder, np.asarray(worse, dtype=np.uint8), face)])[0]
        scores = np.sort(embeddings @ again)
        assert scores[-1] >= THRESHOLDS.match
        assert scores[-1] - scores[-2] >= THRESHOLDS.margin

    def test_threads_embed_the_same(
        self, embedder: DlibEmbedder, six_people: Picture, faces: list[Face], embeddings: Floats
    ) -> None:
        crops = [crop_of(embedder, six_people, face) for face in faces]
        with ThreadPoolExecutor(3) as pool:
            found = list(pool.map(lambda crop: embedder.embed([crop])[0], crops))
        assert np.allclose(found, embeddings, atol=1e-5)


def test_a_missing_package_names_the_command_that_installs_it(
    store: ModelStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "dlib", None)  # how Python marks what cannot be imported
    for part in (DlibDetector, DlibEmbedder):
        with pytest.raises(ModelMissing, match=r"pip install -r requirements/dlib\.txt"):
            part(store)


def test_damaged_weights_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    weights = tmp_path / "face_recognition_models" / "models"
    weights.mkdir(parents=True)
    (weights.parent / "__init__.py").touch()
    (weights / "dlib_face_recognition_resnet_model_v1.dat").write_bytes(b"half")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModelMissing, match=r"resnet_model_v1\.dat: it has 4 bytes.*--force-reinstall"):
        DlibEmbedder(ModelStore(None, tmp_path))
