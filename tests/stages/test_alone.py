"""Recognition stands alone: it needs no framework and no other room of the house."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from tests.backing import ROOT
from tests.stages.faces import backdrop, paste, portraits, sized
from workers.recognition.models.loading import FaceModels


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """Tom walks through, then Dan; five frames a second."""
    path, people = tmp_path / "door.mp4", portraits()
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 5, (480, 360))
    for name in ("tom", "dan"):
        for i in range(14):
            writer.write(paste(backdrop(), sized(people[name], 200), 40 + 6 * i, 80))
        for _ in range(7):
            writer.write(backdrop())
    writer.release()
    return path


def alone(*words: str) -> subprocess.CompletedProcess[str]:
    """A process without the settings of Django."""
    return subprocess.run(
        [sys.executable, "-m", "tests.stages.alone", *words],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_clip_is_recognised_where_no_framework_can_be_imported(
    models: FaceModels, clip: Path, tmp_path: Path, settings: Any
) -> None:
    np.save(tmp_path / "tom.npy", portraits()["tom"])
    done = alone(
        settings.FACETRACK_PACK,
        settings.FACETRACK_DETECTOR,
        str(settings.FACETRACK_MODEL_DIR or ""),
        str(settings.FACETRACK_CACHE_DIR),
        str(clip),
        str(tmp_path / "tom.npy"),
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [["staff", "tom"], ["new_visitor", "visitor 1"]]


@pytest.mark.parametrize(
    "name", ["django", "celery", "redis", "pymilvus", "facetrack.core.images", "workers.process"]
)
def test_there_they_cannot_be_imported(name: str) -> None:
    """Or the test above would show nothing."""
    program = (
        "import sys; from tests.stages.alone import Refusal; "
        f"sys.meta_path.insert(0, Refusal()); import {name}"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert "cannot be imported here" in done.stderr
