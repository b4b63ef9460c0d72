"""The link of a worker at the edge: the installation's REST API, with this worker's own key."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from http import HTTPStatus
from typing import Any, Self
from uuid import UUID

from tenants.models import Tenant
from workers.actions.fleet import Beat, Introduction
from workers.actions.leases import Grant
from workers.links import Away, Refused, Replaced, Standing
from workers.links.desk import Desk
from workers.links.door import PATIENCE, Door, Reply, read, required
from workers.links.https_desk import HttpsDesk
from workers.sinks import outage


class HttpsLink:
    """Each method is one request, to the endpoint of the same name (see `workers.api.own`)."""

    def __init__(self, door: Door, *, name: str, capacity: int, incarnation: str, heartbeat: float) -> None:
        self._door, self._path, self._incarnation = door, _path(name), incarnation
        self.name, self.capacity, self.heartbeat_seconds = name, capacity, heartbeat
        self.desk: Desk = HttpsDesk(self._asked)

    @classmethod
    def registered(cls, door: Door, introduction: Introduction) -> Self:
        """Register under the name of the key. Raises Away and Refused."""
        values = asdict(introduction)
        name = values.pop("name")
        reply = door.ask("PUT", _path(name), values)
        if reply.status == HTTPStatus.NOT_FOUND:
            raise Refused(
                f"the key does not belong to a worker named {name}: {door.server} knows none with it."
            )
        if reply.status != HTTPStatus.OK:
            raise Refused(f"{door.server} does not register {name}: {reply.detail}")
        incarnation, heartbeat = read(reply, lambda body: (body["incarnation"], body["heartbeat_seconds"]))
        return cls(
            door,
            name=name,
            capacity=introduction.capacity,
            incarnation=str(incarnation),
            heartbeat=float(heartbeat),
        )

    def tenants(self, ids: Collection[UUID]) -> Mapping[UUID, Tenant]:
        """From the ids alone: the server names a tenant only to a worker that may serve it."""
        return {one: Tenant(id=one, schema_name=f"t_{one.hex}", name=str(one)) for one in ids}

    def keep(self, held: Sequence[tuple[UUID, int]]) -> Standing:
        said = [{"camera": str(camera), "epoch": epoch} for camera, epoch in held]
        reply = self._asked("POST", "leases/renew/", held=said)
        standing = read(required(reply), _standing)
        outage.over()
        return standing

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
        """Raises Replaced, and what the door raises; Away is noted as an outage if `noted`."""
        said = {"incarnation": self._incarnation, **body}
        try:
            reply = self._door.ask(method, self._path + address, said, patience=patience)
        except Away:
            if noted:
                outage.note()
            raise
        if reply.status == HTTPStatus.GONE:
            raise Replaced
        return reply


def _path(name: str) -> str:
    return f"/api/v1/workers/{name}/"


def _standing(body: dict[str, Any]) -> Standing:
    renewed = [_grant(one) for one in body["renewed"]]
    return Standing(
        renewed={grant.camera_id: grant for grant in renewed},
        take=[(UUID(one["tenant"]), UUID(one["camera"])) for one in body["take"]],
        give_up=[UUID(one) for one in body["give_up"]],
    )


def _grant(body: dict[str, Any]) -> Grant:
    return Grant(UUID(body["camera"]), int(body["epoch"]), datetime.fromisoformat(body["at"]))
