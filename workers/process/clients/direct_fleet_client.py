"""The link of a worker on the installation's own machines; the API of workers at the edge uses it, too."""

from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

from django.conf import settings

from tenants.isolation.context import inside, installation
from tenants.models import Tenant
from workers.fleet.leases import Grant, acquire, release, renew
from workers.fleet.models import Worker
from workers.fleet.queries import planned_for, surplus_of
from workers.fleet.registration import Beat, beat, mark_seen, sign_off
from workers.process.clients.direct_run_client import DIRECT_RUN_CLIENT
from workers.process.clients.fleet_client import LeaseUpdate, NameTaken
from workers.process.clients.run_client import RunClient
from workers.process.sinks import outage


class DirectFleetClient:
    """Acts for the process that `worker.incarnation` names."""

    run_client: RunClient = DIRECT_RUN_CLIENT

    def __init__(self, worker: Worker) -> None:
        self._worker = worker

    @property
    def name(self) -> str:
        return self._worker.name

    @property
    def capacity(self) -> int:
        return self._worker.capacity

    @property
    def heartbeat_seconds(self) -> float:
        return settings.WORKER_HEARTBEAT_SECONDS

    def tenants(self, ids: Collection[UUID]) -> Mapping[UUID, Tenant]:
        if not ids:
            return {}
        with outage.noticed(), installation():
            return dict(Tenant.objects.in_bulk(ids))

    def keep(self, held: Sequence[tuple[UUID, int]]) -> LeaseUpdate:
        worker = self._worker
        with outage.noticed(), installation():
            if not mark_seen(worker_id=worker.pk, incarnation=worker.incarnation):
                raise NameTaken
            renewed = renew(worker=worker, held=held)
            take = list(planned_for(worker).values_list("tenant_id", "camera_id"))
            give_up = list(surplus_of(worker).values_list("camera_id", flat=True))
        outage.over()
        return LeaseUpdate(renewed, take, give_up)

    def beat(self, said: Beat) -> None:
        with outage.noticed():
            known = beat(worker_id=self._worker.pk, incarnation=self._worker.incarnation, beat=said)
        if not known:
            raise NameTaken

    def acquire(self, tenant: Tenant, camera_id: UUID) -> Grant | None:
        with outage.noticed(), inside(tenant):
            return acquire(camera_id=camera_id, worker=self._worker)

    def release(self, tenant: Tenant, camera_id: UUID, epoch: int) -> bool:
        with outage.noticed(), inside(tenant):
            return release(camera_id=camera_id, epoch=epoch)

    def sign_off(self) -> None:
        with outage.noticed():
            sign_off(worker=self._worker)
