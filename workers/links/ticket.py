"""Leave for one worker to carry out one request: it shows a camera that the worker does not run, and takes
the answer."""

from dataclasses import dataclass
from uuid import UUID

from django.core import signing

from workers.sinks.pictures import store

SECONDS = 30
"""How long one counts: longer than anybody waits for an answer."""
LOOKS = frozenset({"test", "snapshot"})
"""Requests for which a camera may have to be opened that the worker does not run."""
_SALT = "facetrack.ticket"


@dataclass(frozen=True, slots=True)
class Ticket:
    """What was asked of whom. `camera` is None for what is about no camera."""

    request: UUID
    worker: str
    tenant: UUID
    camera: UUID | None
    operation: str

    @property
    def signed(self) -> str:
        """Good for this worker's own key only: whatever else reads it can do nothing with it."""
        camera = str(self.camera) if self.camera else ""
        values = [str(self.request), self.worker, str(self.tenant), camera, self.operation]
        return signing.dumps(values, salt=_SALT)


def ticket_of(text: str, worker: str) -> Ticket | None:
    """None where it is not this worker's, or not ours, or has ended."""
    try:
        request, whom, tenant, camera, operation = signing.loads(text, salt=_SALT, max_age=SECONDS)
        found = Ticket(UUID(request), whom, UUID(tenant), UUID(camera) if camera else None, operation)
    except (signing.BadSignature, ValueError, TypeError, AttributeError):
        return None
    return found if found.worker == worker else None


def spend(ticket: Ticket, use: str) -> bool:
    """Each use of a ticket counts once: False where it was made before. Raises RedisError."""
    return bool(store().set(f"spent.{ticket.request}.{use}", 1, nx=True, ex=2 * SECONDS))
