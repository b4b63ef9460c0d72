"""`manage.py models`: what a person at the terminal sees, and what a script can rely on."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from workers.recognition.models.catalogue import MODELS

FOLDERS = ("models", "cache", "mirror")


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, settings: Settings) -> Path:
    """An installation with an empty models folder, an empty cache and no mirror."""
    for name in FOLDERS:
        (tmp_path / name).mkdir()
    settings.FACETRACK_MODEL_DIR = tmp_path / "models"
    settings.FACETRACK_CACHE_DIR = tmp_path / "cache"
    settings.FACETRACK_MODEL_MIRROR = "http://127.0.0.1:1"
    return tmp_path


@pytest.fixture
def yunet(shared_models: Path) -> Path:
    """The real file, where this machine has it."""
    return shared_models / "yunet_n.onnx"


@pytest.fixture
def mirror(folders: Path, settings: Settings) -> Iterator[Path]:
    """A folder that is served over HTTP as FACETRACK_MODEL_MIRROR."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folders / "mirror")))
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    settings.FACETRACK_MODEL_MIRROR = f"http://127.0.0.1:{server.server_port}"
    yield folders / "mirror"
    server.shutdown()
    thread.join()
    server.server_close()


def run(*arguments: str) -> str:
    out = io.StringIO()
    call_command("models", *arguments, stdout=out)
    return out.getvalue()


def listed(*names: str) -> dict[str, dict[str, Any]]:
    return {fact["name"]: fact for fact in json.loads(run("list", "--json", *names))}


def test_the_list_shows_every_model_with_its_licence(folders: Path) -> None:
    shown = " ".join(run("list").split())
    for name in MODELS:
        assert name in shown
    assert "Non-commercial research only" in shown
    assert str(folders / "models") in shown


def test_the_list_for_programs_says_where_a_model_was_found(folders: Path, yunet: Path) -> None:
    (folders / "models" / "yunet_n.onnx").write_bytes(yunet.read_bytes())
    facts = listed("yunet", "arcface-r50")
    assert facts["yunet"]["state"] == "ready"
    assert facts["yunet"]["place"] == "model folder"
    assert facts["yunet"]["path"] == str(folders / "models" / "yunet_n.onnx")
    assert facts["arcface-r50"]["state"] == "missing"
    assert facts["arcface-r50"]["dimension"] == 512
    assert facts["arcface-r50"]["url"].endswith("/buffalo_l.zip")


def test_ensure_downloads_what_is_not_here(folders: Path, mirror: Path, yunet: Path) -> None:
    (mirror / "yunet_n_dynamic.onnx").write_bytes(yunet.read_bytes())
    shown = run("ensure", "yunet")
    assert str(folders / "cache" / "yunet_n.onnx") in shown
    assert "Apache-2.0" in shown
    assert listed("yunet")["yunet"]["place"] == "cache"


def test_ensure_without_names_brings_the_models_in_use(mirror: Path, yunet: Path, settings: Settings) -> None:
    settings.FACETRACK_PACK, settings.FACETRACK_DETECTOR = "edgeface-xs", "yunet"
    for name, offered in (("yunet_n", "yunet_n_dynamic"), ("edgeface_xs", "edgeface_xs")):
        (mirror / f"{offered}.onnx").write_bytes(yunet.with_name(f"{name}.onnx").read_bytes())
    run("ensure")
    assert {name for name, fact in listed().items() if fact["place"] == "cache"} == {"edgeface-xs", "yunet"}


def test_ensure_goes_on_after_a_failure_and_names_it(mirror: Path, yunet: Path) -> None:
    (mirror / "yunet_n_dynamic.onnx").write_bytes(yunet.read_bytes())
    with pytest.raises(CommandError, match=r"model arcface-mbf could not be downloaded .*404"):
        run("ensure", "arcface-mbf", "yunet")
    assert listed("yunet")["yunet"]["state"] == "ready"


def test_ensure_refuses_a_mirror_that_serves_something_else(folders: Path, mirror: Path) -> None:
    size = MODELS["yunet"].files[0].size
    (mirror / "yunet_n_dynamic.onnx").write_bytes(b"?" * size)
    with pytest.raises(CommandError, match="SHA-256"):
        run("ensure", "yunet")
    assert not (folders / "cache" / "yunet_n.onnx").exists()


def test_verify_names_the_damaged_file_and_the_remedy(folders: Path) -> None:
    (folders / "cache" / "yunet_n.onnx").write_bytes(b"half a model")
    with pytest.raises(CommandError, match=r"it has 12 bytes instead of 322,906.*: delete .*ensure yunet"):
        run("verify")
    assert listed("yunet")["yunet"]["damaged"][0]["path"] == str(folders / "cache" / "yunet_n.onnx")


def test_verify_minds_a_missing_model_only_when_it_is_named() -> None:
    run("verify")
    with pytest.raises(CommandError, match="yunet is not on this machine"):
        run("verify", "yunet")


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(CommandError, match="there is no model 'yonet'; choose from arcface-r50"):
        run("ensure", "yonet")
