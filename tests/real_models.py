"""Real models for a test, or the reason why it is skipped."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest

from tests.backing import NO_MODELS
from workers.process.model_cache import loaded_models, model_store
from workers.recognition.models.loading import FaceModels, load
from workers.recognition.models.store import ModelMissing

Had = TypeVar("Had")


def models_of_settings() -> FaceModels:
    """The detector and the pack that the tests run with: dlib where no folder of models is named."""
    return _or_skip(loaded_models)


def models_of(pack: str, detector: str) -> FaceModels:
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
