"""The three pictures of the demo's people, found inside installed packages and verified."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np

from workers.recognition.types import Picture


class DemoPictureError(Exception):
    """A picture of the demo's people is missing or is not the expected one."""


@dataclass(frozen=True, slots=True)
class PictureSource:
    """A file inside an installed package. `project` is the name to install it by."""

    package: str
    project: str
    file: str
    sha256: str


# Group picture of six people around a table, 1280 x 886, from InsightFace's own examples.
GROUP = PictureSource(
    "insightface", "insightface", "data/images/t1.jpg",
    "47f682e945b659f93a9e490b9c9c4a2a864abe64dace9e1a2893845ddfd69489",
)  # fmt: skip
# Tom Hanks, grey, 112 x 112, from InsightFace's own examples.
HANKS = PictureSource(
    "insightface", "insightface", "data/images/Tom_Hanks_54745.png",
    "8545da294e8c7c79911169c3915fed8528f1960cd0ed99b92453788ca4275083",
)  # fmt: skip
# The astronaut Eileen Collins, 512 x 512, by NASA, public domain.
COLLINS = PictureSource(
    "skimage", "scikit-image", "data/astronaut.png",
    "88431cd9653ccd539741b555fb0a46b61558b301d4110412b5bc28b5e3ea6cb5",
)  # fmt: skip


@cache
def picture(source: PictureSource) -> Picture:
    """The source's picture, read-only.

    The package is found without importing it: importing insightface takes seconds and a lot of memory. Raises
    DemoPictureError if the package is missing or its picture is not the one on which the outlines in `people`
    were drawn.
    """
    path = _path(source)
    try:
        raw = path.read_bytes()
    except OSError as problem:
        raise DemoPictureError(
            f"the demo's picture {path} cannot be read ({problem.strerror}): reinstall {source.project}"
        ) from problem
    if hashlib.sha256(raw).hexdigest() != source.sha256:
        raise DemoPictureError(
            f"the demo's picture {path} is not the one on which its people were outlined: "
            f"install {source.project} in the version that requirements/base.txt names"
        )
    decoded = np.asarray(cv2.imdecode(np.frombuffer(raw, np.uint8), cv2.IMREAD_COLOR), np.uint8)
    decoded.flags.writeable = False
    return decoded


def _path(source: PictureSource) -> Path:
    spec = find_spec(source.package)
    if spec is None or spec.origin is None:
        raise DemoPictureError(
            f"the demo's people come with the package {source.project}, which is not installed: "
            "run make demo, or install requirements/base.txt"
        )
    return Path(spec.origin).parent / source.file
