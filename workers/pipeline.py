"""The frames of one source in, the decision on each track out. No I/O, no Django, no clock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from workers.attention import Allowance
from workers.claims import Claims
from workers.config import PipelineConfig
from workers.looks import Look, Looks
from workers.stages.detect import find_faces, view_of, with_small
from workers.stages.evidence import Agreement, Sample, Track
from workers.stages.motion import Scene, cells_of
from workers.stages.track import Followed, Tracker
from workers.stages.zones import watched
from workers.types import Counters, Face, Frame, Gallery, TrackReport

if TYPE_CHECKING:  # engines are in the same layer
    from workers.engines import Engines


class Pipeline:
    """Recognition on one source. One thread at a time; engines and gallery may be shared."""

    def __init__(
        self,
        engines: Engines,
        gallery: Gallery,
        config: PipelineConfig | None = None,
        allowance: Allowance | None = None,
    ) -> None:
        """Without an `allowance` faces are embedded whenever it is worth it: clips have no deadline."""
        self.counters = Counters()
        self.resting = False
        """Whether the last frame was not analysed; the next may not have to be shrunk for the detector."""
        self.faces: list[Face] = []
        """The faces that were seen last, for the live picture."""
        self._engines = engines
        self._config = config or PipelineConfig()
        self._side = min(self._config.camera.analysed_side, engines.longest_side)
        self._scene = Scene()
        # At a low frame rate one missed frame must not end a track.
        self._tracker = Tracker(max(self._config.longest_gap, 2.5 / self._config.camera.fps))
        self._claims = Claims(gallery, engines.thresholds, self._config, self.counters)
        self._looks = Looks(engines, gallery, self._config, self.counters, allowance)

    def process(self, frame: Frame) -> list[TrackReport]:
        """The tracks that this frame settled or ended.

        New visitors must be in the gallery before the next call. A caller that records two new visitors of
        one list, or of two cameras, must search the gallery again before the second: both may be one person.
        """
        self.counters.frames += 1
        reports: list[TrackReport] = []
        glance = self._scene.look(frame.picture, frame.at, frame.cells)
        if glance.cut:
            self.counters.scene_changes += 1
            reports += self._claims.end(self._tracker.end_all())
        self.resting = glance.still and not self._curious()
        if self.resting:
            return self._rest(frame)
        view = view_of(frame, self._side)
        camera, (height, width) = self._config.camera, frame.picture.shape[:2]
        found = find_faces(self._engines.detector, view) if frame.found is None else frame.found
        faces = [face for face in found if watched(face, (width, height), camera.zones, camera.masks)]
        self._scene.analysed(frame.at)
        self.faces = faces
        self.counters.faces += len(faces)
        step = self._tracker.update(faces, frame.at)
        reports += self._claims.end(step.ended)
        for look, sample in self._looks.taken(frame, view, self._tracks(frame, step.followed)):
            reports += self._weigh(look, sample)
        return reports + self._claims.settled(one.track for one in step.followed)

    def prepared(self, frame: Frame) -> Frame:
        """The frame with what can be computed while the previous one is analysed; for the reading thread."""
        frame = replace(frame, cells=cells_of(frame.picture))
        return frame if self.resting else with_small(frame, self._side)

    def detected(self, frame: Frame) -> Frame:
        """A prepared frame with its faces; for another thread. Detects nothing while the scene is still."""
        if frame.small is None or self.resting:
            return frame
        return replace(frame, found=tuple(find_faces(self._engines.detector, view_of(frame, self._side))))

    def finish(self) -> list[TrackReport]:
        """The source has ended: every track ends."""
        return self._claims.end(self._tracker.end_all())

    def _curious(self) -> bool:
        """Whether another look at the same scene may still settle a track."""
        needed = self._config.settle_faces
        return any(
            t.verdict is None and t.usable and t.evidence.embedded < needed
            for t in self._claims.living.values()
        )

    def _rest(self, frame: Frame) -> list[TrackReport]:
        """Nothing has moved: the same people are there, and there is nothing new to learn about them."""
        self.counters.still_frames += 1
        step = self._tracker.rest(frame.at)
        reports = self._claims.end(step.ended)
        for number in step.resting:
            self._claims.living[number].evidence.see(frame, usable=False)
        return reports + self._claims.settled(step.resting)

    def _tracks(self, frame: Frame, followed: Sequence[Followed]) -> list[tuple[Track, Followed]]:
        """The track of each face; two faces in one frame cannot be the same person."""
        together = {one.track for one in followed}
        pairs = [
            (self._claims.living.get(one.track) or self._claims.begin(one.track, frame), one)
            for one in followed
        ]
        for track, one in pairs:
            track.beside |= together - {one.track}
        return pairs

    def _weigh(self, look: Look, sample: Sample) -> list[TrackReport]:
        """Adds a face to its track. If the track has slid to another person, that person gets a new track."""
        track = look.track
        agreement = track.evidence.add(sample, look.before)
        if agreement is Agreement.SAME and track.verdict is not None:
            track.patience = min(
                2 * max(track.patience, self._config.check_seconds), self._config.longest_check
            )
        if agreement is not Agreement.ANOTHER:
            return []
        self.counters.splits += 1
        self.counters.tracks += 1
        rest = track.evidence.split()
        number = self._tracker.split(track.number)
        self._claims.living[number] = Track(
            number, rest, beside=track.beside - {number}, look=track.look, looked_at=track.looked_at
        )
        return self._claims.end((track.number,))
