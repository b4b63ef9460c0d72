"""How a worker and the installation hear of each other: straight through PostgreSQL, or over HTTPS."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from tenants.models import Tenant
from workers.actions.fleet import Beat
from workers.actions.leases import Grant
from workers.links.desk import Desk
from workers.sinks.outage import Away

__all__ = ["Away", "Link", "Refused", "Replaced", "Standing"]


class Refused(RuntimeError):
    """The installation wants nothing of this worker (any more). The message says why, in one sentence."""


class Replaced(RuntimeError):
    """Another process has the worker's name now."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What a worker has and what it should have. `take` are tenant and camera, `give_up` cameras."""

    renewed: dict[UUID, Grant]
    take: list[tuple[UUID, UUID]]
    give_up: list[UUID]


class Link(Protocol):
    """One registered process of a worker. Each method raises Away, which is noted then, Refused or Replaced;
    any thread may call any of them."""

    @property
    def name(self) -> str:
        """The worker's."""

    @property
    def capacity(self) -> int:
        """How many cameras it takes at once."""

    @property
    def heartbeat_seconds(self) -> float:
        """How often it is expected to beat."""

    @property
    def desk(self) -> Desk:
        """What its runs ask and tell."""

    def tenants(self, ids: Collection[UUID]) -> Mapping[UUID, Tenant]:
        """Those of them that there are, as far as they have to be known here."""

    def keep(self, held: Sequence[tuple[UUID, int]]) -> Standing:
        """Say that the process lives, and renew its leases, given as camera and epoch."""

    def beat(self, said: Beat) -> None:
        """Say how it is doing."""

    def acquire(self, tenant: Tenant, camera_id: UUID) -> Grant | None:
        """Take a camera and begin a run of it; None where it cannot be had."""

    def release(self, tenant: Tenant, camera_id: UUID, epoch: int) -> bool:
        """Give a camera up. False where it is somebody else's by now."""

    def sign_off(self) -> None:
        """The process ends: whatever it holds is free, and it is offline."""
