"""The requests of a run to the installation, and their values."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from tenants.models import Tenant
from workers.process.clients.camera_settings import CameraSettings
from workers.process.sinks.answers import Answer
from workers.process.sinks.preview import PreviewTarget
from workers.process.sinks.sighting_store import SightingStore
from workers.recognition.config import Thresholds
from workers.recognition.types import Candidate, Floats


@dataclass(frozen=True, slots=True)
class TenantThresholds:
    """A tenant's measured thresholds with a model pack, None if the pack's own apply; and how many of its
    enrolment pictures were examined with which other packs, and are not compared."""

    own: Thresholds | None
    others: dict[str, int]


@dataclass(frozen=True, slots=True)
class StaffGallery:
    """The staff of a tenant as of `version`: `templates` (N, 512) has one row for each of `people`.

    `denied` holds, per person, the faces (M, 512) for which users rejected that person, and which their
    enrolled pictures do not outweigh.
    """

    version: int
    people: list[str]
    templates: Floats
    denied: dict[str, Floats]


@dataclass(frozen=True, slots=True)
class RunReport:
    """The state of a run; `status` is one of `cameras.models.Camera.Status`, `picture_problem` of its
    `PictureProblem` or empty. `news`: notify open pages."""

    camera: UUID
    epoch: int
    status: str
    detail: str = ""
    started_at: datetime | None = None
    last_frame_at: datetime | None = None
    news: bool = False
    picture_problem: str = ""
    lost_frames: int = 0


class RunClient(SightingStore, PreviewTarget, Protocol):
    """Serves the runs of a process, from any thread. Each method raises Unavailable, which is noted as an
    outage."""

    def camera_settings(self, tenant: Tenant, camera_id: UUID, ticket: str = "") -> CameraSettings | None:
        """The settings of a camera; None if it was deleted, or is not ours. With the ticket of a user's
        request, also of a camera that is not ours (see `workers.process.clients.ticket`)."""

    def tuning(self, tenant: Tenant, pack: str) -> TenantThresholds:
        """The thresholds of a tenant."""

    def known(self, tenant: Tenant, pack: str, version: int) -> StaffGallery | None:
        """The staff; None if `version` is still the present one. The check is cheap."""

    def visitors(self, tenant: Tenant, template: Floats, pack: str, site: UUID | None) -> list[Candidate]:
        """The nearest visitors who may be known at a site, best first, at most 5; without a site, of all.
        Empty while the index cannot be searched: the track is then compared when it is recorded."""

    def report(self, tenant: Tenant, said: RunReport) -> bool:
        """Report the state of a run. Returns False if it should end: stopped by a user, or taken over."""

    def end(self, tenant: Tenant, said: RunReport) -> None:
        """A run has ended, and still holds its camera."""

    def answer(self, key: str, ticket: str, answer: Answer) -> None:
        """Answer a request that was sent to this worker: the sender waits for `key`; `ticket` came with the
        request. Also raises RedisError."""
