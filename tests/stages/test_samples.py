"""The shared sample pictures and clips: what has to be found in them, and what must not."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest

from facetrack.core.images import read_picture
from tests.real_models import models_of
from workers.lab.picture_folders import enrol_people, people_in
from workers.recognition.capture.files.source import FileSource
from workers.recognition.config import CameraConfig, PipelineConfig
from workers.recognition.enrol import EnrolledFace, PictureRefused, enrol_picture
from workers.recognition.models.loading import FaceModels
from workers.recognition.replay import MemoryGallery, replay
from workers.recognition.stages.decide import MatchSummary, decide
from workers.recognition.types import Decision, TrackReport


@pytest.fixture(scope="module")
def edgeface() -> FaceModels:
    return models_of("edgeface-xs", "yunet")


@pytest.fixture(scope="module")
def everybody(edgeface: FaceModels, samples: Path) -> MemoryGallery:
    """All 24 people of the samples are staff."""
    folder, gallery = samples / "people", MemoryGallery(edgeface.thresholds.match)
    refused = [refusal for refusal in enrol_people(edgeface, gallery, people_in(folder), folder) if refusal]
    assert gallery.people == 24
    assert len(refused) <= 2
    return gallery


def tracks_in(
    clip: Path, edgeface: FaceModels, everybody: MemoryGallery, fps: float = 10
) -> tuple[TrackReport, ...]:
    config = PipelineConfig(camera=CameraConfig(fps=fps))
    return replay(edgeface, everybody, FileSource(str(clip), fps=fps), config, lambda _: None).tracks


def test_the_two_known_people_of_the_clip_are_named_and_nobody_else(
    edgeface: FaceModels, everybody: MemoryGallery, samples: Path
) -> None:
    tracks = tracks_in(samples / "clips" / "white_house_rap.mp4", edgeface, everybody)
    named = {t.verdict.identity for t in tracks if t.verdict.decision is Decision.STAFF}
    assert named == {"lin_manuel_miranda", "obama"}
    assert not any(t.verdict.decision is Decision.UNSURE for t in tracks)


def test_backs_of_heads_are_nobody(edgeface: FaceModels, everybody: MemoryGallery, samples: Path) -> None:
    tracks = tracks_in(samples / "clips" / "backs_of_heads.mp4", edgeface, everybody, fps=5)
    assert tracks, "the detector does fire on some of them"
    assert {t.verdict.decision for t in tracks} == {Decision.REJECTED}


def test_faces_in_the_distance_are_counted_and_named_never(
    edgeface: FaceModels, everybody: MemoryGallery, samples: Path
) -> None:
    tracks = tracks_in(samples / "clips" / "corridor_walk.gif", edgeface, everybody)
    assert len(tracks) >= 2
    assert {t.verdict.decision for t in tracks} == {Decision.REJECTED}


@pytest.fixture(scope="module")
def portraits(edgeface: FaceModels, samples: Path) -> dict[str, list[EnrolledFace]]:
    """The faces of the 20 people of the AT&T database, ten pictures each."""
    return {
        name: [face for face in (face_in(edgeface, path) for path in paths) if face]
        for name, paths in people_in(samples / "people").items()
        if name.startswith("orl_")
    }


def face_in(models: FaceModels, path: Path) -> EnrolledFace | None:
    picture = read_picture(io.BytesIO(path.read_bytes()), megabytes=1, megapixels=1)
    try:
        return enrol_picture(models, picture)
    except PictureRefused:
        return None


def test_strangers_are_never_linked_and_known_people_nearly_always(
    edgeface: FaceModels, portraits: dict[str, list[EnrolledFace]]
) -> None:
    """Half of the people are enrolled with half of their pictures; all other pictures are seen once each."""
    right = []
    for seed in range(6):
        order = np.random.default_rng(seed)
        known = set(order.permutation(sorted(portraits))[:10].tolist())
        gallery, seen = MemoryGallery(edgeface.thresholds.match), []
        for name, faces in portraits.items():
            shuffled = [faces[i] for i in order.permutation(len(faces))]
            half = len(faces) // 2 if name in known else 0
            if half:
                gallery.enrol(name, shuffled[:half])
            seen += [(name, face) for face in shuffled[half:]]
        found = [(name, named(edgeface, gallery, face)) for name, face in seen]
        assert {identity for name, identity in found if name not in known} == {None}
        assert all(identity in (name, None) for name, identity in found if name in known)
        right += [name == identity for name, identity in found if name in known]
    assert len(right) > 280
    assert np.mean(right) >= 0.98


def named(models: FaceModels, gallery: MemoryGallery, face: EnrolledFace) -> str | None:
    """The verdict on a track that shows nothing but this face."""
    staff = tuple(gallery.staff(face.embedding))
    summary = MatchSummary(usable=9, good=9, seconds=3.0, staff=staff, share=1.0)
    return decide(summary, models.thresholds, PipelineConfig()).identity
