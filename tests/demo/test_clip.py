"""The demo's clip and enrolment pictures: what their truth says is what cameras and models see in them."""

from dataclasses import dataclass, replace
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from facetrack.demo import sources
from facetrack.demo.clip import ClipError, make_clip
from facetrack.demo.enrolment import enrolment_pictures
from facetrack.demo.truth import Appearance, DemoTruth
from tests.real_models import models_of_settings
from workers.recognition.models.loading import FaceModels
from workers.recognition.stages.align import aligned
from workers.recognition.types import Face, Floats, Picture

EVERY = 10
"""Of so many frames of the clip one is looked at: dlib takes half a second for a face."""

LEFT_TO_RIGHT = ("Eileen Collins", "Tom Hanks", "guest 2", "guest 1", "guest 3", "guest 4")
"""How those stand who are in view together."""


@dataclass(frozen=True)
class Made:
    """A clip and what its maker says of it."""

    path: Path
    truth: DemoTruth
    progress: list[float]

    def frames(self) -> dict[int, Picture]:
        """Every tenth frame of the clip, by its number."""
        source, seen = cv2.VideoCapture(str(self.path)), {}
        for number in range(self.truth.frames):
            assert source.grab(), f"frame {number} is missing"
            if number % EVERY == 0:
                seen[number] = np.asarray(source.retrieve()[1], np.uint8)
        assert not source.grab(), "there are more frames than promised"
        return seen


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    path, progress = tmp_path_factory.mktemp("clip") / "demo.mp4", list[float]()
    return Made(path, make_clip(path, progress=progress.append), progress)


@pytest.fixture(scope="module")
def models() -> FaceModels:
    return models_of_settings()


@pytest.fixture(scope="module")
def found(made: Made, models: FaceModels) -> dict[int, list[tuple[Face, Floats]]]:
    """Faces that are large enough to be recognised, left to right, with embeddings, by frame."""
    return {number: _recognised(picture, models) for number, picture in made.frames().items()}


def _recognised(picture: Picture, models: FaceModels) -> list[tuple[Face, Floats]]:
    faces = sorted(models.detector.detect(picture), key=lambda face: float(face.box[0]))
    embedder = models.embedder
    return [
        (face, embedder.embed([aligned(picture, face.landmarks, embedder.template, embedder.size)])[0])
        for face in faces
        if face.box[2] - face.box[0] >= 60
    ]


def _template(embeddings: list[Floats]) -> Floats:
    mean = np.mean(embeddings, axis=0)
    return np.asarray(mean / np.linalg.norm(mean), np.float32)


def test_it_makes_a_clip_that_both_decoders_read_as_promised(made: Made) -> None:
    width, height = made.truth.size
    assert {frame.shape for frame in made.frames().values()} == {(height, width, 3)}
    with av.open(str(made.path)) as container:
        stream = container.streams.video[0]
        assert stream.codec_context.name == "h264"
        assert float(stream.average_rate or 0) == made.truth.fps
        assert sum(1 for _ in container.decode(stream)) == made.truth.frames


def test_it_tells_how_far_it_is(made: Made) -> None:
    assert made.progress == sorted(made.progress)
    assert made.progress[-1] == 1.0
    assert len(made.progress) == made.truth.frames


def test_the_story_has_what_the_demo_shows(made: Made) -> None:
    truth = made.truth
    stays: dict[str, list[Appearance]] = {}
    for stay in truth.appearances:
        stays.setdefault(stay.person, []).append(stay)
    assert set(stays) == {*truth.staff, *truth.strangers, *truth.passers_by}
    assert len(truth.staff) == 2
    assert len(truth.strangers) >= 4

    twice = [person for person, those in stays.items() if len(those) > 1]
    assert len(twice) == 1
    assert twice[0] in truth.strangers
    first, second = stays[twice[0]]
    assert second.first_frame - first.last_frame >= 8 * truth.fps

    known = {*truth.staff, *truth.strangers}
    together = [_present(truth, frame, known) for frame in range(truth.frames)]
    assert {len(people) for people in together} == {0, 1, 2, 3}
    assert not any(together[: int(1.5 * truth.fps)])
    assert not any(together[-int(1.5 * truth.fps) :])


def _present(truth: DemoTruth, frame: int, among: set[str]) -> list[str]:
    return [
        stay.person
        for stay in truth.appearances
        if stay.first_frame <= frame <= stay.last_frame and stay.person in among
    ]


def test_its_truth_survives_json(made: Made) -> None:
    assert DemoTruth.from_json(made.truth.to_json()) == made.truth


def test_it_refuses_what_is_no_truth() -> None:
    with pytest.raises(ValueError, match="make the clip again"):
        DemoTruth.from_json('{"fps": 12.5}')


def test_the_same_seed_makes_the_same_clip_and_another_one_another(tmp_path: Path) -> None:
    paths = [tmp_path / f"{n}.mp4" for n in range(3)]
    truths = [
        make_clip(path, size=(640, 360), seconds=30, fps=5, seed=seed)
        for path, seed in zip(paths, (1, 1, 2), strict=True)
    ]
    assert truths[0] == truths[1]
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert paths[0].read_bytes() != paths[2].read_bytes()
    assert truths[2].frames == truths[0].frames == 150


def test_a_detector_finds_each_face_that_the_truth_names(
    made: Made, found: dict[int, list[tuple[Face, Floats]]]
) -> None:
    for stay in made.truth.appearances:
        if stay.person not in made.truth.passers_by:
            assert len(_faces_of(stay, made.truth, found)) >= 3, f"{stay} is not found often enough"


def test_nobody_is_found_in_the_empty_scene(made: Made, models: FaceModels) -> None:
    empty = int(1.5 * made.truth.fps)
    for number, picture in made.frames().items():
        if number < empty or number >= made.truth.frames - empty:
            assert models.detector.detect(picture) == [], f"a face in the empty frame {number}"


def test_models_tell_its_people_apart(
    made: Made, models: FaceModels, found: dict[int, list[tuple[Face, Floats]]], tmp_path: Path
) -> None:
    """Staff by their enrolment, the returning stranger by their first stay, and nobody by anybody else."""
    enrolment_pictures(tmp_path)
    known = {person: _enrolled(tmp_path / person, models) for person in made.truth.staff}
    for stay in made.truth.appearances:
        if stay.person in made.truth.passers_by:
            continue
        template = _template(_faces_of(stay, made.truth, found))
        for person, other in known.items():
            likeness = float(template @ other)
            if person == stay.person:
                assert likeness >= models.thresholds.match + 0.01, f"{stay} is not recognised"
            else:
                assert likeness < models.thresholds.review, f"{stay} is taken for {person}"
        known.setdefault(stay.person, template)


def _faces_of(
    stay: Appearance, truth: DemoTruth, found: dict[int, list[tuple[Face, Floats]]]
) -> list[Floats]:
    """Embeddings of a person where the faces in view are as many as the people who should be there."""
    embeddings = []
    for frame, faces in found.items():
        there = _present(truth, frame, {*LEFT_TO_RIGHT})
        if stay.first_frame <= frame <= stay.last_frame and len(there) == len(faces):
            place = sorted(there, key=LEFT_TO_RIGHT.index).index(stay.person)
            embeddings.append(faces[place][1])
    return embeddings


def _enrolled(folder: Path, models: FaceModels) -> Floats:
    pictures = [cv2.imread(str(path)) for path in sorted(folder.iterdir())]
    assert 2 <= len(pictures) <= 3
    faces = [_recognised(np.asarray(picture, np.uint8), models) for picture in pictures]
    assert [len(those) for those in faces] == [1] * len(pictures), "one face in each enrolment picture"
    return _template([those[0][1] for those in faces])


def test_a_place_that_cannot_be_written_is_named_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(ClipError, match=r"file/demo\.mp4.*name another file"):
        make_clip(tmp_path / "file" / "demo.mp4", size=(640, 360), seconds=30, fps=5)
    (tmp_path / "folder.mp4").mkdir()
    with pytest.raises(ClipError, match=r"folder\.mp4"):
        make_clip(tmp_path / "folder.mp4", size=(640, 360), seconds=30, fps=5)
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["file", "folder.mp4"]
    assert (tmp_path / "file").read_text() == "mine"


def test_a_clip_that_is_broken_off_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "demo.mp4"
    path.write_bytes(b"the old one")

    def stop(done: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make_clip(path, size=(640, 360), seconds=30, fps=5, progress=stop)
    assert path.read_bytes() == b"the old one"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    "wrong", [{"seconds": 3.0}, {"size": (961, 540)}, {"size": (320, 180)}, {"fps": 0.5}], ids=str
)
def test_it_refuses_a_clip_that_cannot_be(tmp_path: Path, wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="not possible"):
        make_clip(tmp_path / "demo.mp4", **wrong)  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


def test_a_picture_that_a_package_has_changed_is_refused() -> None:
    with pytest.raises(sources.DemoPictureError, match=r"t1\.jpg is not the one.*insightface"):
        sources.picture(replace(sources.GROUP, sha256="0" * 64))


def test_a_missing_package_is_named() -> None:
    with pytest.raises(sources.DemoPictureError, match="scikit-nothing, which is not installed"):
        sources.picture(replace(sources.COLLINS, package="sknothing", project="scikit-nothing"))
