"""A signed permission for one worker to carry out one request: to see a camera that it does not run, and to
send the answer."""

from dataclasses import dataclass
from uuid import UUID

from django.core import signing

from workers.process.sinks.pictures import store

SECONDS = 30
"""Seconds of validity: longer than any sender waits for an answer."""
LOOKS = frozenset({"test", "snapshot"})
"""Requests for which a worker may have to open a camera that it does not run."""
_SALT = "facetrack.ticket"


@dataclass(frozen=True, slots=True)
class Ticket:
    """A request and its worker. `camera` is None if it concerns no camera."""

    request: UUID
    worker: str
    tenant: UUID
    camera: UUID | None
    operation: str

    @property
    def signed(self) -> str:
        """Valid with this worker's own key only: any other reader can do nothing with it."""
        camera = str(self.camera) if self.camera else ""
        values = [str(self.request), self.worker, str(self.tenant), camera, self.operation]
        return signing.dumps(values, salt=_SALT)


def ticket_of(text: str, worker: str) -> Ticket | None:
    """None if it belongs to another worker, was forged, or has expired."""
    try:
        request, whom, tenant, camera, operation = signing.loads(text, salt=_SALT, max_age=SECONDS)
        found = Ticket(UUID(request), whom, UUID(tenant), UUID(camera) if camera else None, operation)
    except (signing.BadSignature, ValueError, TypeError, AttributeError):
        return None
    return found if found.worker == worker else None


def spend(ticket: Ticket, use: str) -> bool:
    """Each use of a ticket counts once. Returns False if it was used before. Raises RedisError."""
    return bool(store().set(f"spent.{ticket.request}.{use}", 1, nx=True, ex=2 * SECONDS))
