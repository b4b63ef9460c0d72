"""The truth of a generated clip, known because the clip was made from it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Appearance:
    """One person's face in view, from one frame to another, both included."""

    person: str
    first_frame: int
    last_frame: int


@dataclass(frozen=True, slots=True)
class DemoTruth:
    """The people in a clip, and when they are in view.

    `size` is (width, height) in pixels. A person in `passers_by` is too far away to be recognised:
    they may be counted, and must never become a person. A person with more than one appearance came back.
    """

    fps: float
    frames: int
    size: tuple[int, int]
    staff: tuple[str, ...]
    strangers: tuple[str, ...]
    passers_by: tuple[str, ...]
    appearances: tuple[Appearance, ...]

    def to_json(self) -> str:
        """The truth as an indented JSON object, fields named as here."""
        return json.dumps(asdict(self), indent=2)

    @classmethod
    def from_json(cls, text: str) -> DemoTruth:
        """The truth that `to_json` wrote. Raises ValueError for any other text."""
        try:
            told = json.loads(text)
            return cls(
                fps=float(told["fps"]),
                frames=int(told["frames"]),
                size=(int(told["size"][0]), int(told["size"][1])),
                staff=tuple(told["staff"]),
                strangers=tuple(told["strangers"]),
                passers_by=tuple(told["passers_by"]),
                appearances=tuple(Appearance(**one) for one in told["appearances"]),
            )
        except (KeyError, IndexError, TypeError, ValueError) as problem:
            raise ValueError(
                f"this is not the truth of a clip ({problem!r}): make the clip again to get its truth"
            ) from problem
