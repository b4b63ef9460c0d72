"""The engines of this installation, and people to recognise with them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.backing import NO_MODELS, SAMPLES
from tests.real_models import engines_of_settings
from workers.engines import Engines
from workers.enrol import enrol_picture
from workers.replay import MemoryGallery


@pytest.fixture(scope="session")
def engines() -> Engines:
    return engines_of_settings()


@pytest.fixture(scope="session")
def samples() -> Path:
    if not SAMPLES.is_dir():
        pytest.skip(f"{NO_MODELS} has no folder `samples` beside it")
    return SAMPLES


@pytest.fixture
def gallery(engines: Engines) -> MemoryGallery:
    """Nobody is known yet."""
    return MemoryGallery(engines.thresholds.match)


@pytest.fixture
def staff(engines: Engines, gallery: MemoryGallery) -> MemoryGallery:
    """Tom and Eileen are staff, the people of the group picture are strangers."""
    from tests.stages.faces import portraits

    people = portraits()
    for name in ("tom", "eileen"):
        gallery.enrol(name, [enrol_picture(engines, people[name])])
    return gallery
