"""Writes a story as an H.264 clip, with its truth as a JSON file beside it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av

from workers.lab.clips.actors import ClipActor
from workers.lab.clips.draw import pictures
from workers.lab.clips.story import UNRECOGNISABLE, ClipPlace, ClipStory, Stay, stays
from workers.recognition.types import Picture


@dataclass(frozen=True, slots=True)
class ClipTruth:
    """The truth of a clip. If `recognisable` is False, the faces in it cannot be told apart."""

    fps: float
    stays: tuple[Stay, ...]
    recognisable: bool = True


class BadTruth(Exception):
    """A truth file that cannot be read; the message names it and shows the format."""


def write_story(
    path: Path,
    story: ClipStory,
    actors: Sequence[ClipActor],
    *,
    size: tuple[int, int] = (1920, 1080),
    fps: float = 25.0,
    advance: Callable[[int, int], None] | None = None,
) -> ClipTruth:
    """Writes `path` (MP4) and `path` with the ending .json; `advance` gets the frames done and in all."""
    total = int(story.seconds * fps)
    encode(path, pictures(story, actors, size, fps), size, fps, lambda done: advance and advance(done, total))
    names = [actor.name for actor in actors]
    truth = ClipTruth(
        fps=fps,
        stays=tuple(stays(story, names, fps)),
        recognisable=story.name not in UNRECOGNISABLE,
    )
    path.with_suffix(".json").write_text(json.dumps(_as_json(truth)) + "\n")
    return truth


def read_truth(path: Path) -> ClipTruth:
    """The truth beside a clip. Raises BadTruth."""
    try:
        raw = json.loads(path.read_text())
        return ClipTruth(
            fps=float(raw["fps"]),
            stays=tuple(
                Stay(
                    str(stay["person"]),
                    int(stay["first_frame"]),
                    int(stay["last_frame"]),
                    tuple(
                        (int(at), ClipPlace(float(x), float(y), float(w)))
                        for at, x, y, w in stay.get("path", ())
                    ),
                )
                for stay in raw["stays"]
            ),
            recognisable=bool(raw.get("recognisable", True)),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadTruth(
            f"{path} is not the truth of a clip ({type(error).__name__}: {error}): write "
            '{"fps": 25, "stays": [{"person": "ada", "first_frame": 0, "last_frame": 99}]}'
        ) from error


def encode(
    path: Path,
    drawn: Iterator[Picture],
    size: tuple[int, int],
    fps: float,
    done: Callable[[int], object],
    *,
    preset: str = "veryfast",
    crf: int = 26,
) -> None:
    """H.264 as cameras send it: one key frame per second, no B frames. Raises OSError and FFmpegError."""
    with av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"}) as container:
        stream = container.add_stream("libx264", rate=Fraction(fps).limit_denominator(1000))
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        key_frames = {"g": str(round(fps)), "bf": "0"}
        stream.options = {"preset": preset, "crf": str(crf), "threads": "2", **key_frames}
        for number, picture in enumerate(drawn, 1):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
            done(number)
        container.mux(stream.encode(None))


def _as_json(truth: ClipTruth) -> dict[str, object]:
    return {
        "fps": truth.fps,
        "recognisable": truth.recognisable,
        "stays": [
            {
                "person": stay.person,
                "first_frame": stay.first_frame,
                "last_frame": stay.last_frame,
                "path": [
                    [at, round(place.x, 4), round(place.y, 4), round(place.width, 4)]
                    for at, place in stay.path
                ],
            }
            for stay in truth.stays
        ],
    }
