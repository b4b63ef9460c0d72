"""A clip recognised with `workers.recognition` alone: `python -m tests.stages.alone` (see `test_alone`).

Arguments: model pack, detector, folder of models (may be empty), cache, clip, portrait of an employee (.npy).
Prints the decisions of the clip's tracks as JSON.
"""

import json
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from pathlib import Path
from types import ModuleType

ALONE = "workers.recognition"
FRAMEWORKS = frozenset(
    {"django", "rest_framework", "celery", "kombu", "channels", "redis", "pymilvus", "psycopg"}
)
ROOMS = frozenset({"facetrack", "tenants", "cameras", "staff", "visits", "workers"})


class Refusal(MetaPathFinder):
    """Frameworks and other rooms of the house cannot be imported."""

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None) -> None:
        top = fullname.partition(".")[0]
        ours = fullname == "workers" or fullname == ALONE or fullname.startswith(f"{ALONE}.")
        if top in FRAMEWORKS or (top in ROOMS and not ours):
            raise ModuleNotFoundError(f"{fullname} cannot be imported here", name=fullname)


def main() -> None:
    sys.meta_path.insert(0, Refusal())
    import numpy as np

    from workers.recognition.capture.files.source import FileSource
    from workers.recognition.config import PipelineConfig
    from workers.recognition.enrol import enrol_picture
    from workers.recognition.models.loading import load
    from workers.recognition.models.store import ModelStore
    from workers.recognition.replay import MemoryGallery, replay

    pack, detector, folder, cache, clip, portrait = sys.argv[1:]
    models = load(pack, detector, ModelStore(Path(folder) if folder else None, Path(cache)))
    gallery = MemoryGallery(models.thresholds.match)
    gallery.enrol("tom", [enrol_picture(models, np.load(portrait))])
    found = replay(models, gallery, FileSource(clip, fps=5), PipelineConfig(), lambda _: None)
    print(json.dumps([(track.verdict.decision, track.verdict.identity) for track in found.tracks]))  # noqa: T201


if __name__ == "__main__":
    main()
