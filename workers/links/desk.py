"""What a run asks of the installation and tells it, and the values in which it does."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from tenants.models import Tenant
from workers.config import Thresholds
from workers.links.brief import Brief
from workers.sinks.answers import Answer
from workers.sinks.books import Books
from workers.sinks.preview import Screen
from workers.types import Candidate, Floats


@dataclass(frozen=True, slots=True)
class Tuning:
    """The thresholds that were measured for a tenant with a model pack, None where the pack's own hold; and
    how many of its enrolment pictures were examined with which other packs, and are not compared."""

    own: Thresholds | None
    others: dict[str, int]


@dataclass(frozen=True, slots=True)
class Known:
    """The staff of a tenant as of `version`: `templates` (N, 512) are those of `people`, one each.

    `denied` are faces (M, 512) of which somebody said that they are not this person, by the person.
    """

    version: int
    people: list[str]
    templates: Floats
    denied: dict[str, Floats]


@dataclass(frozen=True, slots=True)
class RunReport:
    """How a run is doing; `status` is one of `cameras.models.Camera.Status`. `news`: pages should be told."""

    camera: UUID
    epoch: int
    status: str
    detail: str = ""
    started_at: datetime | None = None
    last_frame_at: datetime | None = None
    news: bool = False


class Desk(Books, Screen, Protocol):
    """Serves the runs of a process, from any thread. Each method raises Away, which is noted then."""

    def brief(self, tenant: Tenant, camera_id: UUID, ticket: str = "") -> Brief | None:
        """What to run a camera with; None where it is gone, or not ours. With the ticket of whoever asked
        for it, also of a camera that is not ours (see `workers.links.ticket`)."""

    def tuning(self, tenant: Tenant, pack: str) -> Tuning:
        """How faces of a tenant are judged."""

    def known(self, tenant: Tenant, pack: str, version: int) -> Known | None:
        """The staff; None where `version` is still the present one, which is cheap to ask."""

    def visitors(self, tenant: Tenant, template: Floats, pack: str, site: UUID | None) -> list[Candidate]:
        """The nearest visitors who may be known at a site, best first, at most 5; without one, of all.
        Nobody while they cannot be compared: whoever records the track has it compared later."""

    def report(self, tenant: Tenant, said: RunReport) -> bool:
        """Say how a run is doing. False where it should end: stopped by somebody, or taken over."""

    def end(self, tenant: Tenant, said: RunReport) -> None:
        """A run is over, and still has its camera."""

    def answer(self, key: str, ticket: str, answer: Answer) -> None:
        """Answer a request that was put to this worker: it is waited for under `key`, and `ticket` came with
        it. Raises RedisError, too."""
