"""The catalogue is complete, unambiguous and true of the models at hand."""

from __future__ import annotations

from pathlib import Path

from workers.recognition.models.catalogue import MODELS
from workers.recognition.models.store import ModelStore


def test_every_entry_says_what_a_person_has_to_know() -> None:
    for entry in MODELS.values():
        assert entry.licence
        assert entry.permits.endswith(".")
        assert entry.page.startswith("https://")
        assert entry.files
        assert entry.install if entry.package else True


def test_checksums_and_names_are_unambiguous() -> None:
    files = [file for entry in MODELS.values() for file in entry.files]
    assert all(len(file.sha256) == 64 and int(file.sha256, 16) for file in files)
    assert len({file.sha256 for file in files}) == len(files)
    names = [name for file in files for name in file.names]
    assert len(set(names)) == len(names)
    assert all(file.url is None or file.url.startswith("https://") for file in files)


def test_the_models_at_hand_are_the_catalogues(shared_models: Path) -> None:
    store = ModelStore(shared_models, shared_models / "none")
    damaged = [name for name in MODELS if store.inspect(name).state == "damaged"]
    assert damaged == []
