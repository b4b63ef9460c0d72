"""How a worker and the installation communicate: directly through PostgreSQL, or over HTTPS."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from tenants.models import Tenant
from workers.fleet.leases import Grant
from workers.fleet.registration import Beat
from workers.process.clients.run_client import RunClient
from workers.process.sinks.outage import Unavailable

__all__ = ["FleetClient", "LeaseUpdate", "NameTaken", "Unavailable", "WorkerRejected"]


class WorkerRejected(RuntimeError):
    """The installation refuses this worker. The message says why, in one sentence."""


class NameTaken(RuntimeError):
    """Another process has the worker's name now."""


@dataclass(frozen=True, slots=True)
class LeaseUpdate:
    """A worker's actual and desired cameras. `take` holds tenant and camera, `give_up` cameras."""

    renewed: dict[UUID, Grant]
    take: list[tuple[UUID, UUID]]
    give_up: list[UUID]


class FleetClient(Protocol):
    """One registered process of a worker. Each method raises Unavailable (also noted as an outage),
    WorkerRejected or NameTaken; any thread may call any of them."""

    @property
    def name(self) -> str:
        """The worker's."""

    @property
    def capacity(self) -> int:
        """Maximum number of cameras at once."""

    @property
    def heartbeat_seconds(self) -> float:
        """Seconds between heartbeats."""

    @property
    def run_client(self) -> RunClient:
        """The requests of its runs."""

    def tenants(self, ids: Collection[UUID]) -> Mapping[UUID, Tenant]:
        """Those of these tenants that exist, with the fields that this process needs."""

    def keep(self, held: Sequence[tuple[UUID, int]]) -> LeaseUpdate:
        """Report that the process is alive, and renew its leases, given as camera and epoch."""

    def beat(self, said: Beat) -> None:
        """Send a heartbeat."""

    def acquire(self, tenant: Tenant, camera_id: UUID) -> Grant | None:
        """Acquire a camera and begin a run of it; None if it is not available."""

    def release(self, tenant: Tenant, camera_id: UUID, epoch: int) -> bool:
        """Release a camera. Returns False if another worker holds it by now."""

    def sign_off(self) -> None:
        """Sign off: all leases of the process are released, and it is offline."""
