"""Pictures of people: folders with one sub-folder per person, and demo pictures of installed packages."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np

from facetrack.core.images import BadPicture, read_picture
from facetrack.core.text import shown, tidy_line
from workers.recognition.enrol import EnrolledFace, PictureRefused, enrol_picture
from workers.recognition.models.loading import FaceModels
from workers.recognition.replay import MemoryGallery
from workers.recognition.types import Detector, Picture

PICTURES = frozenset({".jpg", ".jpeg", ".png", ".pgm", ".ppm", ".bmp", ".webp", ".avif", ".tif", ".tiff"})
MEGABYTES, MEGAPIXELS = (
    50,
    100,
)  # an operator's own pictures: the limit only catches accidents
PACKAGE_PICTURES = (
    ("insightface", "data/images/t1.jpg"),
    ("skimage", "data/astronaut.png"),
    ("insightface", "data/images/Tom_Hanks_54745.png"),
)
INDISTINCT = "cameras cannot tell them apart. Look whether a picture is in the wrong folder."
AROUND = 1.25  # half the side of a portrait cut from a group picture, in widths of the face


def people_in(folder: Path) -> dict[str, list[Path]]:
    """The pictures of each person: one sub-folder per person, named after them. Raises OSError.

    Composed or decomposed, the same name is the same person.
    """
    people = sorted(entry for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith("."))
    pictures: dict[str, list[Path]] = {}
    for person in people:
        own = pictures.setdefault(shown(tidy_line(person.name)), [])
        own += sorted(path for path in person.iterdir() if path.suffix.lower() in PICTURES)
    return pictures


def read_people_picture(path: Path) -> Picture:
    """BGR. Raises OSError and BadPicture."""
    with path.open("rb") as file:
        return read_picture(file, megabytes=MEGABYTES, megapixels=MEGAPIXELS)


def package_people(detector: Detector) -> dict[str, Picture]:
    """A portrait of each person in the packages' pictures; empty if the packages are not installed."""
    people: dict[str, Picture] = {}
    for package, inside in PACKAGE_PICTURES:
        spec = find_spec(package)
        path = Path(spec.origin).parent / inside if spec and spec.origin else None
        if path is None or not path.exists():
            continue
        picture = _with_border(read_people_picture(path))
        for face in sorted(detector.detect(picture), key=lambda face: float(face.box[0])):
            people[f"{path.stem.lower()}-{len(people) + 1}"] = _portrait(picture, face.box)
    return people


def _with_border(picture: Picture) -> Picture:
    """Detectors miss faces that fill the whole picture."""
    border = max(picture.shape[:2]) // 4
    return np.asarray(
        cv2.copyMakeBorder(picture, border, border, border, border, cv2.BORDER_REPLICATE), dtype=np.uint8
    )


def _portrait(picture: Picture, box: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> Picture:
    half = AROUND * float(box[2] - box[0])
    x, y = float(box[0] + box[2]) / 2, float(box[1] + box[3]) / 2
    left, top = max(0, int(x - half)), max(0, int(y - half))
    return picture[top : int(y + half), left : int(x + half)].copy()


@dataclass(frozen=True, slots=True)
class Refusal:
    """A picture that was not used, or a person (`path` is their folder) with whom something is wrong."""

    path: Path
    reason: str


def enrol_people(
    models: FaceModels, gallery: MemoryGallery, people: dict[str, list[Path]], folder: Path
) -> Iterator[Refusal | None]:
    """Enrols all people; yields after each picture, with its refusal if it had one.

    Also yields a person who resembles one enrolled before: that person is enrolled all the same.
    """
    for person, pictures in people.items():
        faces: list[EnrolledFace] = []
        for path in pictures:
            try:
                faces.append(enrol_picture(models, read_people_picture(path)))
            except (PictureRefused, BadPicture) as error:
                yield Refusal(path, str(error))
            except OSError as error:
                yield Refusal(path, f"The file cannot be read ({error.strerror}).")
            else:
                yield None
        if faces:
            if alike := gallery.resembled(faces):
                yield Refusal(folder / person, f"{person} resembles {alike}: {INDISTINCT}")
            gallery.enrol(person, faces)
        else:
            yield Refusal(folder / person, "Not enrolled: none of the pictures can be used.")


__all__ = ["BadPicture", "Refusal", "enrol_people", "package_people", "people_in", "read_people_picture"]
