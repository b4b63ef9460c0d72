"""How a worker and the installation hear of each other: straight through PostgreSQL, or over HTTPS."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from tenants.models import Tenant
from workers.actions.fleet import Beat
from workers.actions.leases import Grant


class Away(RuntimeError):
    """The installation did not answer, or not sensibly: nothing is known, it is asked again later."""


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
    """One registered process of a worker. Each method raises Away, Refused or Replaced, or what the
    database raises; any thread may call any of them."""

    @property
    def name(self) -> str:
        """The worker's."""

    @property
    def capacity(self) -> int:
        """How many cameras it takes at once."""

    @property
    def heartbeat_seconds(self) -> float:
        """How often it is expected to beat."""

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
