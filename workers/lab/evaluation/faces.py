"""The embeddings of a folder of people, and its unusable pictures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from workers.lab.picture_folders import BadPicture, people_in, read_people_picture
from workers.recognition.enrol import PictureRefused, enrol_picture
from workers.recognition.models.loading import FaceModels
from workers.recognition.stages.embed import template_of
from workers.recognition.types import Floats

MIN_PEOPLE = 8
"""With fewer people, the halves for calibration and test do not have two strangers each."""
NAMED = 10
"""Maximum number of pictures named in an error."""


class NotEvaluable(Exception):
    """A folder that does not allow a measurement; the message says what is missing and what to do."""


@dataclass(frozen=True, slots=True)
class LabelledPerson:
    """Embeddings (N, 512) and qualities (N,) of the usable pictures of one person."""

    name: str
    embeddings: Floats
    qualities: Floats

    def template(self, of: list[int]) -> Floats:
        return template_of(self.embeddings[of], self.qualities[of])


@dataclass(slots=True)
class Labelled:
    """People with usable pictures, and the unusable pictures with the reason.

    `unreadable` are not pictures at all; `refused` show no face that can be recognised (failure to acquire).
    """

    pack: str
    people: list[LabelledPerson] = field(default_factory=list)
    pictures: int = 0
    refused: list[tuple[str, str]] = field(default_factory=list)
    unreadable: list[tuple[str, str]] = field(default_factory=list)

    @property
    def mates(self) -> list[LabelledPerson]:
        """People who can be enrolled and searched: at least one picture for each."""
        return [person for person in self.people if len(person.embeddings) >= 2]

    @property
    def failure_to_acquire(self) -> float:
        read = self.pictures - len(self.unreadable)
        return len(self.refused) / read if read else 0.0


def labelled_faces(models: FaceModels, folder: Path, advance: Callable[[int, int], None]) -> Labelled:
    """Reads a folder with one sub-folder per person. Raises NotEvaluable."""
    try:
        people = people_in(folder)
    except OSError as error:
        raise NotEvaluable(
            f"{folder} cannot be read ({error.strerror}): name a folder with a sub-folder per person"
        ) from error
    total = sum(len(paths) for paths in people.values())
    if not people or not total:
        raise NotEvaluable(
            f"{folder} has no pictures in sub-folders: make a sub-folder for each person, named after the "
            "person, with two or more pictures. A clip needs its truth beside it: door.json for door.mp4"
        )
    found = Labelled(models.embedder.pack)
    for name, paths in people.items():
        _read(models, name, paths, found)
        advance(found.pictures, total)
    _require_enough(found, folder)
    return found


def _read(models: FaceModels, name: str, paths: list[Path], found: Labelled) -> None:
    embeddings, qualities = [], []
    for path in paths:
        found.pictures += 1
        try:
            face = enrol_picture(models, read_people_picture(path))
        except (BadPicture, OSError) as error:
            found.unreadable.append((f"{name}/{path.name}", str(error)))
        except PictureRefused as refusal:
            found.refused.append((f"{name}/{path.name}", refusal.reason))
        else:
            embeddings.append(face.embedding)
            qualities.append(face.quality.score)
    if embeddings:
        found.people.append(LabelledPerson(name, np.stack(embeddings), np.array(qualities, dtype=np.float32)))


def _require_enough(found: Labelled, folder: Path) -> None:
    if len(found.mates) >= MIN_PEOPLE:
        return
    single = sum(len(person.embeddings) == 1 for person in found.people)
    unusable = [*found.unreadable, *found.refused]
    named = "".join(f"\n  {picture}: {reason}" for picture, reason in unusable[:NAMED])
    more = f"\n  and {len(unusable) - NAMED} more" if len(unusable) > NAMED else ""
    raise NotEvaluable(
        f"{folder} has {len(found.mates)} people with two usable pictures or more, {single} with one, and "
        f"{len(unusable)} unusable pictures. At least {MIN_PEOPLE} people with two pictures each are "
        "needed, so that the two halves can be compared: add sharp pictures from the front"
        f"{named}{more}"
    )
