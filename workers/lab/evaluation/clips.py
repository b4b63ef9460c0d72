"""Clips with known truth: people counted, counted twice, and given another person's name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from workers.lab.clips.story import Stay
from workers.lab.clips.write import ClipTruth, read_truth
from workers.recognition.capture.files.source import FileSource
from workers.recognition.config import CameraConfig, PipelineConfig
from workers.recognition.models.loading import FaceModels
from workers.recognition.replay import MemoryGallery, replay
from workers.recognition.types import Decision, TrackReport

PEOPLE = (Decision.STAFF, Decision.VISITOR, Decision.NEW_VISITOR)
NEAR = 1.5  # widths of the face: a track that ends this near to a person is theirs
SLACK = 0.2  # seconds


@dataclass(frozen=True, slots=True)
class Tracked:
    """The result of one clip.

    stays       times that a person came into view; people: the number of different people
    counted     stays that a track with a person belongs to
    missed      stays without one, if people can be recognised
    named_right, named_wrong  tracks given the right, or a wrong, name of an enrolled person
    duplicates  identities given to one person beyond the first
    merges      people given the same identity, beyond the first
    no_person      tracks with an identity at a time or place without a person
    """

    clip: str
    stays: int
    people: int
    counted: int
    missed: int
    named_right: int
    named_wrong: int
    duplicates: int
    merges: int
    no_person: int

    @staticmethod
    def total(of: Sequence[Tracked]) -> Tracked:
        names = [name for name in Tracked.__slots__ if name != "clip"]
        return Tracked("all", **{name: sum(getattr(each, name) for each in of) for name in names})


def labelled_clips(folder: Path) -> list[tuple[Path, ClipTruth]]:
    """The clips of a folder that have their truth beside them. Raises BadTruth and OSError."""
    truths = sorted(path for path in folder.iterdir() if path.suffix == ".json")
    pairs = []
    for truth in truths:
        clip = next(
            (p for p in sorted(folder.glob(f"{truth.stem}.*")) if p.suffix in (".mp4", ".mkv", ".avi")), None
        )
        if clip is not None:
            pairs.append((clip, read_truth(truth)))
    return pairs


def assess_clip(
    models: FaceModels,
    gallery: MemoryGallery,
    staff: set[str],
    clip: Path,
    truth: ClipTruth,
    *,
    fps: float,
    advance: Callable[[int], None],
) -> Tracked:
    """Runs the pipeline on a clip; `gallery` remembers the strangers. Raises SourceError."""
    source = FileSource(str(clip), fps=fps)
    size = source.size
    config = PipelineConfig(camera=CameraConfig(fps=fps))
    tracks = [
        track
        for track in replay(models, gallery, source, config, advance).tracks
        if track.verdict.decision in PEOPLE
    ]
    owners = [_owner(track, truth, size) for track in tracks]
    return _judged(clip.name, tracks, owners, truth, staff)


def _judged(
    name: str, tracks: list[TrackReport], owners: list[Stay | None], truth: ClipTruth, staff: set[str]
) -> Tracked:
    counted = {id(stay) for stay in owners if stay is not None}
    named = [
        (track.verdict.identity, stay)
        for track, stay in zip(tracks, owners, strict=True)
        if track.verdict.decision is Decision.STAFF
    ]
    right = sum(stay is not None and identity == stay.person for identity, stay in named)
    identities: dict[str, set[str]] = {}
    people: dict[str, set[str]] = {}
    for track, stay in zip(tracks, owners, strict=True):
        identity = track.verdict.identity
        if stay is not None and identity is not None:
            identities.setdefault(stay.person, set()).add(identity)
            people.setdefault(identity, set()).add(stay.person)
    return Tracked(
        clip=name,
        stays=len(truth.stays),
        people=len({stay.person for stay in truth.stays}),
        counted=len(counted),
        missed=len(truth.stays) - len(counted) if truth.recognisable else 0,
        named_right=right,
        named_wrong=len(named) - right,
        duplicates=sum(len(each) - 1 for each in identities.values()),
        merges=sum(len(each) - 1 for each in people.values()),
        no_person=sum(stay is None for stay in owners),
    )


def _owner(track: TrackReport, truth: ClipTruth, size: tuple[int, int]) -> Stay | None:
    """The person of a track: of those in view at its end, the one at its place, or the longest beside it."""
    slack = round(SLACK * truth.fps)
    there = [
        stay
        for stay in truth.stays
        if stay.first_frame - slack <= track.last_frame and track.first_frame <= stay.last_frame + slack
    ]
    placed = [(stay, distance) for stay in there if (distance := _distance(track, stay, size)) is not None]
    if placed:
        stay, distance = min(placed, key=lambda pair: pair[1])
        return stay if distance <= NEAR else None
    return max(there, key=lambda stay: _shared(track, stay), default=None)


def _distance(track: TrackReport, stay: Stay, size: tuple[int, int]) -> float | None:
    """Distance between the last face of a track and a person at that time, in widths of their face."""
    place = stay.place_at(track.last_frame)
    if place is None or track.last_box is None:
        return None
    x, y = ((track.last_box[:2] + track.last_box[2:]) / 2).tolist()
    width, height = size
    across, down = x - place.x * width, y - place.y * height
    return float((across**2 + down**2) ** 0.5 / max(1.0, place.width * width))


def _shared(track: TrackReport, stay: Stay) -> int:
    return min(track.last_frame, stay.last_frame) - max(track.first_frame, stay.first_frame)
