"""The models of this process: loaded once, shared by all cameras and by enrolment."""

import threading

from django.conf import settings

from workers.recognition.budget import EmbeddingBudget
from workers.recognition.models import loading
from workers.recognition.models.store import ModelStore
from workers.recognition.slots import CPU_SLOTS

EMBEDDING_BUDGET = EmbeddingBudget(scarce=CPU_SLOTS.scarce)
"""The budget for embedding of all cameras of this process."""

_lock = threading.Lock()
_loaded: dict[tuple[str, str], loading.FaceModels] = {}


def model_store() -> ModelStore:
    """Where this installation looks for models; see the settings of the same names."""
    return ModelStore(
        settings.FACETRACK_MODEL_DIR, settings.FACETRACK_CACHE_DIR, mirror=settings.FACETRACK_MODEL_MIRROR
    )


def loaded_models(detector: str = "") -> loading.FaceModels:
    """The installation's model pack with `detector`, or with the installation's own.

    Raises ModelMissing, which names the model and how to get it.
    """
    key = (settings.FACETRACK_PACK, detector or settings.FACETRACK_DETECTOR)
    with _lock:
        if key not in _loaded:
            _loaded[key] = loading.load(*key, model_store())
        return _loaded[key]
