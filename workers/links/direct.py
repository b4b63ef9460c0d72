"""The link of a worker on the installation's own machines; the API of workers at the edge uses it, too."""

from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

from django.conf import settings

from tenants.isolation.context import inside, installation
from tenants.models import Tenant
from workers.actions.fleet import Beat, beat, say_goodbye, see
from workers.actions.leases import Grant, acquire, release, renew
from workers.links import Replaced, Standing
from workers.links.desk import Desk
from workers.links.direct_desk import DESK
from workers.models import Worker
from workers.queries import planned_for, surplus_of
from workers.sinks import outage


class DirectLink:
    """Acts for the process that `worker.incarnation` names."""

    desk: Desk = DESK

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

    def keep(self, held: Sequence[tuple[UUID, int]]) -> Standing:
        worker = self._worker
        with outage.noticed(), installation():
            if not see(worker_id=worker.pk, incarnation=worker.incarnation):
                raise Replaced
            renewed = renew(worker=worker, held=held)
            take = list(planned_for(worker).values_list("tenant_id", "camera_id"))
            give_up = list(surplus_of(worker).values_list("camera_id", flat=True))
        outage.over()
        return Standing(renewed, take, give_up)

    def beat(self, said: Beat) -> None:
        with outage.noticed():
            known = beat(worker_id=self._worker.pk, incarnation=self._worker.incarnation, beat=said)
        if not known:
            raise Replaced

    def acquire(self, tenant: Tenant, camera_id: UUID) -> Grant | None:
        with outage.noticed(), inside(tenant):
            return acquire(camera_id=camera_id, worker=self._worker)

    def release(self, tenant: Tenant, camera_id: UUID, epoch: int) -> bool:
        with outage.noticed(), inside(tenant):
            return release(camera_id=camera_id, epoch=epoch)

    def sign_off(self) -> None:
        with outage.noticed():
            say_goodbye(worker=self._worker)
