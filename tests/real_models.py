"""Real models for a test, or the reason why it is skipped."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest

from tests.backing import NO_MODELS
from workers.engines import Engines, load
from workers.engines.store import ModelMissing
from workers.loaded import loaded_engines, model_store

Had = TypeVar("Had")


def engines_of_settings() -> Engines:
    """The detector and the pack that the tests run with: dlib where no folder of models is named."""
    return _or_skip(loaded_engines)


def engines_of(pack: str, detector: str) -> Engines:
    """Just these two."""
    return _or_skip(lambda: load(pack, detector, model_store()))


def model_file(name: str) -> Path:
    """Where the model lies."""
    return _or_skip(lambda: model_store().find(name))


def _or_skip(find: Callable[[], Had]) -> Had:
    try:
        return find()
    except ModelMissing as error:
        pytest.skip(f"{NO_MODELS} lacks what this test asks for: {error}")
