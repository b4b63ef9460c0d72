"""The link of a worker at the edge: the installation's REST API, with this worker's own key."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from http import HTTPStatus
from typing import Any, Self
from uuid import UUID

from tenants.models import Tenant
from workers.fleet.leases import Grant
from workers.fleet.registration import Beat, Introduction
from workers.process.clients.api_client import PATIENCE, ApiClient, Reply, read, required
from workers.process.clients.fleet_client import LeaseUpdate, NameTaken, Unavailable, WorkerRejected
from workers.process.clients.https_run_client import HttpsRunClient
from workers.process.clients.run_client import RunClient
from workers.process.sinks import outage


class HttpsFleetClient:
    """Each method is one request, to the endpoint of the same name (see `workers.api.edge`)."""

    def __init__(
        self, api_client: ApiClient, *, name: str, capacity: int, incarnation: str, heartbeat: float
    ) -> None:
        self._api_client, self._path, self._incarnation = api_client, _path(name), incarnation
        self.name, self.capacity, self.heartbeat_seconds = name, capacity, heartbeat
        self.run_client: RunClient = HttpsRunClient(self._asked)

    @classmethod
    def registered(cls, api_client: ApiClient, introduction: Introduction) -> Self:
        """Register under the name of the key. Raises Unavailable and WorkerRejected."""
        values = asdict(introduction)
        name = values.pop("name")
        reply = api_client.ask("PUT", _path(name), values)
        if reply.status == HTTPStatus.NOT_FOUND:
            raise WorkerRejected(
                f"the key does not belong to a worker named {name}: {api_client.server} knows none with it."
            )
        if reply.status != HTTPStatus.OK:
            raise WorkerRejected(f"{api_client.server} does not register {name}: {reply.detail}")
        incarnation, heartbeat = read(reply, lambda body: (body["incarnation"], body["heartbeat_seconds"]))
        return cls(
            api_client,
            name=name,
            capacity=introduction.capacity,
            incarnation=str(incarnation),
            heartbeat=float(heartbeat),
        )

    def tenants(self, ids: Collection[UUID]) -> Mapping[UUID, Tenant]:
        """From the ids alone: the server names a tenant only to a worker that may serve it."""
        return {one: Tenant(id=one, schema_name=f"t_{one.hex}", name=str(one)) for one in ids}

    def keep(self, held: Sequence[tuple[UUID, int]]) -> LeaseUpdate:
        said = [{"camera": str(camera), "epoch": epoch} for camera, epoch in held]
        reply = self._asked("POST", "leases/renew/", held=said)
        update = read(required(reply), _update)
        outage.over()
        return update

    def beat(self, said: Beat) -> None:
        required(self._asked("POST", "beat/", **asdict(said)))

    def acquire(self, tenant: Tenant, camera_id: UUID) -> Grant | None:
        reply = self._asked("POST", f"leases/{camera_id}/acquire/")
        if reply.status in (HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT):
            return None
        return read(required(reply), _grant)

    def release(self, tenant: Tenant, camera_id: UUID, epoch: int) -> bool:
        reply = self._asked("POST", f"leases/{camera_id}/release/", epoch=epoch)
        if reply.status in (HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT):
            return False
        return required(reply).status == HTTPStatus.NO_CONTENT

    def sign_off(self) -> None:
        required(self._asked("POST", "sign-off/"))

    def _asked(
        self,
        method: str,
        address: str,
        *,
        patience: tuple[float, float] = PATIENCE,
        noted: bool = True,
        **body: Any,
    ) -> Reply:
        """Raises NameTaken, and what the API client raises; Unavailable is noted as an outage if `noted`."""
        said = {"incarnation": self._incarnation, **body}
        try:
            reply = self._api_client.ask(method, self._path + address, said, patience=patience)
        except Unavailable:
            if noted:
                outage.note()
            raise
        if reply.status == HTTPStatus.GONE:
            raise NameTaken
        return reply


def _path(name: str) -> str:
    return f"/api/v1/workers/{name}/"


def _update(body: dict[str, Any]) -> LeaseUpdate:
    renewed = [_grant(one) for one in body["renewed"]]
    return LeaseUpdate(
        renewed={grant.camera_id: grant for grant in renewed},
        take=[(UUID(one["tenant"]), UUID(one["camera"])) for one in body["take"]],
        give_up=[UUID(one) for one in body["give_up"]],
    )


def _grant(body: dict[str, Any]) -> Grant:
    return Grant(UUID(body["camera"]), int(body["epoch"]), datetime.fromisoformat(body["at"]))
