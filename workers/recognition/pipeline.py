"""The frames of one source in, the decision on each track out. No I/O, no Django, no clock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from workers.recognition.budget import EmbeddingBudget
from workers.recognition.cells import cells_of
from workers.recognition.config import PipelineConfig
from workers.recognition.identities import IdentityAssigner
from workers.recognition.sampling import FaceSampler, SelectedFace
from workers.recognition.stages.detect import find_faces, view_of, with_small
from workers.recognition.stages.motion import MotionGate
from workers.recognition.stages.picture import PictureCheck, PictureProblem
from workers.recognition.stages.track import Followed, Tracker
from workers.recognition.stages.track_history import Agreement, Sample, Track
from workers.recognition.stages.zones import watched
from workers.recognition.types import Counters, Face, Frame, Gallery, TrackReport

if TYPE_CHECKING:  # models are in the same layer
    from workers.recognition.models.loading import FaceModels


class Pipeline:
    """Recognition on one source. One thread at a time; models and gallery may be shared."""

    def __init__(
        self,
        models: FaceModels,
        gallery: Gallery,
        config: PipelineConfig | None = None,
        budget: EmbeddingBudget | None = None,
    ) -> None:
        """Without an `budget` faces are embedded whenever it is worth it: clips have no deadline."""
        self.counters = Counters()
        self.resting = False
        """Whether the last frame was not analysed; the next may not have to be shrunk for the detector."""
        self.faces: list[Face] = []
        """The faces that were seen last, for the live picture."""
        self._models = models
        self._config = config or PipelineConfig()
        self._side = min(self._config.camera.analysed_side, models.max_side)
        self._motion = MotionGate()
        self._picture_check = PictureCheck()
        self._last_at = float("-inf")
        # At a low frame rate one missed frame must not end a track.
        self._tracker = Tracker(max(self._config.max_gap, 2.5 / self._config.camera.fps))
        self._identities = IdentityAssigner(gallery, models.thresholds, self._config, self.counters)
        self._sampler = FaceSampler(models, gallery, self._config, self.counters, budget)

    @property
    def picture_problem(self) -> PictureProblem | None:
        """Why the frames show nothing, None if they do."""
        return self._picture_check.problem

    def process(self, frame: Frame) -> list[TrackReport]:
        """The tracks that this frame settled or ended.

        New visitors must be in the gallery before the next call. A caller that records two new visitors of
        one list, or of two cameras, must search the gallery again before the second: both may be one person.
        """
        self.counters.frames += 1
        reports: list[TrackReport] = []
        if frame.at < self._last_at:  # the clock was set back: a track that goes on would end before it began
            reports += self._identities.end(self._tracker.end_all())
        self._last_at = frame.at
        cells = cells_of(frame.picture) if frame.cells is None else frame.cells
        self._picture_check.look(cells, frame.at)
        motion = self._motion.look(frame.picture, frame.at, cells)
        if motion.cut:
            self.counters.scene_changes += 1
            reports += self._identities.end(self._tracker.end_all())
        self.resting = motion.still and not self._curious()
        if self.resting:
            return self._rest(frame)
        view = view_of(frame, self._side)
        camera, (height, width) = self._config.camera, frame.picture.shape[:2]
        found = find_faces(self._models.detector, view) if frame.found is None else frame.found
        faces = [face for face in found if watched(face, (width, height), camera.zones, camera.masks)]
        self._motion.analysed(frame.at)
        self.faces = faces
        self.counters.faces += len(faces)
        step = self._tracker.update(faces, frame.at)
        reports += self._identities.end(step.ended)
        for look, sample in self._sampler.taken(frame, view, self._tracks(frame, step.followed)):
            reports += self._weigh(look, sample)
        return reports + self._identities.settled(one.track for one in step.followed)

    def prepared(self, frame: Frame) -> Frame:
        """The frame with what can be computed while the previous one is analysed; for the reading thread."""
        frame = replace(frame, cells=cells_of(frame.picture))
        return frame if self.resting else with_small(frame, self._side)

    def detected(self, frame: Frame) -> Frame:
        """A prepared frame with its faces; for another thread. Detects nothing while the scene is still."""
        if frame.small is None or self.resting:
            return frame
        return replace(frame, found=tuple(find_faces(self._models.detector, view_of(frame, self._side))))

    def finish(self) -> list[TrackReport]:
        """The source has ended: every track ends."""
        return self._identities.end(self._tracker.end_all())

    def _curious(self) -> bool:
        """Whether another look at the same scene may still settle a track."""
        needed = self._config.settle_faces
        return any(
            t.verdict is None and t.usable and t.history.embedded < needed
            for t in self._identities.living.values()
        )

    def _rest(self, frame: Frame) -> list[TrackReport]:
        """Nothing has moved: the same people are there, and there is nothing new to learn about them."""
        self.counters.still_frames += 1
        step = self._tracker.rest(frame.at)
        reports = self._identities.end(step.ended)
        for number in step.resting:
            self._identities.living[number].history.see(frame, usable=False)
        return reports + self._identities.settled(step.resting)

    def _tracks(self, frame: Frame, followed: Sequence[Followed]) -> list[tuple[Track, Followed]]:
        """The track of each face; two faces in one frame cannot be the same person."""
        together = {one.track for one in followed}
        pairs = [
            (self._identities.living.get(one.track) or self._identities.begin(one.track, frame), one)
            for one in followed
        ]
        for track, one in pairs:
            track.co_visible |= together - {one.track}
        return pairs

    def _weigh(self, look: SelectedFace, sample: Sample) -> list[TrackReport]:
        """Adds a face to its track. If the track has slid to another person, that person gets a new track."""
        track = look.track
        agreement = track.history.add(sample, look.before)
        if agreement is Agreement.SAME and track.verdict is not None:
            track.patience = min(2 * max(track.patience, self._config.check_seconds), self._config.max_check)
        if agreement is not Agreement.ANOTHER:
            return []
        self.counters.splits += 1
        self.counters.tracks += 1
        rest = track.history.split()
        number = self._tracker.split(track.number)
        self._identities.living[number] = Track(
            number, rest, co_visible=track.co_visible - {number}, look=track.look, looked_at=track.looked_at
        )
        return self._identities.end((track.number,))
