"""The link of a worker at the edge: the installation's REST API, with the key of this one worker."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import datetime
from http import HTTPStatus
from typing import Any, Self, TypeVar
from uuid import UUID

from tenants.models import Tenant
from workers.actions.fleet import Beat, Introduction
from workers.actions.leases import Grant
from workers.links import Away, Refused, Replaced, Standing
from workers.links.door import Door, Reply

_Found = TypeVar("_Found")


class HttpsLink:
    """Each method is one request, to the address of the same name (see `workers.api.own`)."""

    def __init__(self, door: Door, *, name: str, capacity: int, incarnation: str, heartbeat: float) -> None:
        self._door, self._path, self._incarnation = door, _path(name), incarnation
        self.name, self.capacity, self.heartbeat_seconds = name, capacity, heartbeat

    @classmethod
    def registered(cls, door: Door, introduction: Introduction) -> Self:
        """Begin under the name that the key is for. Raises Away and Refused."""
        values = asdict(introduction)
        name = values.pop("name")
        reply = door.ask("PUT", _path(name), values)
        if reply.status == HTTPStatus.NOT_FOUND:
            raise Refused(
                f"the key is not for a worker of the name {name}: {door.server} knows none with it."
            )
        if reply.status != HTTPStatus.OK:
            raise Refused(f"{door.server} does not register {name}: {reply.detail}")
        incarnation, heartbeat = _read(reply, lambda body: (body["incarnation"], body["heartbeat_seconds"]))
        return cls(
            door,
            name=name,
            capacity=introduction.capacity,
            incarnation=str(incarnation),
            heartbeat=float(heartbeat),
        )

    def keep(self, held: Sequence[tuple[UUID, int]]) -> Standing:
        said = [{"camera": str(camera), "epoch": epoch} for camera, epoch in held]
        reply = self._asked("POST", "leases/renew/", held=said)
        return _read(_required(reply), _standing)

    def beat(self, said: Beat) -> None:
        _required(self._asked("POST", "beat/", **asdict(said)))

    def acquire(self, tenant: Tenant, camera_id: UUID) -> Grant | None:
        reply = self._asked("POST", f"leases/{camera_id}/acquire/")
        if reply.status in (HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT):
            return None
        return _read(_required(reply), _grant)

    def release(self, tenant: Tenant, camera_id: UUID, epoch: int) -> bool:
        reply = self._asked("POST", f"leases/{camera_id}/release/", epoch=epoch)
        if reply.status in (HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT):
            return False
        return _required(reply).status == HTTPStatus.NO_CONTENT

    def sign_off(self) -> None:
        _required(self._asked("POST", "sign-off/"))

    def _asked(self, method: str, address: str, **body: Any) -> Reply:
        """Raises Replaced, and what the door raises."""
        reply = self._door.ask(method, self._path + address, {"incarnation": self._incarnation, **body})
        if reply.status == HTTPStatus.GONE:
            raise Replaced
        return reply


def _path(name: str) -> str:
    return f"/api/v1/workers/{name}/"


def _required(reply: Reply) -> Reply:
    """Raises Away for a refusal that nothing here can be done about."""
    if reply.status >= HTTPStatus.BAD_REQUEST:
        raise Away(f"the server refused: {reply.detail}")
    return reply


def _read(reply: Reply, of: Callable[[dict[str, Any]], _Found]) -> _Found:
    """Raises Away where the answer lacks something."""
    try:
        return of(reply.body)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise Away("the server's answer lacks something: is it of another version?") from None


def _standing(body: dict[str, Any]) -> Standing:
    renewed = [_grant(one) for one in body["renewed"]]
    return Standing(
        renewed={grant.camera_id: grant for grant in renewed},
        take=[(UUID(one["tenant"]), UUID(one["camera"])) for one in body["take"]],
        give_up=[UUID(one) for one in body["give_up"]],
    )


def _grant(body: dict[str, Any]) -> Grant:
    return Grant(UUID(body["camera"]), int(body["epoch"]), datetime.fromisoformat(body["at"]))
