"""The engines of this installation, and people to recognise with them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.backing import SHARED
from workers.engines import Engines
from workers.engines.store import ModelMissing
from workers.enrol import enrol_picture
from workers.loaded import loaded_engines
from workers.replay import MemoryGallery


@pytest.fixture(scope="session")
def engines() -> Engines:
    try:
        return loaded_engines()
    except ModelMissing as error:
        pytest.skip(f"needs real models: {error}")


@pytest.fixture(scope="session")
def samples() -> Path:
    folder = SHARED / "samples"
    if not folder.is_dir():
        pytest.skip("needs the samples folder beside the project")
    return folder


@pytest.fixture
def gallery(engines: Engines) -> MemoryGallery:
    """Nobody is known yet."""
    return MemoryGallery(engines.thresholds.link)


@pytest.fixture
def staff(engines: Engines, gallery: MemoryGallery) -> MemoryGallery:
    """Tom and Eileen are staff, the people of the group picture are strangers."""
    from tests.stages.faces import portraits

    people = portraits()
    for name in ("tom", "eileen"):
        gallery.enrol(name, [enrol_picture(engines, people[name])])
    return gallery
