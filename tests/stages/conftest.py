"""The engines of this installation, and people to recognise with them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.backing import NO_MODELS, SAMPLES
from tests.real_models import models_of_settings
from workers.recognition.enrol import enrol_picture
from workers.recognition.models.loading import FaceModels
from workers.recognition.replay import MemoryGallery


@pytest.fixture(scope="session")
def models() -> FaceModels:
    return models_of_settings()


@pytest.fixture(scope="session")
def samples() -> Path:
    if not SAMPLES.is_dir():
        pytest.skip(f"{NO_MODELS} has no folder `samples` beside it")
    return SAMPLES


@pytest.fixture
def gallery(models: FaceModels) -> MemoryGallery:
    """Nobody is known yet."""
    return MemoryGallery(models.thresholds.match)


@pytest.fixture
def staff(models: FaceModels, gallery: MemoryGallery) -> MemoryGallery:
    """Tom and Eileen are staff, the people of the group picture are strangers."""
    from tests.stages.faces import portraits

    people = portraits()
    for name in ("tom", "eileen"):
        gallery.enrol(name, [enrol_picture(models, people[name])])
    return gallery
